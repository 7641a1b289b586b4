# All results -> results/provenance.json and results/config.yaml: the record of the run. For sharing:
# report.html and an RO-Crate.

from workflow_src.provenance.effective_settings import effective_settings


rule record_provenance:
    input:
        "results/passed_over.csv",
        rules.corpus.input,
        rules.embeddings.input,
        rules.trials.input,
        ORDER,
        rules.analysis.input,
        scores=SCORES,
    output:
        record="results/provenance.json",
        config="results/config.yaml",
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(1000, 30, turn=1),
    params:
        settings=as_it_is(json.dumps(effective_settings(SETTINGS))),
        graph=GRAPH,
        results=lambda wildcards: "results",
        logs="logs",
    message:
        "Recording the provenance of all results"
    shell:
        step("provenance.record_provenance")


rule write_crate:
    input:
        record="results/provenance.json",
        config="results/config.yaml",
    output:
        metadata="results/ro-crate-metadata.json",
        workflow=directory("results/workflow"),
    conda:
        "../envs/crate.yaml"
    resources:
        **needs(1000, 30),
    params:
        jobs=".snakemake/metadata",
    message:
        "Describing the run as a Workflow Run RO-Crate: {output.metadata}"
    shell:
        step("provenance.write_crate")


rule write_findings:
    input:
        # Last, since the page says what all jobs took.
        "results/provenance.json",
        expand(CAPTION, figure=[figure.name for figure in FIGURES]),
        template=resource_path("resources/report/findings.html.jinja"),
        runs=RUN_TABLE,
        methods=METHOD_TABLE,
        differences=DIFFERENCES,
        order=ORDER,
        points=POINT_TABLE,
        calibration=CALIBRATION_TABLE,
        passed_over="results/passed_over.csv",
        notebook="results/analysis/visual_analysis.ipynb",
        figures=[f"results/analysis/figures/{figure.name}.png" for figure in FIGURES],
    output:
        page="findings.html",
    conda:
        "../envs/report.yaml"
    resources:
        **needs(2000, 10, turn=1),
    params:
        logs="logs",
        scenario=SETTINGS.shown_list.scenario,
        confidence=SETTINGS.evaluation.intervals.confidence,
        catalogue=show_methods(RUNS.values()),
    message:
        "Writing {output}: findings, the table of methods, figures, the notebook"
    shell:
        step("analysis.write_findings")


rule report:
    input:
        "results/provenance.json",
        "findings.html",
    output:
        "report.html",
    log:
        "logs/report.log",
    conda:
        "../envs/report.yaml"
    resources:
        **needs(2000, 10),
    params:
        snakefile=main_snakefile,
        # Settings that change a result change the provenance, which is the input.
        settings=lambda wildcards, output: SETTINGS.model_dump_json(),
    message:
        "Writing {output}: results, figures, notebooks and what the run cost"
    shell:
        "snakemake --snakefile {params.snakefile:q} "
        + SETTINGS_FILE
        + " --nolock --report {output} > {log} 2>&1"
