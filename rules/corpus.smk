# Recordings -> results/corpus: the manifest of utterances and the split of speakers.
# Of a simulated corpus the manifest is drawn. Of imported embeddings the manifest comes with them, see rules/embeddings.smk.

SYNTHESIS_SHARDS = range(SETTINGS.corpus.synthetic.shards)
MANIFEST = "results/corpus/manifest.parquet"
SPLIT = "results/corpus/split.csv"
TEST_SPEAKERS = SETTINGS.corpus.test_speakers
if isinstance(TEST_SPEAKERS, str):
    TEST_SPEAKERS = resource_path(TEST_SPEAKERS)

# Of recordings in a folder: digests of them, and which of them are used.
RECORDINGS = no_digests(SETTINGS.extractor.shards)
SUBSET = None

if SETTINGS.corpus.source == "synthetic":
    AUDIO_ROOT = "results/corpus/audio"
    AUDIO = expand("results/corpus/audio/shard-{shard}", shard=SYNTHESIS_SHARDS)
elif SETTINGS.corpus.source == "directory":
    AUDIO_ROOT = SETTINGS.corpus.directory.root
    AUDIO = []
    # The target fetch_corpus makes the folder: before, there is nothing to look at.
    _to_fetch = SETTINGS.corpus.directory.archives and not (
        Path(AUDIO_ROOT).is_dir() and any(Path(AUDIO_ROOT).iterdir())
    )
    # Every job of a cluster reads this file; only the process that runs them all looks, and a plan is
    # to come before all recordings are read for the first time.
    _looks = workflow.is_main_process and not is_planning()
    _find = digest_recordings if _looks else read_digests
    if not _to_fetch:
        RECORDINGS = checked(
            _find,
            AUDIO_ROOT,
            SETTINGS.extractor.shards,
            SETTINGS.corpus.directory.speakers,
            Path.cwd() / ".snakemake/recordings",
        )
    _subset = {"speakers", "days"}
    SUBSET = SETTINGS.corpus.directory.model_dump_json(include=_subset)
elif SETTINGS.corpus.source == "simulated":
    _listed = SETTINGS.corpus.simulated.listing.utterances
    LISTED = resource_path(_listed) if _listed else []


rule corpus:
    input:
        MANIFEST,
        SPLIT,


if SETTINGS.corpus.source == "synthetic":

    rule synthesize_corpus:
        output:
            audio=directory("results/corpus/audio/shard-{shard}"),
            table="results/corpus/audio/shard-{shard}.parquet",
        log:
            "logs/synthesize_corpus/{shard}.log",
        benchmark:
            "logs/synthesize_corpus/{shard}.benchmark.tsv"
        conda:
            "../envs/audio.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(60),
        params:
            settings=settings("corpus", "synthetic"),
            seed=SETTINGS.seed,
            shards=len(SYNTHESIS_SHARDS),
            code=code("synthetic.synthesize_corpus"),
        message:
            "Synthesising the demo corpus, shard {wildcards.shard} of {params.shards}"
        shell:
            "python -m workflow_src.synthetic.synthesize_corpus --settings {params.settings:q}"
            " --seed {params.seed} --shard {wildcards.shard} --shards {params.shards}"
            " --audio {output.audio} --table {output.table} > {log} 2>&1"

    rule build_manifest:
        input:
            tables=expand(
                "results/corpus/audio/shard-{shard}.parquet", shard=SYNTHESIS_SHARDS
            ),
        output:
            MANIFEST,
        log:
            "logs/build_manifest.log",
        benchmark:
            "logs/build_manifest.benchmark.tsv"
        group:
            "corpus"
        conda:
            "../envs/audio.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(2000),
            runtime=growing(30),
        params:
            code=code("corpus.build_manifest"),
        message:
            "Listing the recordings in a manifest"
        shell:
            "python -m workflow_src.corpus.build_manifest --tables {input.tables}"
            " --manifest {output} > {log} 2>&1"

elif SETTINGS.corpus.source == "directory":

    rule build_manifest:
        input:
            metadata=SETTINGS.corpus.directory.metadata or [],
        output:
            MANIFEST,
        log:
            "logs/build_manifest.log",
        benchmark:
            "logs/build_manifest.benchmark.tsv"
        # Before extraction, which does not wait for it: it is here that names are checked.
        priority: 1
        group:
            "corpus"
        conda:
            "../envs/audio.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(2000),
            runtime=growing(120),
        params:
            root=AUDIO_ROOT,
            settings=SETTINGS.corpus.directory.model_dump_json(exclude={"archives"}),
            metadata=option("--metadata", SETTINGS.corpus.directory.metadata),
            recordings=RECORDINGS.listing,
            code=code("corpus.build_manifest"),
        message:
            "Listing the recordings under {params.root} in a manifest"
        shell:
            "python -m workflow_src.corpus.build_manifest --root {params.root:q}"
            " {params.metadata} --settings {params.settings:q}"
            " --manifest {output} > {log} 2>&1"

elif SETTINGS.corpus.source == "simulated":

    rule simulate_listing:
        input:
            LISTED,
        output:
            MANIFEST,
        log:
            "logs/simulate_listing.log",
        benchmark:
            "logs/simulate_listing.benchmark.tsv"
        group:
            "corpus"
        conda:
            "../envs/tables.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(2000),
            runtime=growing(30),
        params:
            utterances=lambda wildcards, input: option(
                "--utterances", "".join(map(str, input))
            ),
            settings=SETTINGS.corpus.simulated.listing.model_dump_json(
                exclude={"utterances"}
            ),
            seed=SETTINGS.seed,
            code=code("synthetic.simulate_listing"),
        message:
            "Listing the utterances of the simulated corpus"
        shell:
            "python -m workflow_src.synthetic.simulate_listing {params.utterances}"
            " --settings {params.settings:q} --seed {params.seed}"
            " --manifest {output} > {log} 2>&1"


rule split_speakers:
    input:
        manifest=MANIFEST,
        speakers=TEST_SPEAKERS if isinstance(TEST_SPEAKERS, str) else [],
    output:
        SPLIT,
    log:
        "logs/split_speakers.log",
    benchmark:
        "logs/split_speakers.benchmark.tsv"
    group:
        "corpus"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        test_speakers=TEST_SPEAKERS,
        nontarget_only=option(
            "--nontarget-only", ",".join(SETTINGS.trials.nontarget_only)
        ),
        seed=SETTINGS.seed,
        code=code("corpus.split_speakers"),
    message:
        "Splitting the speakers into those that train and those that are tested"
    shell:
        "python -m workflow_src.corpus.split_speakers --manifest {input.manifest}"
        " --test-speakers {params.test_speakers:q} {params.nontarget_only}"
        " --seed {params.seed} --split {output} > {log} 2>&1"


# Nodes of a cluster often have no way out to the internet.
localrules:
    fetch_corpus,


rule fetch_corpus:
    output:
        "results/corpus/fetched.json",
    log:
        "logs/fetch_corpus.log",
    benchmark:
        "logs/fetch_corpus.benchmark.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=2880,
    params:
        root=option("--root", SETTINGS.corpus.directory.root),
        settings=SETTINGS.corpus.directory.model_dump_json(include={"archives"}),
        code=code("corpus.fetch_corpus"),
    message:
        "Downloading the archives of the corpus; progress is in {log}"
    shell:
        "python -m workflow_src.corpus.fetch_corpus {params.root}"
        " --settings {params.settings:q} --record {output} > {log} 2>&1"
