# Manifest + split -> results/trials: a table of trials a scenario, and its enrolments.

TRIALS = expand("results/trials/{scenario}.parquet", scenario=SETTINGS.trials.scenarios)
ENROLMENTS = expand(
    "results/trials/{scenario}.enrolment.parquet", scenario=SETTINGS.trials.scenarios
)


rule trials:
    input:
        TRIALS,
        ENROLMENTS,


rule generate_trials:
    input:
        manifest=MANIFEST,
        split=SPLIT,
        rejected=REJECTED,
    output:
        trials="results/trials/{scenario}.parquet",
        enrolment="results/trials/{scenario}.enrolment.parquet",
    log:
        "logs/generate_trials/{scenario}.log",
    benchmark:
        "logs/generate_trials/{scenario}.benchmark.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=settings("trials", "generation"),
        seed=SETTINGS.seed,
        code=code("trials.generate_trials"),
    message:
        "Generating the trials of {wildcards.scenario}"
    shell:
        "python -m workflow_src.trials.generate_trials --manifest {input.manifest}"
        " --split {input.split} --rejected {input.rejected} --settings {params.settings:q}"
        " --seed {params.seed} --scenario {wildcards.scenario} --out {output.trials}"
        " --enrolment {output.enrolment} > {log} 2>&1"
