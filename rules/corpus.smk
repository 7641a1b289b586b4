# Recordings -> results/corpus: the manifest of utterances and the split of speakers.
# The manifest of a simulated corpus is drawn; imported embeddings bring theirs (rules/embeddings.smk).

SYNTHESIS_SHARDS = range(SETTINGS.corpus.synthetic.shards)
MANIFEST = "results/corpus/manifest.parquet"
SPLIT = "results/corpus/split.csv"
TEST_SPEAKERS = SETTINGS.corpus.test_speakers
if isinstance(TEST_SPEAKERS, str):
    TEST_SPEAKERS = given_path(TEST_SPEAKERS, "corpus.test_speakers")

# What each step passes over, one table a step.
PASSED_OVER = "results/passed_over"

# For recordings in a folder: their digests, and the speakers and days to use.
RECORDINGS = no_digests(SETTINGS.extractor.shards)
SUBSET = None
# The files that name the recordings, if their names do not.
NAMED_BY = []
# For a synthetic or simulated corpus: the file of its law.
LAW = []

if SETTINGS.corpus.source == "synthetic":
    AUDIO_ROOT = "results/corpus/audio"
    AUDIO = expand("results/corpus/audio/shard-{shard}", shard=SYNTHESIS_SHARDS)
    LAW = given_path(SETTINGS.corpus.synthetic.law, "corpus.synthetic.law")
elif SETTINGS.corpus.source == "directory":
    AUDIO_ROOT = SETTINGS.corpus.directory.root
    AUDIO = []
    if SETTINGS.corpus.directory.table:
        NAMED_BY = [
            given_path(SETTINGS.corpus.directory.table, "corpus.directory.table")
        ]
    elif SETTINGS.corpus.directory.kaldi:
        NAMED_BY = checked(list_files, Path(SETTINGS.corpus.directory.kaldi))
    # Before the target fetch_corpus makes the folder, there are no recordings.
    _to_fetch = SETTINGS.corpus.directory.archives and not (
        Path(AUDIO_ROOT).is_dir() and any(Path(AUDIO_ROOT).iterdir())
    )
    # Every job of a cluster reads this Snakefile, but only the main process reads the recordings. A
    # plan does not read them, because the first reading takes long.
    _looks = workflow.is_main_process and not is_planning()
    _find = digest_recordings if _looks else read_digests
    if not _to_fetch:
        RECORDINGS = checked(
            _find,
            SETTINGS.corpus.directory,
            SETTINGS.extractor.shards,
            Path.cwd() / ".snakemake/recordings",
        )
    METADATA = SETTINGS.corpus.directory.metadata or []
    if METADATA:
        checked(check_given, METADATA, "corpus.directory.metadata")
    _subset = {"speakers", "days", "names", "table", "kaldi"}
    SUBSET = SETTINGS.corpus.directory.model_dump_json(include=_subset)
elif SETTINGS.corpus.source == "simulated":
    _listed = SETTINGS.corpus.simulated.listing.utterances
    LISTED = (
        given_path(_listed, "corpus.simulated.listing.utterances") if _listed else []
    )
    checked(
        check_pattern,
        SETTINGS.corpus.simulated.listing.names,
        "corpus.simulated.listing.names",
    )
    LAW = given_path(SETTINGS.corpus.simulated.law, "corpus.simulated.law")


rule corpus:
    input:
        MANIFEST,
        SPLIT,


if SETTINGS.corpus.source == "synthetic":

    rule synthesize_corpus:
        input:
            law=LAW,
        output:
            audio=directory("results/corpus/audio/shard-{shard}"),
            table="results/corpus/audio/shard-{shard}.parquet",
        conda:
            "../envs/audio.yaml"
        resources:
            **needs(1000, 60),
        params:
            settings=SETTINGS.corpus.synthetic.model_dump_json(exclude={"law"}),
            seed=SETTINGS.seed,
            shard="{shard}",
            shards=len(SYNTHESIS_SHARDS),
        message:
            "Synthesising the demo corpus, shard {wildcards.shard} of {params.shards}"
        shell:
            step("synthetic.synthesize_corpus")

    rule build_manifest:
        input:
            tables=expand(
                "results/corpus/audio/shard-{shard}.parquet", shard=SYNTHESIS_SHARDS
            ),
        output:
            manifest=MANIFEST,
        group:
            "corpus"
        conda:
            "../envs/audio.yaml"
        resources:
            **needs(2000, 30, turn=1),
        message:
            "Listing the recordings in a manifest"
        shell:
            step(
                "corpus.build_manifest",
                without=["root", "metadata", "settings", "named_by", "passed_over"],
            )

elif SETTINGS.corpus.source == "directory":

    rule build_manifest:
        input:
            metadata=METADATA,
            named_by=NAMED_BY,
        output:
            manifest=MANIFEST,
            passed_over=f"{PASSED_OVER}/corpus.csv",
        # This rule checks names, so it runs before extraction, which does not depend on it.
        priority: 1
        group:
            "corpus"
        conda:
            "../envs/audio.yaml"
        resources:
            **needs(2000, 120, turn=1),
        params:
            root=AUDIO_ROOT,
            settings=as_it_is(
                SETTINGS.corpus.directory.model_dump_json(exclude={"archives"})
            ),
            recordings=RECORDINGS.listing,
        message:
            "Listing the recordings under {params.root} in a manifest"
        shell:
            step("corpus.build_manifest", without=["tables"])

elif SETTINGS.corpus.source == "simulated":

    rule simulate_listing:
        input:
            utterances=LISTED,
        output:
            manifest=MANIFEST,
        group:
            "corpus"
        conda:
            "../envs/tables.yaml"
        resources:
            **needs(2000, 30, turn=1),
        params:
            settings=as_it_is(
                SETTINGS.corpus.simulated.listing.model_dump_json(
                    exclude={"utterances"} if LISTED else {"utterances", "names"}
                )
            ),
            seed=SETTINGS.seed,
        message:
            "Listing the utterances of the simulated corpus"
        shell:
            step("synthetic.simulate_listing")


rule split_speakers:
    input:
        manifest=MANIFEST,
        speakers=TEST_SPEAKERS if isinstance(TEST_SPEAKERS, str) else [],
    output:
        split=SPLIT,
    group:
        "corpus"
    conda:
        "../envs/tables.yaml"
    resources:
        **needs(2000, 10, turn=1),
    params:
        test_speakers=TEST_SPEAKERS,
        nontarget_only=as_it_is(SETTINGS.trials.nontarget_only),
        seed=SETTINGS.seed,
    message:
        "Splitting the speakers into those that train and those that are tested"
    shell:
        step("corpus.split_speakers")


# Nodes of a cluster often have no access to the internet.
localrules:
    fetch_corpus,


rule fetch_corpus:
    output:
        record="results/corpus/fetched.json",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=1000,
        runtime=2880,
    params:
        root=SETTINGS.corpus.directory.root or "",
        settings=as_it_is(
            SETTINGS.corpus.directory.model_dump_json(include={"archives"})
        ),
    message:
        "Downloading the archives of the corpus; progress is in {log}"
    shell:
        step("corpus.fetch_corpus")
