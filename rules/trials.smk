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


# Trials of training speakers, on which methods are fitted and chosen.
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
            passed_over=f"{PASSED_OVER}/trials/{{scenario}}.csv",
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        resources:
            **needs(2000, 10, turn=1),
        params:
            scenario=lambda wildcards: scenario_row(wildcards.scenario),
            settings=SETTINGS.trials.generation.model_dump_json(),
            seed=SETTINGS.seed,
        message:
            "Generating the trials of {wildcards.scenario}"
        shell:
            step("trials.generate_trials")

else:

    LISTS = SETTINGS.trials.imported.root

    # Snakemake does not notice a missing source file where an earlier result exists.
    checked(check_files, LISTS, SETTINGS.trials.scenarios)

    rule import_trials:
        input:
            trial_list=f"{LISTS}/{{scenario}}/{TRIAL_FILE}",
            enrolment_list=lambda wildcards: find_enrolment_list(
                f"{LISTS}/{wildcards.scenario}"
            ),
            manifest=MANIFEST,
            split=SPLIT,
            rejected=REJECTED,
        output:
            trials="results/trials/{scenario}.parquet",
            enrolment="results/trials/{scenario}.enrolment.parquet",
            passed_over=f"{PASSED_OVER}/trials/{{scenario}}.csv",
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        resources:
            **needs(2000, 10, turn=1),
        params:
            scenario=lambda wildcards: scenario_row(wildcards.scenario),
        message:
            "Importing the trials of {wildcards.scenario}"
        shell:
            step("trials.import_trials")


rule generate_development_trials:
    input:
        manifest=MANIFEST,
        split=SPLIT,
        rejected=REJECTED,
    output:
        trials=f"{DEVELOPMENT}/{{protocol}}.parquet",
        enrolment=f"{DEVELOPMENT}/{{protocol}}.enrolment.parquet",
        passed_over=f"{PASSED_OVER}/development/{{protocol}}.csv",
    wildcard_constraints:
        protocol="|".join(DEVELOPMENT_SCENARIOS),
    group:
        "trials"
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(2000, 10, turn=1),
    params:
        scenario=lambda wildcards: scenario_row(wildcards.protocol),
        # Development trials have their own number of trajectories.
        settings=SETTINGS.trials.generation.model_dump_json(
            exclude={"random": {"trajectories"}}
        ),
        development=SETTINGS.tuning.development.model_dump_json(exclude={"scenarios"}),
        seed=SETTINGS.seed,
    message:
        "Generating development trials of {wildcards.protocol}"
    shell:
        step("trials.generate_development_trials")


rule export_trials:
    input:
        trials=TRIALS,
        enrolments=ENROLMENTS,
    output:
        trial_lists=expand(
            f"results/published_layout/{{scenario}}/{TRIAL_FILE}",
            scenario=SETTINGS.trials.scenarios,
        ),
        enrolment_lists=expand(
            f"results/published_layout/{{scenario}}/{ENROLMENT_FILES[0]}",
            scenario=SETTINGS.trials.scenarios,
        ),
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(2000, 10),
    params:
        scenarios=f"[{','.join(map(scenario_row, SETTINGS.trials.scenarios))}]",
    message:
        "Exporting the trials in the published layout"
    shell:
        step("trials.export_trials")
