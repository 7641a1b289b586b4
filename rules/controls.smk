# Scores -> results/controls: tables that say how far results can be trusted.

ORDER = "results/controls/order.csv"


rule controls:
    input:
        ORDER,


rule measure_order:
    input:
        scores=[
            f"results/inference/{next(iter(RUNS))}/{one}.parquet"
            for one in TRIAL_LISTS
        ],
    output:
        table=ORDER,
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(2000, 30, turn=1),
    params:
        run=next(iter(RUNS)),
        folder=lambda wildcards, input: Path(input.scores[0]).parent.parent,
        lists=write_lists(TRIAL_LISTS.values()),
        seed=SETTINGS.seed,
    message:
        "Measuring what the order of trials tells"
    shell:
        step("evaluation.measure_order")
