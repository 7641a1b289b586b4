# Trained methods -> results/export: one ONNX model per run, for a service.


rule export_policy:
    input:
        [
            f"results/export/{run.run}/{file}"
            for run in RUNS.values()
            if not find_method(run.method).limit
            for file in ["method.onnx", "method.json"]
        ],


rule export_method:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        points=POINTS,
        policy=lambda wildcards: run_policy(RUNS[wildcards.run]),
        tuned=lambda wildcards: tuned_files(RUNS[wildcards.run]),
    output:
        model="results/export/{run}/method.onnx",
        description="results/export/{run}/method.json",
    group:
        "export"
    conda:
        "../envs/export.yaml"
    resources:
        **needs(2000, 10, turn=1),
    params:
        run=lambda wildcards: json.dumps(asdict(RUNS[wildcards.run])),
        rule_code=lambda wildcards: rule_code([RUNS[wildcards.run]]),
        folder=subpath(output.model, parent=True),
    message:
        "Exporting {wildcards.run} for production"
    shell:
        step("exporting.export_method")
