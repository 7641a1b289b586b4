# Embeddings + trials + update rules -> results/inference: a score for every trial of every run.

RUN_TABLE = "results/inference/runs.csv"
SUMMARY = "results/summary.csv"
PUBLISHED = (
    [resource_path("resources/smiip-tv/published_results.csv")]
    if SETTINGS.analysis.compare_published
    else []
)
SCORES = expand(
    "results/inference/{run}/{scenario}.parquet",
    run=RUNS,
    scenario=SETTINGS.trials.scenarios,
)


rule inference:
    input:
        RUN_TABLE,
        SUMMARY,
        expand("results/inference/{run}.ipynb", run=RUNS),


rule tabulate_runs:
    input:
        tuned=[run.tuned for run in TUNED_RUNS.values()],
        # Policies that may hold a threshold of their own.
        policies=[
            f"{run.checkpoint}/policy.json"
            for run in RUNS.values()
            if run.checkpoint and run.threshold is None and run.tuned is None
        ],
    output:
        RUN_TABLE,
    log:
        "logs/tabulate_runs.log",
    benchmark:
        "logs/tabulate_runs.benchmark.tsv"
    group:
        "analysis"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        runs=json.dumps([asdict(run) for run in RUNS.values()]),
        code=code("inference.tabulate_runs"),
    message:
        "Writing the run table"
    shell:
        "python -m workflow_src.inference.tabulate_runs --runs {params.runs:q} --table {output} > {log} 2>&1"


rule run_inference:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        trials=TRIALS,
        enrolments=ENROLMENTS,
        policy=lambda wildcards: run_policy(RUNS[wildcards.run]),
        tuned=lambda wildcards: RUNS[wildcards.run].tuned or [],
    output:
        notebook="results/inference/{run}.ipynb",
        scores=[
            f"results/inference/{{run}}/{scenario}.parquet"
            for scenario in SETTINGS.trials.scenarios
        ],
    log:
        "logs/run_inference/{run}.log",
    benchmark:
        "logs/run_inference/{run}.benchmark.tsv"
    group:
        "inference"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        notebook="notebooks/inference.ipynb",
        run=lambda wildcards: json.dumps(asdict(RUNS[wildcards.run])),
        rule_code=lambda wildcards: RULE_CODE[wildcards.run],
        scenarios=SETTINGS.trials.scenarios,
        draft="logs/run_inference/{run}.draft.ipynb",
        code=code("inference.run_inference"),
        notebook_code=digest_notebook("notebooks/inference.ipynb"),
    message:
        "Scoring all scenarios with {wildcards.run}"
    shell:
        "python -m workflow_src.inference.run_inference --notebook {params.notebook} --run {params.run:q}"
        " --scenarios {params.scenarios} --executed {output.notebook} --draft {params.draft}"
        " > {log} 2>&1"


rule summarise_results:
    input:
        runs=RUN_TABLE,
        scores=SCORES,
        published=PUBLISHED,
    output:
        report(
            SUMMARY,
            caption="../report/summary.rst",
            category="Results",
            labels={"table": "EER and minDCF of every run"},
        ),
    log:
        "logs/summarise_results.log",
    benchmark:
        "logs/summarise_results.benchmark.tsv"
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        scenarios=SETTINGS.trials.scenarios,
        published=lambda wildcards, input: option(
            "--published", "".join(input.published)
        ),
        code=code("evaluation.summarise_results"),
    message:
        "Summarising EER and minDCF of every run and scenario"
    shell:
        "python -m workflow_src.evaluation.summarise_results --runs {input.runs}"
        " --scores results/inference --scenarios {params.scenarios} {params.published} --summary {output} > {log} 2>&1"


rule export_policy:
    input:
        [
            f"results/export/{run.run}/{file}"
            for run in RUNS.values()
            if run.method not in LIMITS
            for file in ["method.onnx", "method.json"]
        ],


rule export_method:
    input:
        embeddings=EMBEDDINGS,
        summary=SUMMARY,
        policy=lambda wildcards: (
            policy_files(RUNS[wildcards.run].checkpoint)
            if RUNS[wildcards.run].checkpoint
            else []
        ),
        tuned=lambda wildcards: RUNS[wildcards.run].tuned or [],
    output:
        model="results/export/{run}/method.onnx",
        description="results/export/{run}/method.json",
    log:
        "logs/export_method/{run}.log",
    benchmark:
        "logs/export_method/{run}.benchmark.tsv"
    group:
        "export"
    conda:
        "../envs/export.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        run=lambda wildcards: json.dumps(asdict(RUNS[wildcards.run])),
        rule_code=lambda wildcards: RULE_CODE[wildcards.run],
        scenario=SETTINGS.analysis.scenario,
        directory=subpath(output.model, parent=True),
        code=code("serving.export_method"),
    message:
        "Exporting {wildcards.run} for production"
    shell:
        "python -m workflow_src.serving.export_method --run {params.run:q}"
        " --embeddings {input.embeddings} --summary {input.summary}"
        " --scenario {params.scenario} --out-dir {params.directory} > {log} 2>&1"
