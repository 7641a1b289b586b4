# Scores -> results/analysis: figures and the executed analysis.

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
        trials=f"results/trials/{SETTINGS.shown_scenario}.parquet",
        enrolment=f"results/trials/{SETTINGS.shown_scenario}.enrolment.parquet",
        embeddings=EMBEDDINGS,
        index=INDEX,
    output:
        "results/analysis/threshold_sweep.csv",
    log:
        "logs/sweep_thresholds.log",
    benchmark:
        "logs/sweep_thresholds.benchmark.tsv"
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(4000),
        runtime=growing(60),
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
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        notebook="notebooks/visual_analysis.ipynb",
        settings=json.dumps(
            {
                "scenario": SETTINGS.shown_scenario,
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
