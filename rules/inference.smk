# Embeddings + trials + update rules -> results/inference: a score for every trial of every run.

from workflow_src.common.passed_over import gather_passed_over, shorten
from workflow_src.evaluation.headline import describe_results

RUN_TABLE = "results/inference/runs.csv"
SUMMARY = "results/summary.csv"
PUBLISHED = (
    [resource_path("resources/smiip-tv/published_results.csv")]
    if SETTINGS.analysis.compare_published
    else []
)
SCORES = expand("results/inference/{run}/{list}.parquet", run=RUNS, list=TRIAL_LISTS)
POINTS = "results/inference/{run}/operating_points.json"
TABLES = "results/analysis/tables"
LOOKS_AT_TESTS = SETTINGS.evaluation.calibration.back_end == "quality"
POINT_TABLE = f"{TABLES}/operating_points.csv"
CALIBRATION_TABLE = f"{TABLES}/calibration.csv"
INTERVALS = f"{TABLES}/intervals.csv"
METHOD_TABLE = f"{TABLES}/methods.csv"
DIFFERENCES = f"{TABLES}/differences.csv"


rule inference:
    input:
        RUN_TABLE,
        SUMMARY,
        METHOD_TABLE,
        DIFFERENCES,
        expand("results/inference/{run}.ipynb", run=RUNS),


rule tabulate_runs:
    input:
        tuned=[*(run.tuned for run in TUNED_RUNS.values()), *TUNED_LIMITS],
        # Policies that may have their own threshold.
        policies=[
            f"{run.checkpoint}/policy.json"
            for run in RUNS.values()
            if run.checkpoint and run.threshold is None and run.tuned is None
        ],
    output:
        table=RUN_TABLE,
    group:
        "analysis"
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(1000, 5, turn=1),
    params:
        runs=list_runs(RUNS.values()),
    message:
        "Writing the run table"
    shell:
        step("inference.tabulate_runs")


rule run_inference:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        trials=TRIALS,
        enrolments=ENROLMENTS,
        policy=lambda wildcards: run_policy(RUNS[wildcards.run]),
        tuned=lambda wildcards: tuned_files(RUNS[wildcards.run]),
    output:
        executed="results/inference/{run}.ipynb",
        scores=[f"results/inference/{{run}}/{one}.parquet" for one in TRIAL_LISTS],
    group:
        "inference"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(4000, 20, turn=1),
    params:
        notebook="notebooks/inference.ipynb",
        run=lambda wildcards: json.dumps(asdict(RUNS[wildcards.run])),
        rule_code=lambda wildcards: rule_code([RUNS[wildcards.run]]),
        lists=write_lists(TRIAL_LISTS.values()),
        draft="logs/run_inference/{run}.draft.ipynb",
        notebook_code=digest_notebook("notebooks/inference.ipynb"),
    message:
        "Scoring all trials with {wildcards.run}"
    shell:
        step("inference.run_inference")


if TUNED_LIMITS:

    rule tune_guard:
        input:
            trials=DEVELOPMENT_TABLES,
            embeddings=EMBEDDINGS,
            index=INDEX,
            policy=lambda wildcards: run_files([RUNS[wildcards.run]]),
        output:
            limit="results/policies/{run}/limits/{guard}.json",
            tried="results/policies/{run}/limits/{guard}.csv",
        group:
            "tuning"
        conda:
            "../envs/training.yaml"
        resources:
            **needs(3000, 60, turn=1),
        params:
            run=lambda wildcards: json.dumps(asdict(RUNS[wildcards.run])),
            rule_code=lambda wildcards: rule_code([RUNS[wildcards.run]]),
            guard="{guard}",
            development=lambda wildcards: DEVELOPMENT,
            settings=json.dumps(SETTINGS.tuning.read_by_thresholds()),
            attacks=SETTINGS.attacks.model_dump_json(exclude={"recovery"}),
            cost=SETTINGS.guards.cost,
            seed=SETTINGS.seed,
        message:
            "Choosing the limit {wildcards.guard} of {wildcards.run} on development trials under attack"
        shell:
            step("inference.tune_guard")


rule set_operating_points:
    input:
        trials=DEVELOPMENT_TABLES,
        embeddings=EMBEDDINGS,
        index=INDEX,
        policies=run_files(RUNS.values()),
        manifest=MANIFEST if LOOKS_AT_TESTS else [],
    output:
        points=expand(POINTS, run=RUNS),
    group:
        "analysis"
    conda:
        "../envs/training.yaml"
    resources:
        **needs(3000, 20, turn=1),
    params:
        runs=list_runs(RUNS.values()),
        rule_code=rule_code(RUNS.values()),
        development=lambda wildcards: DEVELOPMENT,
        scenarios=DEVELOPMENT_SCENARIOS,
        settings=SETTINGS.evaluation.model_dump_json(
            include={"operating_points", "calibration"}
        ),
    message:
        "Setting the operating points of all runs on development trials"
    shell:
        step("inference.set_operating_points")


rule measure_operating_points:
    input:
        runs=RUN_TABLE,
        chosen=expand(POINTS, run=RUNS),
        scores=SCORES,
        tables=[*TRIALS, *ENROLMENTS],
        index=INDEX,
        embeddings=EMBEDDINGS if LOOKS_AT_TESTS else [],
        manifest=MANIFEST if LOOKS_AT_TESTS else [],
    output:
        points=POINT_TABLE,
        calibration=CALIBRATION_TABLE,
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(2000, 60, turn=1),
    params:
        folder=subpath(input.runs, parent=True),
        trials=lambda wildcards: "results/trials",
        lists=write_lists(TRIAL_LISTS.values()),
        settings=SETTINGS.evaluation.operating_points.model_dump_json(),
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
    message:
        "Measuring every run at the operating points set in advance"
    shell:
        step("evaluation.measure_operating_points")


rule measure_intervals:
    input:
        runs=RUN_TABLE,
        scores=SCORES,
        index=INDEX,
    output:
        intervals=INTERVALS,
        methods=report(
            METHOD_TABLE,
            caption="../report/methods.rst",
            category="Results",
            labels={"table": "every method with its intervals"},
        ),
        differences=report(
            DIFFERENCES,
            caption="../report/differences.rst",
            category="Results",
            labels={"table": "every two methods: which differences are resolved"},
        ),
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(2000, 60, turn=1),
    params:
        folder=subpath(input.runs, parent=True),
        lists=write_lists(TRIAL_LISTS.values()),
        settings=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
    message:
        "Measuring how sure the error rates of all runs are"
    shell:
        step("evaluation.measure_intervals")


rule summarise_results:
    input:
        runs=RUN_TABLE,
        scores=SCORES,
        points=POINT_TABLE,
        calibration=CALIBRATION_TABLE,
        intervals=INTERVALS,
        published=PUBLISHED,
    output:
        summary=report(
            SUMMARY,
            caption="../report/summary.rst",
            category="Results",
            labels={"table": "EER and minDCF of every run, with their intervals"},
        ),
    group:
        "analysis"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(2000, 30, turn=1),
    params:
        folder=subpath(input.runs, parent=True),
        lists=write_lists(TRIAL_LISTS.values()),
        operating_points=SETTINGS.evaluation.operating_points.model_dump_json(),
    message:
        "Summarising EER and minDCF of every run, scenario and order"
    shell:
        step("evaluation.summarise_results")


rule export_scores:
    input:
        scores=SCORES,
    output:
        score_lists=expand(
            "results/score_lists/{run}/{list}.txt", run=RUNS, list=TRIAL_LISTS
        ),
        labelled_lists=expand(
            "results/score_lists/{run}/{list}.labelled.txt", run=RUNS, list=TRIAL_LISTS
        ),
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(2000, 60),
    message:
        "Exporting the scores of all runs as text"
    shell:
        step("exporting.export_scores")


PASSED_OVER_PARTS = [
    *(
        [f"{PASSED_OVER}/corpus.csv"]
        if SETTINGS.corpus.source in ("directory", "imported")
        else []
    ),
    *expand(f"{PASSED_OVER}/trials/{{list}}.csv", list=TRIAL_LISTS),
    *expand(
        f"{PASSED_OVER}/development/{{protocol}}.csv",
        protocol=DEVELOPMENT_SCENARIOS,
    ),
    *expand(
        f"{PASSED_OVER}/policies/{{policy}}.csv",
        policy=[
            *(f"pretrained-seed{seed}" for seed in PRETRAINED_SEEDS),
            *TRAINED_RUNS,
        ],
    ),
]


rule list_passed_over:
    input:
        parts=PASSED_OVER_PARTS,
        rejected=REJECTED,
    output:
        table=report(
            "results/passed_over.csv",
            caption="../report/passed_over.rst",
            category="Results",
            labels={"table": "what was passed over"},
        ),
    group:
        "analysis"
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(1000, 5, turn=1),
    message:
        "Listing what was passed over"
    shell:
        step("evaluation.list_passed_over")


onsuccess:
    if not is_planning():
        there = [
            path for path in [*PASSED_OVER_PARTS, REJECTED] if Path(path).exists()
        ]
        try:
            said = [
                f"passed over, {line}"
                for line in shorten(gather_passed_over(there))
            ]
            if is_asked_for("all", "report", "analysis", "inference"):
                said += describe_results(Path(), SETTINGS.shown_list.scenario)
        # The run is done; with --touch, any file counts as its result.
        except (InputError, ValueError, KeyError) as error:
            said = [f"results: {error}"]
        if Path(RUN_TABLE).exists():
            said += describe_misfits(RUNS.values())
        print(*said, sep="\n", file=sys.stderr)
