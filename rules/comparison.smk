# Simulated populations -> results/comparison: methods compared (benchmark_methods).
# Each population is this workflow on its own corpus, in its own folder.


COMPARISON = "results/comparison"
POPULATIONS = SETTINGS.comparison.populations
COMPARED = checked(population_settings, SETTINGS, POPULATIONS[0])
COMPARED_RUNS = checked(expand_runs, COMPARED)
# The calibrated score is a log-likelihood ratio.
COMPARED_KINDS = (
    ["score"]
    if SETTINGS.evaluation.calibration.back_end == "none"
    else ["score", "llr"]
)
SENSITIVITY = expand(
    f"{COMPARISON}/sensitivity/{{population}}.csv",
    population=SETTINGS.comparison.sensitive_populations,
)
# One run of each method whose sensitivity is measured, and of each reference.
SENSITIVE_RUNS = {
    method: next(run for run in COMPARED_RUNS if run.method == method)
    for method in SETTINGS.comparison.sensitive_methods
    if SENSITIVITY
}

POPULATION_TARGETS = ["embeddings", "trials", "policies"]


localrules:
    benchmark_methods,


rule benchmark_methods:
    input:
        f"{COMPARISON}/comparison.md",


# This workflow's lock also protects the inner workflow.
rule train_population:
    input:
        law=resource_path(SETTINGS.corpus.simulated.law),
    output:
        touch(f"{COMPARISON}/populations/{{population}}/trained"),
    log:
        "logs/train_population/{population}.log",
    benchmark:
        "logs/train_population/{population}.benchmark.tsv"
    wildcard_constraints:
        population=r"\d+",
    # Jobs of this rule are the longest, so they start first to keep all cores busy.
    priority: 10
    conda:
        "../envs/comparison.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        trained_on=lambda wildcards: population_training(wildcards.population),
        # The device and the place of this workflow change no result, see `device`.
        settings=lambda wildcards, output: json.dumps(
            inner_settings(population_training(wildcards.population))
        ),
        snakefile=main_snakefile,
        directory=subpath(output[0], parent=True),
        targets=POPULATION_TARGETS,
        code=lambda wildcards: population_code(),
    message:
        "Simulating population {wildcards.population} and training all methods on it; progress is in {log}"
    shell:
        "snakemake {params.targets} --snakefile {params.snakefile:q} "
        + SETTINGS_FILE
        + " --directory {params.directory} --cores {threads} --nolock"
        " --rerun-incomplete > {log} 2>&1"


rule score_population:
    input:
        rules.train_population.output,
    output:
        [
            f"{COMPARISON}/scores/{{population}}/{one.id}.{kind}.parquet"
            for one in COMPARED.trials.lists
            for kind in COMPARED_KINDS
        ],
    wildcard_constraints:
        population=r"\d+",
    group:
        "scores"
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(4000, 60, turn=1),
    params:
        results=lambda wildcards, input: f"{Path(input[0]).parent}/results",
        runs=list_runs(COMPARED_RUNS),
        rule_code=rule_code(COMPARED_RUNS),
        lists=write_lists(COMPARED.trials.lists),
        scenarios=list(SETTINGS.tuning.development.scenarios),
        calibration=SETTINGS.evaluation.calibration.model_dump_json(),
        directory=subpath(output[0], parent=True),
    message:
        "Scoring all methods on population {wildcards.population}"
    shell:
        step("comparison.score_population")


rule measure_sensitivity:
    input:
        rules.train_population.output,
    output:
        table=f"{COMPARISON}/sensitivity/{{population}}.csv",
    wildcard_constraints:
        population=r"\d+",
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(6000, 120),
    params:
        results=lambda wildcards, input: f"{Path(input[0]).parent}/results",
        settings=SETTINGS.comparison.sensitivity.model_dump_json(
            exclude={"populations"}
        ),
        tuning=SETTINGS.tuning.model_dump_json(),
        runs=list_runs(SENSITIVE_RUNS.values()),
        starts=json.dumps(
            {
                method: find_method(method).starts_from
                for method in SENSITIVE_RUNS
                if find_method(method).starts_from
            }
        ),
        own=json.dumps(
            {
                method: own_settings(SETTINGS, run)
                for method, run in SENSITIVE_RUNS.items()
            }
        ),
        rule_code=rule_code(SENSITIVE_RUNS.values()),
        generation=SETTINGS.trials.generation.model_dump_json(),
        seed="{population}",
    message:
        "Measuring sensitivity on population {wildcards.population}"
    shell:
        step("comparison.measure_sensitivity")


rule summarise_comparison:
    input:
        scores=expand(
            f"{COMPARISON}/scores/{{population}}/{{list}}.{{kind}}.parquet",
            population=POPULATIONS,
            list=[one.id for one in COMPARED.trials.lists],
            kind=COMPARED_KINDS,
        ),
        sensitivity=SENSITIVITY,
    output:
        expand(
            f"{COMPARISON}/{{name}}",
            name=[
                "comparison.md",
                "comparison.png",
                "comparison.svg",
                "methods.csv",
                "differences.csv",
                "errors.csv",
            ],
        ),
        [
            f"{COMPARISON}/sensitivity.{ending}"
            for ending in ("csv", "png", "svg")
            if SENSITIVITY
        ],
    conda:
        "../envs/notebooks.yaml"
    resources:
        **needs(4000, 60),
    params:
        scores=lambda wildcards, input: Path(input.scores[0]).parent.parent,
        runs=list_runs(COMPARED_RUNS),
        lists=write_lists(COMPARED.trials.lists),
        kinds=COMPARED_KINDS,
        populations=POPULATIONS,
        intervals=SETTINGS.evaluation.intervals.model_dump_json(),
        seed=SETTINGS.seed,
        directory=subpath(output[0], parent=True),
        methods=show_methods(COMPARED_RUNS),
    message:
        "Comparing the methods over all populations"
    shell:
        step("comparison.summarise_comparison")
