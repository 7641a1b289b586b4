# Simulated populations -> results/comparison: methods compared beyond doubt (benchmark_methods).
# Each population is this workflow on a corpus of its own, in a folder of its own.

COMPARISON = "results/comparison"
POPULATIONS = SETTINGS.comparison.populations
COMPARED = checked(population_settings, SETTINGS, POPULATIONS[0])
COMPARED_RUNS = json.dumps([asdict(run) for run in expand_runs(COMPARED)])
SENSITIVITY = expand(
    f"{COMPARISON}/sensitivity/{{population}}.csv",
    population=SETTINGS.comparison.sensitivity.populations,
)


localrules:
    benchmark_methods,


def population_config(wildcards, output):
    """Return the settings of a population's own workflow, as JSON.

    It runs in a folder of its own, so a law of the user's is named by its whole path.
    """
    content = population_training(wildcards)
    law = content["corpus"]["simulated"]["law"]
    if not law.startswith("resources/"):
        content["corpus"]["simulated"]["law"] = str(Path(law).resolve())
    return json.dumps(content | {"compute": SETTINGS.compute.model_dump()})


rule benchmark_methods:
    input:
        f"{COMPARISON}/comparison.md",


# The inner workflow is guarded by this one's lock.
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
    # First: what follows takes one core each, and would leave the other idle meanwhile.
    priority: 10
    conda:
        "../envs/comparison.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        trained_on=population_training,
        # Where it computes and where this workflow lies change nothing, see `device`.
        settings=population_config,
        snakefile=main_snakefile,
        directory=subpath(output[0], parent=True),
        code=[
            code(step)
            for step in (
                "synthetic.simulate_listing",
                "corpus.split_speakers",
                "synthetic.simulate_embeddings",
                "trials.generate_trials",
                "trials.generate_development_trials",
                "training.pretrain_policy",
                "training.finetune_policy",
                "methods.fit_method",
                "methods.tune_threshold",
            )
        ],
    message:
        "Simulating population {wildcards.population} and training all methods on it; progress is in {log}"
    shell:
        "settings=$(mktemp --suffix .json) && trap 'rm -f \"$settings\"' EXIT"
        ' && printf %s {params.settings:q} > "$settings"'
        " && snakemake embeddings trials policies --snakefile {params.snakefile:q}"
        ' --configfile "$settings" --directory {params.directory} --cores {threads} --nolock'
        " --rerun-incomplete > {log} 2>&1"


rule score_population:
    input:
        rules.train_population.output,
    output:
        [
            f"{COMPARISON}/scores/{{population}}/{scenario}.parquet"
            for scenario in SETTINGS.comparison.scenarios
        ],
    log:
        "logs/score_population/{population}.log",
    benchmark:
        "logs/score_population/{population}.benchmark.tsv"
    wildcard_constraints:
        population=r"\d+",
    group:
        "scores"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        runs=COMPARED_RUNS,
        scenarios=SETTINGS.comparison.scenarios,
        results=lambda wildcards, input: f"{Path(input[0]).parent}/results",
        directory=subpath(output[0], parent=True),
        code=code("comparison.score_population"),
    message:
        "Scoring all methods on population {wildcards.population}"
    shell:
        "python -m workflow_src.comparison.score_population --results {params.results}"
        " --runs {params.runs:q} --scenarios {params.scenarios} --out {params.directory}"
        " > {log} 2>&1"


rule measure_sensitivity:
    input:
        rules.train_population.output,
    output:
        f"{COMPARISON}/sensitivity/{{population}}.csv",
    log:
        "logs/measure_sensitivity/{population}.log",
    benchmark:
        "logs/measure_sensitivity/{population}.benchmark.tsv"
    wildcard_constraints:
        population=r"\d+",
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        settings=SETTINGS.comparison.sensitivity.model_dump_json(
            exclude={"populations"}
        ),
        tuning=SETTINGS.tuning.model_dump_json(exclude={"through_time": {"seeds"}}),
        generation=settings("trials", "generation"),
        results=lambda wildcards, input: f"{Path(input[0]).parent}/results",
        code=code("comparison.measure_sensitivity"),
    message:
        "Measuring sensitivity on population {wildcards.population}"
    shell:
        "python -m workflow_src.comparison.measure_sensitivity --results {params.results}"
        " --settings {params.settings:q} --tuning {params.tuning:q}"
        " --generation {params.generation:q} --seed {wildcards.population} --table {output}"
        " > {log} 2>&1"


rule summarise_comparison:
    input:
        scores=expand(
            f"{COMPARISON}/scores/{{population}}/{{scenario}}.parquet",
            population=POPULATIONS,
            scenario=SETTINGS.comparison.scenarios,
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
                "errors.csv",
            ],
        ),
        [
            f"{COMPARISON}/sensitivity.{ending}"
            for ending in ("csv", "png", "svg")
            if SENSITIVITY
        ],
    log:
        "logs/summarise_comparison.log",
    benchmark:
        "logs/summarise_comparison.benchmark.tsv"
    conda:
        "../envs/notebooks.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        runs=COMPARED_RUNS,
        settings=SETTINGS.comparison.model_dump_json(
            exclude={"methods", "seeds", "sensitivity", "speakers", "test_speakers"}
        ),
        seed=SETTINGS.seed,
        scores=lambda wildcards, input: Path(input.scores[0]).parent.parent,
        directory=subpath(output[0], parent=True),
        code=code("comparison.summarise_comparison"),
    message:
        "Comparing the methods over all populations"
    shell:
        "python -m workflow_src.comparison.summarise_comparison --scores {params.scores}"
        " --sensitivity {input.sensitivity} --runs {params.runs:q} --settings {params.settings:q}"
        " --seed {params.seed} --out {params.directory} > {log} 2>&1"
