# Scores -> results/analysis: figures and the executed analysis.

from workflow_src.analysis.figure_list import list_figures

_traits = {
    "updates": any(find_method(run.method).role != "baseline" for run in RUNS.values()),
    "pretraining": bool(PRETRAINED_SEEDS),
    "finetuning": bool(TRAINED_RUNS),
}
SPEAKERS = f"{TABLES}/speakers.csv"
GROUPS = f"{TABLES}/groups.csv"
FIGURES = list_figures([trait for trait, there in _traits.items() if there])
FIGURE_TABLE = f"{TABLES}/figures/{{figure}}.csv"
CAPTION = "results/analysis/figures/{figure}.txt"
PRINTED = [
    f"results/analysis/print/{{figure}}-{width}.{ending}"
    for width in ("column", "page")
    for ending in ("pdf", "svg", "png")
]


rule analysis:
    input:
        rules.inference.input,
        "results/analysis/visual_analysis.ipynb",
        # Named, or a figure that is new would not be drawn in a folder with results.
        [f"results/analysis/figures/{figure.name}.png" for figure in FIGURES],


rule sweep_thresholds:
    input:
        trials=f"results/trials/{SETTINGS.shown_list.id}.parquet",
        enrolment=f"results/trials/{SETTINGS.shown_list.id}.enrolment.parquet",
        embeddings=EMBEDDINGS,
        index=INDEX,
    output:
        sweep="results/analysis/threshold_sweep.csv",
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(4000, 60, turn=1),
    params:
        settings=SETTINGS.analysis.sweep.model_dump_json(),
    message:
        "Scoring the fixed weight over thresholds and weights"
    shell:
        step("analysis.sweep_thresholds")


rule measure_speakers:
    input:
        runs=RUN_TABLE,
        chosen=expand(POINTS, run=RUNS),
        scores=SCORES,
        index=INDEX,
        manifest=MANIFEST,
    output:
        speakers=SPEAKERS,
        groups=GROUPS,
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(2000, 60, turn=1),
    params:
        folder=subpath(input.runs, parent=True),
        lists=write_lists(TRIAL_LISTS.values()),
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
    message:
        "Measuring every run by speaker and by group of trials"
    shell:
        step("analysis.measure_speakers")


rule run_visual_analysis:
    input:
        summary=SUMMARY,
        runs=RUN_TABLE,
        scores=SCORES,
        enrolments=ENROLMENTS,
        manifest=MANIFEST,
        sweep="results/analysis/threshold_sweep.csv",
        curves=TRAINING_CURVES,
        points=POINT_TABLE,
        calibration=CALIBRATION_TABLE,
        methods=METHOD_TABLE,
        differences=DIFFERENCES,
        order=ORDER,
        speakers=SPEAKERS,
        groups=GROUPS,
    output:
        executed="results/analysis/visual_analysis.ipynb",
        figures=[
            report(
                f"results/analysis/figures/{figure.name}.png",
                category="Figures",
                labels={"figure": figure.title, "what it shows": figure.caption},
            )
            for figure in FIGURES
        ],
        others=[
            file.format(figure=figure.name)
            for file in (
                "results/analysis/figures/{figure}.svg",
                CAPTION,
                FIGURE_TABLE,
            )
            for figure in FIGURES
        ],
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(4000, 60, turn=1),
    params:
        notebook="notebooks/visual_analysis.ipynb",
        scenario=SETTINGS.shown_list.scenario,
        order=SETTINGS.shown_list.order,
        alpha=SETTINGS.analysis.alpha,
        pretrained=PRETRAINED_SEEDS,
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
        draft="logs/run_visual_analysis.draft.ipynb",
        notebook_code=digest_notebook("notebooks/visual_analysis.ipynb"),
        methods=show_methods(RUNS.values()),
    message:
        "Executing the visual analysis"
    shell:
        step("analysis.run_visual_analysis")


rule draw_figure:
    input:
        table=FIGURE_TABLE,
    output:
        PRINTED,
    wildcard_constraints:
        figure=r"\w+",
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(1000, 10),
    params:
        figure="{figure}",
        directory=subpath(output[0], parent=True),
        methods=show_methods(RUNS.values()),
    message:
        "Drawing the figure {wildcards.figure} for print"
    shell:
        step("analysis.draw_figure")


rule figures:
    input:
        expand(PRINTED, figure=[figure.name for figure in FIGURES]),


for _figure in FIGURES:

    rule:
        name:
            f"figure_{_figure.name}"
        input:
            expand(PRINTED, figure=_figure.name),
