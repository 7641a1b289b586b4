# Manifest + extractor -> results/embeddings: one matrix of embeddings and its utterance index.
# Embeddings may also be imported, with a manifest, or drawn; then there is no extractor.

from workflow_src.embeddings.demo_extractor import check_not_demo
from workflow_src.settings.front_ends import find_front_end

EMBEDDINGS = "results/embeddings/embeddings.npy"
INDEX = "results/embeddings/index.parquet"
REJECTED = "results/embeddings/rejected.csv"
EXTRACTION_SHARDS = range(SETTINGS.extractor.shards)
IMPORTED, IMPORTED_TABLE, EXTRACTOR = [], [], []
if SETTINGS.corpus.source == "imported":
    IMPORTED = checked(find_files, SETTINGS.corpus.imported.embeddings)
    # An invalid pattern stops the run here.
    checked(check_pattern, SETTINGS.corpus.imported.names, "corpus.imported.names")
    if SETTINGS.corpus.imported.table:
        IMPORTED_TABLE = given_path(
            SETTINGS.corpus.imported.table, "corpus.imported.table"
        )
elif SETTINGS.corpus.source != "simulated":
    FRONT_END = checked(
        find_front_end, SETTINGS.extractor.front_end, SETTINGS.extractor.folders
    )
    if SETTINGS.extractor.model is not None:
        EXTRACTOR = given_path(SETTINGS.extractor.model, "extractor.model")
        if SETTINGS.corpus.source == "directory" and not SETTINGS.extractor.allow_demo:
            checked(check_not_demo, EXTRACTOR)


rule embeddings:
    input:
        EMBEDDINGS,
        INDEX,
        REJECTED,


if SETTINGS.corpus.source == "imported":

    # The manifest is an output too, because the files with the ids are read only once.
    rule import_embeddings:
        input:
            files=IMPORTED,
            table=IMPORTED_TABLE,
        output:
            manifest=MANIFEST,
            embeddings=EMBEDDINGS,
            index=INDEX,
            rejected=REJECTED,
            passed_over=f"{PASSED_OVER}/corpus.csv",
        group:
            "corpus"
        conda:
            "../envs/importing.yaml"
        resources:
            **needs(4000, 30, turn=1),
        params:
            settings=as_it_is(
                SETTINGS.corpus.imported.model_dump_json(exclude={"embeddings"})
            ),
        message:
            "Importing embeddings"
        shell:
            step("embeddings.import_embeddings")

elif SETTINGS.corpus.source == "simulated":

    rule simulate_embeddings:
        input:
            manifest=MANIFEST,
            law=LAW,
        output:
            embeddings=EMBEDDINGS,
            index=INDEX,
            rejected=REJECTED,
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        resources:
            **needs(2000, 30, turn=1),
        params:
            seed=SETTINGS.seed,
        message:
            "Drawing embeddings"
        shell:
            step("synthetic.simulate_embeddings")

else:

    rule extract_embeddings:
        # The manifest changes with any recording, so for recordings in a folder each shard is listed by
        # itself. A manifest marked as ancient would not do: while the rule of an input is to run,
        # Snakemake looks for no other reason to run a job.
        input:
            manifest=MANIFEST if SUBSET is None else [],
            audio=AUDIO,
            model=EXTRACTOR,
        output:
            embeddings="results/embeddings/shards/{shard}.npz",
            rejected="results/embeddings/shards/{shard}.rejected.csv",
        conda:
            "../envs/audio.yaml"
        # One core cannot read recordings fast enough for a GPU. On the CPU, shards run side by side.
        threads: lambda wildcards: 8 if gpus(wildcards) else 1
        resources:
            **needs(2000, 240, gpu=gpus),
        params:
            # A function, because Snakemake's lint confuses a param with an input that begins with it.
            root=lambda wildcards: AUDIO_ROOT,
            recordings=lambda wildcards: RECORDINGS.shards[int(wildcards.shard)],
            listing=as_it_is(SUBSET or ""),
            settings=as_it_is(
                SETTINGS.extractor.model_dump_json(
                    exclude={"model", "front_end", "folders", "shards", "allow_demo"}
                )
            ),
            front_end=FRONT_END.read_by_step,
            # A class of a user's own that is no Python stops the run here.
            front_end_code=checked(digest_entry, FRONT_END.entry, FRONT_END.folder),
            device=device,
            deterministic=lambda wildcards, input: SETTINGS.compute.deterministic,
            shard="{shard}",
            shards=len(EXTRACTION_SHARDS),
        message:
            "Extracting embeddings, shard {wildcards.shard} of {params.shards}"
        shell:
            step("embeddings.extract_embeddings")

    rule merge_embeddings:
        input:
            manifest=MANIFEST,
            shards=expand(
                "results/embeddings/shards/{shard}.npz", shard=EXTRACTION_SHARDS
            ),
            rejections=expand(
                "results/embeddings/shards/{shard}.rejected.csv",
                shard=EXTRACTION_SHARDS,
            ),
        output:
            embeddings=EMBEDDINGS,
            index=INDEX,
            rejected=REJECTED,
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        resources:
            **needs(4000, 30, turn=1),
        message:
            "Merging the embeddings of all shards"
        shell:
            step("embeddings.merge_embeddings")


rule export_embeddings:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
    output:
        npz="results/exported_embeddings/embeddings.npz",
        ark="results/exported_embeddings/embeddings.ark",
        scp="results/exported_embeddings/embeddings.scp",
    conda:
        "../envs/importing.yaml"
    resources:
        **needs(4000, 30),
    message:
        "Exporting the embeddings as .npz and as a Kaldi archive"
    shell:
        step("embeddings.export_embeddings")


rule train_demo_extractor:
    input:
        law=resource_path(SETTINGS.corpus.synthetic.law),
    output:
        model="results/demo_extractor/demo_extractor.onnx",
        card="results/demo_extractor/demo_extractor.md",
    conda:
        "../envs/extractor_training.yaml"
    resources:
        **needs(4000, 60),
    params:
        seed=SETTINGS.seed,
    message:
        "Training the demo extractor"
    shell:
        step("synthetic.train_demo_extractor", without=["settings"])
