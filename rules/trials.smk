# Manifest + split, or lists to import -> results/trials: each scenario's trials and enrolments, in
# each order.

from workflow_src.trials.lists import (
    ENROLMENT_FILES,
    ENROLMENT_MAP,
    PAIRS,
    TRIAL_FILE,
    check_lists,
    find_lists,
)

TRIALS = expand("results/trials/{list}.parquet", list=TRIAL_LISTS)
ENROLMENTS = expand("results/trials/{list}.enrolment.parquet", list=TRIAL_LISTS)


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
            trials="results/trials/{list}.parquet",
            enrolment="results/trials/{list}.enrolment.parquet",
            passed_over=f"{PASSED_OVER}/trials/{{list}}.csv",
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        resources:
            **needs(2000, 10, turn=1),
        params:
            scenario=list_row,
            order=list_order,
            settings=lambda wildcards: generation(list_order(wildcards)),
            seed=SETTINGS.seed,
        message:
            "Generating the trials {wildcards.list}"
        shell:
            step("trials.generate_trials")

else:

    # Snakemake does not notice a missing source file where an earlier result exists.
    checked(
        check_lists,
        SETTINGS.trials.imported.root,
        SETTINGS.trials.imported.form,
        SETTINGS.trials.scenarios,
    )

    rule import_trials:
        input:
            trial_list=lambda wildcards: found_lists(wildcards).trials,
            enrolment_list=lambda wildcards: found_lists(wildcards).enrolment or [],
            manifest=MANIFEST,
            split=SPLIT,
            rejected=REJECTED,
        output:
            trials="results/trials/{list}.parquet",
            enrolment="results/trials/{list}.enrolment.parquet",
            passed_over=f"{PASSED_OVER}/trials/{{list}}.csv",
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        resources:
            **needs(2000, 10, turn=1),
        params:
            scenario=list_row,
            order=list_order,
            seed=SETTINGS.seed,
            settings=SETTINGS.trials.imported.model_dump_json(exclude={"root"}),
        message:
            "Importing the trials {wildcards.list}"
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
        settings=generation(
            SETTINGS.tuning.development.order, {"random": {"trajectories"}}
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
            f"results/published_layout/{{list}}/{TRIAL_FILE}", list=TRIAL_LISTS
        ),
        enrolment_lists=expand(
            f"results/published_layout/{{list}}/{ENROLMENT_FILES[0]}", list=TRIAL_LISTS
        ),
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(2000, 10),
    params:
        scenarios=write_scenarios([one.scenario for one in TRIAL_LISTS.values()]),
    message:
        "Exporting the trials in the published layout"
    shell:
        step("trials.export_trials")


rule export_pairs:
    input:
        trials=TRIALS,
        enrolments=ENROLMENTS,
    output:
        pair_lists=expand(f"results/pair_lists/{PAIRS}", scenario=TRIAL_LISTS),
        enrolment_maps=expand(
            f"results/pair_lists/{ENROLMENT_MAP}", scenario=TRIAL_LISTS
        ),
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(2000, 10),
    message:
        "Exporting the trials as lists of pairs"
    shell:
        step("trials.export_pairs")
