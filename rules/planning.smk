# Settings + recordings -> an estimate of what a run will take.


# The plan is printed on the terminal, so it does not run on a node.
localrules:
    plan,


PLANNED = {
    "extractor": EXTRACTOR or "",
    "embeddings": IMPORTED,
    "law": LAW or "",
    "utterances": resource_path(SETTINGS.corpus.simulated.listing.utterances or ""),
    "test_speakers": TEST_SPEAKERS if isinstance(TEST_SPEAKERS, str) else "",
}


# No output and no benchmark: with either, a second plan would not run.
rule plan:
    conda:
        "../envs/planning.yaml"
    resources:
        **needs(4000, 10),
    params:
        **PLANNED,
        snakefile=main_snakefile,
        settings=as_it_is(SETTINGS.model_dump_json(by_alias=True)),
        stages=lambda wildcards: json.dumps(list_stages()),
        on_gpu=lambda wildcards: list_gpu_rules(),
        listing=lambda wildcards: sorted({job["rule"] for job in find_jobs([MANIFEST])}),
        cores=lambda wildcards: workflow.cores,
        results="results",
    message:
        "Planning: what a run would do, by a dry run and measured rates"
    shell:
        "said=$(WORKFLOW_PLANNING=1 snakemake all --dry-run --snakefile {params.snakefile:q} "
        + SETTINGS_FILE
        + " --cores {params.cores} --nolock 2> {log})"
        ' && printf %s "$said" | ' + step("planning.plan", printed="2> {log}")
