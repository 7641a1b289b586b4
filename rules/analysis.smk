# Scores -> results/analysis and results/provenance.json: figures, the executed analysis, the record.

FIGURES = {
    "error_rates": "EER of all methods over the scenarios",
    "det": "Detection error trade-off",
    "scores_over_time": "Scores against days since enrolment",
    "error_rates_by_condition": "EER by week, slot, state and noise",
    "update_behaviour": "Updates on targets and non-targets",
    "threshold_sweep": "EER over threshold and weight",
    "pretraining": "Pretraining curves",
    "finetuning": "PPO curves",
}
# Of runs without a trained policy, or without any update, some figures have nothing to show.
if not TRAINED_RUNS:
    del FIGURES["finetuning"]
if not PRETRAINED_SEEDS:
    del FIGURES["pretraining"]
if all(run.method == "baseline" for run in RUNS.values()):
    del FIGURES["update_behaviour"]


rule analysis:
    input:
        rules.inference.input,
        "results/analysis/visual_analysis.ipynb",


rule sweep_thresholds:
    input:
        trials=f"results/trials/{SETTINGS.analysis.scenario}.parquet",
        enrolment=f"results/trials/{SETTINGS.analysis.scenario}.enrolment.parquet",
        embeddings=EMBEDDINGS,
        index=INDEX,
    output:
        "results/analysis/threshold_sweep.csv",
    log:
        "logs/sweep_thresholds.log",
    benchmark:
        "logs/sweep_thresholds.benchmark.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("analysis", "sweep"),
        code=code("analysis.sweep_thresholds"),
    message:
        "Scoring the fixed weight over thresholds and weights"
    shell:
        "python -m workflow_src.analysis.sweep_thresholds --trials {input.trials}"
        " --enrolment {input.enrolment} --embeddings {input.embeddings} --index {input.index}"
        " --settings {params.settings:q} --sweep {output} > {log} 2>&1"


rule run_visual_analysis:
    input:
        summary=SUMMARY,
        runs=RUN_TABLE,
        scores=SCORES,
        enrolments=ENROLMENTS,
        manifest=MANIFEST,
        sweep="results/analysis/threshold_sweep.csv",
        curves=TRAINING_CURVES,
    output:
        notebook="results/analysis/visual_analysis.ipynb",
        figures=[
            report(
                f"results/analysis/figures/{name}.png",
                caption=f"../report/{name}.rst",
                category="Figures",
                labels={"figure": title},
            )
            for name, title in FIGURES.items()
        ],
        vector_figures=[f"results/analysis/figures/{name}.svg" for name in FIGURES],
    log:
        "logs/run_visual_analysis.log",
    benchmark:
        "logs/run_visual_analysis.benchmark.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        notebook="notebooks/visual_analysis.ipynb",
        settings=json.dumps(
            {
                "scenario": SETTINGS.analysis.scenario,
                "alpha": SETTINGS.analysis.alpha,
                "pretrained": PRETRAINED_SEEDS,
            }
        ),
        draft="logs/run_visual_analysis.draft.ipynb",
        code=code("analysis.run_visual_analysis"),
        notebook_code=digest_notebook("notebooks/visual_analysis.ipynb"),
    message:
        "Executing the visual analysis"
    shell:
        "python -m workflow_src.analysis.run_visual_analysis --notebook {params.notebook}"
        " --settings {params.settings:q} --executed {output.notebook} --draft {params.draft}"
        " > {log} 2>&1"


rule record_provenance:
    input:
        rules.corpus.input,
        rules.embeddings.input,
        rules.trials.input,
        rules.analysis.input,
        scores=SCORES,
        extractor=EXTRACTOR,
        embeddings=IMPORTED,
        policies=[file for name in GIVEN for file in given_files(name)],
    output:
        "results/provenance.json",
    log:
        "logs/record_provenance.log",
    benchmark:
        "logs/record_provenance.benchmark.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        settings=json.dumps(effective_settings(SETTINGS)),
        policies=lambda wildcards, input: json.dumps(
            {name: given_files(name) for name in GIVEN}
        ),
        code=code("analysis.record_provenance"),
    message:
        "Recording the provenance of all results"
    shell:
        "python -m workflow_src.analysis.record_provenance --settings {params.settings:q}"
        " --extractor {input.extractor:q} --embeddings {input.embeddings:q}"
        " --policies {params.policies:q} --results results --provenance {output} > {log} 2>&1"


rule report:
    input:
        "results/provenance.json",
    output:
        "report.html",
    log:
        "logs/report.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        snakefile=str(workflow.main_snakefile),
        settings=SETTINGS.model_dump_json(),
    message:
        "Writing {output}: results, figures, notebooks and what the run cost"
    shell:
        "settings=$(mktemp --suffix .json) && trap 'rm -f \"$settings\"' EXIT"
        ' && printf %s {params.settings:q} > "$settings"'
        ' && snakemake --snakefile {params.snakefile:q} --configfile "$settings" --nolock'
        " --report {output} > {log} 2>&1"


# On the terminal, not on a node.
localrules:
    plan,


# Neither output nor benchmark: with either, a second plan would find nothing to be done.
rule plan:
    log:
        "logs/plan.log",
    conda:
        "../envs/planning.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        snakefile=str(workflow.main_snakefile),
        settings=SETTINGS.model_dump_json(by_alias=True),
        cores=lambda wildcards: workflow.cores,
        extractor=option("--extractor", EXTRACTOR or None),
        embeddings=IMPORTED,
        utterances=option(
            "--utterances",
            resource_path(SETTINGS.corpus.simulated.listing.utterances or ""),
        ),
        test_speakers=option(
            "--test-speakers",
            TEST_SPEAKERS if isinstance(TEST_SPEAKERS, str) else None,
        ),
    message:
        "Planning: what a run would do, by a dry run and measured rates"
    shell:
        "settings=$(mktemp --suffix .json) && trap 'rm -f \"$settings\"' EXIT"
        ' && printf %s {params.settings:q} > "$settings"'
        " && said=$(snakemake all --dry-run --snakefile {params.snakefile:q}"
        ' --configfile "$settings" --cores {params.cores} --nolock 2> {log})'
        ' && printf %s "$said" | python -m workflow_src.analysis.plan --settings "$(cat "$settings")"'
        " --cores {params.cores} --results results"
        " {params.extractor} --embeddings {params.embeddings:q} {params.utterances}"
        " {params.test_speakers} 2> {log}"
