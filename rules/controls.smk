# Embeddings + trials + update rules -> results/controls: tables that say how far results can be
# trusted. The run itself needs the first; the others are made on demand.

ORDER = "results/controls/order.csv"
CONTROLLED = SETTINGS.controlled_lists
CONTROLLED_SCENARIOS = list(dict.fromkeys(one.scenario for one in CONTROLLED))
CONTROLS = expand(
    "results/controls/{control}.csv",
    control=["shuffled_targets", "separate_tests", "headroom"],
)
# Imported lists do not tell what other enrolments and trials there could be.
NEW_TRIALS = expand(
    "results/controls/{control}.csv",
    control=(
        ["long_enrolment", "impostors"] if SETTINGS.trials.source == "generate" else []
    ),
)
ATTACKS = "results/controls/attacks.csv"


rule controls:
    input:
        ORDER,
        CONTROLS,
        NEW_TRIALS,


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


rule shuffle_targets:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        tables=list_tables(CONTROLLED),
        policies=run_files(compared_runs("baseline")),
    output:
        table="results/controls/shuffled_targets.csv",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(4000, 60),
    params:
        runs=list_runs(compared_runs("baseline")),
        rule_code=lambda wildcards: rule_code(compared_runs("baseline")),
        baseline=REFERENCES["baseline"].run,
        trials=lambda wildcards: "results/trials",
        lists=write_lists(CONTROLLED),
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
    message:
        "Measuring all runs on targets in random order"
    shell:
        step("controls.shuffle_targets")


rule separate_tests:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        tables=list_tables(CONTROLLED),
        policies=run_files(compared_runs("baseline")),
    output:
        table="results/controls/separate_tests.csv",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(4000, 60),
    params:
        runs=list_runs(compared_runs("baseline")),
        rule_code=lambda wildcards: rule_code(compared_runs("baseline")),
        baseline=REFERENCES["baseline"].run,
        trials=lambda wildcards: "results/trials",
        lists=write_lists(CONTROLLED),
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
    message:
        "Measuring all runs on tests that never update"
    shell:
        step("controls.separate_tests")


rule measure_headroom:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        tables=list_tables(CONTROLLED),
        policies=run_files(compared_runs("baseline", "ceiling")),
    output:
        table="results/controls/headroom.csv",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(4000, 60),
    params:
        runs=list_runs(compared_runs("baseline", "ceiling")),
        rule_code=lambda wildcards: rule_code(compared_runs("baseline", "ceiling")),
        baseline=REFERENCES["baseline"].run,
        ceiling=REFERENCES["ceiling"].run,
        trials=lambda wildcards: "results/trials",
        lists=write_lists(CONTROLLED),
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
    message:
        "Measuring how much of the headroom every run gets"
    shell:
        step("controls.measure_headroom")


if NEW_TRIALS:

    rule lengthen_enrolment:
        input:
            embeddings=EMBEDDINGS,
            index=INDEX,
            manifest=MANIFEST,
            split=SPLIT,
            rejected=REJECTED,
            policies=run_files(compared_runs("baseline")),
        output:
            table="results/controls/long_enrolment.csv",
        conda:
            "../envs/training.yaml"
        resources:
            **needs(4000, 60),
        params:
            runs=list_runs(compared_runs("baseline")),
            rule_code=lambda wildcards: rule_code(compared_runs("baseline")),
            baseline=REFERENCES["baseline"].run,
            utterances=SETTINGS.evaluation.controls.enrolment_utterances,
            scenarios=write_scenarios(CONTROLLED_SCENARIOS),
            generation=SETTINGS.trials.generation.model_dump_json(),
            lists=write_lists(CONTROLLED),
            intervals=SETTINGS.evaluation.intervals.model_dump_json(),
            seed=SETTINGS.seed,
        message:
            "Measuring longer enrolments without updates"
        shell:
            step("controls.lengthen_enrolment")

    rule vary_impostors:
        input:
            embeddings=EMBEDDINGS,
            index=INDEX,
            manifest=MANIFEST,
            split=SPLIT,
            rejected=REJECTED,
            chosen=expand(POINTS, run=RUNS),
            policies=run_files(compared_runs("baseline")),
        output:
            table="results/controls/impostors.csv",
        conda:
            "../envs/training.yaml"
        resources:
            **needs(4000, 60),
        params:
            runs=list_runs(compared_runs("baseline")),
            rule_code=lambda wildcards: rule_code(compared_runs("baseline")),
            baseline=REFERENCES["baseline"].run,
            rates=SETTINGS.evaluation.controls.nontargets_per_target,
            scenarios=write_scenarios(CONTROLLED_SCENARIOS),
            generation=SETTINGS.trials.generation.model_dump_json(),
            intervals=SETTINGS.evaluation.intervals.model_dump_json(),
            seed=SETTINGS.seed,
        message:
            "Measuring all runs with few and with many impostors"
        shell:
            step("controls.vary_impostors")


rule attacks:
    input:
        ATTACKS,


rule measure_attacks:
    input:
        chosen=expand(POINTS, run=RUNS),
        tables=list_tables([SETTINGS.shown_list]),
        embeddings=EMBEDDINGS,
        index=INDEX,
        policies=run_files(RUNS.values()),
    output:
        table=ATTACKS,
    conda:
        "../envs/training.yaml"
    resources:
        **needs(3000, 60, turn=1),
    params:
        runs=list_runs(RUNS.values()),
        rule_code=rule_code(RUNS.values()),
        points=lambda wildcards: "results/inference",
        trials=lambda wildcards: "results/trials",
        trial_list=SETTINGS.shown_list.model_dump_json(),
        settings=SETTINGS.attacks.model_dump_json(),
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
    message:
        "Attacking the templates of all runs"
    shell:
        step("controls.measure_attacks")
