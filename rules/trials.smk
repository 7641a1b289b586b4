# Manifest + split, or lists to import -> results/trials: each scenario's trials and enrolments.

from workflow_src.trials.published_layout import (
    ENROLMENT_FILES,
    TRIAL_FILE,
    check_files,
    find_enrolment_list,
)

TRIALS = expand("results/trials/{scenario}.parquet", scenario=SETTINGS.trials.scenarios)
ENROLMENTS = expand(
    "results/trials/{scenario}.enrolment.parquet", scenario=SETTINGS.trials.scenarios
)


# Of the training speakers: what methods are fitted and chosen on.
DEVELOPMENT = "results/trials/development"
DEVELOPMENT_SCENARIOS = SETTINGS.tuning.development.scenarios
DEVELOPMENT_TABLES = expand(
    f"{DEVELOPMENT}/{{protocol}}{{kind}}",
    protocol=DEVELOPMENT_SCENARIOS,
    kind=[".parquet", ".enrolment.parquet"],
)


rule trials:
    input:
        TRIALS,
        ENROLMENTS,


if SETTINGS.trials.source == "generate":

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
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(2000),
            runtime=growing(10),
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

else:

    LISTS = SETTINGS.trials.imported.root

    # Where an earlier result is there, Snakemake would not miss a source file.
    try:
        check_files(LISTS, SETTINGS.trials.scenarios)
    except InputError as error:
        raise WorkflowError(str(error)) from None

    rule import_trials:
        input:
            trials=f"{LISTS}/{{scenario}}/{TRIAL_FILE}",
            enrolment=lambda wildcards: find_enrolment_list(
                f"{LISTS}/{wildcards.scenario}"
            ),
            manifest=MANIFEST,
            split=SPLIT,
            rejected=REJECTED,
        output:
            trials="results/trials/{scenario}.parquet",
            enrolment="results/trials/{scenario}.enrolment.parquet",
        log:
            "logs/import_trials/{scenario}.log",
        benchmark:
            "logs/import_trials/{scenario}.benchmark.tsv"
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(2000),
            runtime=growing(10),
        params:
            root=LISTS,
            code=code("trials.import_trials"),
        message:
            "Importing the trials of {wildcards.scenario}"
        shell:
            "python -m workflow_src.trials.import_trials --root {params.root:q}"
            " --scenario {wildcards.scenario} --manifest {input.manifest} --split {input.split}"
            " --rejected {input.rejected} --out {output.trials}"
            " --enrolment {output.enrolment} > {log} 2>&1"


rule generate_development_trials:
    input:
        manifest=MANIFEST,
        split=SPLIT,
        rejected=REJECTED,
    output:
        trials=f"{DEVELOPMENT}/{{protocol}}.parquet",
        enrolment=f"{DEVELOPMENT}/{{protocol}}.enrolment.parquet",
    log:
        "logs/generate_development_trials/{protocol}.log",
    benchmark:
        "logs/generate_development_trials/{protocol}.benchmark.tsv"
    wildcard_constraints:
        protocol="|".join(DEVELOPMENT_SCENARIOS),
    group:
        "trials"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        # Development trials have trajectories of their own.
        settings=SETTINGS.trials.generation.model_dump_json(
            exclude={"random": {"trajectories"}}
        ),
        development=SETTINGS.tuning.development.model_dump_json(exclude={"scenarios"}),
        seed=SETTINGS.seed,
        code=code("trials.generate_development_trials"),
    message:
        "Generating development trials of {wildcards.protocol}"
    shell:
        "python -m workflow_src.trials.generate_development_trials --manifest {input.manifest}"
        " --split {input.split} --rejected {input.rejected} --settings {params.settings:q}"
        " --development {params.development:q} --seed {params.seed}"
        " --scenario {wildcards.protocol} --out {output.trials}"
        " --enrolment {output.enrolment} > {log} 2>&1"


rule export_trials:
    input:
        TRIALS,
        ENROLMENTS,
    output:
        expand(
            "results/published_layout/{scenario}/{file}",
            scenario=SETTINGS.trials.scenarios,
            file=[TRIAL_FILE, ENROLMENT_FILES[0]],
        ),
    log:
        "logs/export_trials.log",
    benchmark:
        "logs/export_trials.benchmark.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        scenarios=SETTINGS.trials.scenarios,
        code=code("trials.export_trials"),
    message:
        "Exporting the trials in the published layout"
    shell:
        "python -m workflow_src.trials.export_trials --trials results/trials"
        " --scenarios {params.scenarios} --out results/published_layout > {log} 2>&1"
