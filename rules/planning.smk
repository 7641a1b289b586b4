# The settings, and what lies at corpus.root -> what a run will take, before any runs.


# On the terminal, not on a node.
localrules:
    plan,


# Neither output nor benchmark: with either, a second plan would find nothing to be done.
rule plan:
    log:
        "logs/plan.log",
    conda:
        "../envs/planning.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        snakefile=main_snakefile,
        settings=SETTINGS.model_dump_json(by_alias=True),
        cores=lambda wildcards: workflow.cores,
        extractor=option("--extractor", EXTRACTOR or None),
        embeddings=IMPORTED,
        law=option("--law", LAW or None),
        utterances=option(
            "--utterances",
            resource_path(SETTINGS.corpus.simulated.listing.utterances or ""),
        ),
        test_speakers=option(
            "--test-speakers",
            TEST_SPEAKERS if isinstance(TEST_SPEAKERS, str) else None,
        ),
    message:
        "Planning: what a run would do, by a dry run and measured rates"
    shell:
        "settings=$(mktemp --suffix .json) && trap 'rm -f \"$settings\"' EXIT"
        ' && printf %s {params.settings:q} > "$settings"'
        " && said=$(WORKFLOW_PLANNING=1 snakemake all --dry-run --snakefile {params.snakefile:q}"
        ' --configfile "$settings" --cores {params.cores} --nolock 2> {log})'
        ' && printf %s "$said" | python -m workflow_src.planning.plan --settings "$(cat "$settings")"'
        " --cores {params.cores} --results results"
        " {params.extractor} --embeddings {params.embeddings:q} {params.utterances} {params.law}"
        " {params.test_speakers} 2> {log}"
