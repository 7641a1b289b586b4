# Manifest + extractor -> results/embeddings: one matrix of embeddings and its utterance index.
# Or imported embeddings -> the same, and the manifest; or drawn ones: then there is no extractor.

EMBEDDINGS = "results/embeddings/embeddings.npy"
INDEX = "results/embeddings/index.parquet"
REJECTED = "results/embeddings/rejected.csv"
EXTRACTION_SHARDS = range(SETTINGS.extractor.shards)
IMPORTED, EXTRACTOR = [], []
if SETTINGS.corpus.source == "imported":
    try:
        IMPORTED = find_files(SETTINGS.corpus.imported.embeddings)
    except InputError as error:
        raise WorkflowError(str(error)) from None
elif SETTINGS.corpus.source != "simulated":
    EXTRACTOR = resource_path(SETTINGS.extractor.model)


rule embeddings:
    input:
        EMBEDDINGS,
        INDEX,
        REJECTED,


if SETTINGS.corpus.source == "imported":

    # The manifest is among its outputs: ids are known once the files are read, which is done once.
    rule import_embeddings:
        input:
            IMPORTED,
        output:
            manifest=MANIFEST,
            embeddings=EMBEDDINGS,
            index=INDEX,
            rejected=REJECTED,
        log:
            "logs/import_embeddings.log",
        benchmark:
            "logs/import_embeddings.benchmark.tsv"
        group:
            "corpus"
        conda:
            "../envs/importing.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(4000),
            runtime=growing(30),
        params:
            code=code("embeddings.import_embeddings"),
        message:
            "Importing embeddings"
        shell:
            "python -m workflow_src.embeddings.import_embeddings --embeddings {input:q}"
            " --manifest {output.manifest} --matrix {output.embeddings} --index {output.index}"
            " --rejected {output.rejected} > {log} 2>&1"

elif SETTINGS.corpus.source == "simulated":

    rule simulate_embeddings:
        input:
            MANIFEST,
        output:
            embeddings=EMBEDDINGS,
            index=INDEX,
            rejected=REJECTED,
        log:
            "logs/simulate_embeddings.log",
        benchmark:
            "logs/simulate_embeddings.benchmark.tsv"
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(2000),
            runtime=growing(30),
        params:
            settings=settings("corpus", "simulated", "law"),
            seed=SETTINGS.seed,
            code=code("synthetic.simulate_embeddings"),
        message:
            "Drawing embeddings"
        shell:
            "python -m workflow_src.synthetic.simulate_embeddings --manifest {input}"
            " --settings {params.settings:q} --seed {params.seed}"
            " --embeddings {output.embeddings} --index {output.index}"
            " --rejected {output.rejected} > {log} 2>&1"

else:

    rule extract_embeddings:
        # A manifest is made anew when any recording changes. Of recordings in a folder each shard is
        # listed by itself: an input as ancient would not do, since Snakemake looks for no other
        # reason to run a job while what it depends on is to run.
        input:
            manifest=MANIFEST if SUBSET is None else [],
            audio=AUDIO,
            model=EXTRACTOR,
        output:
            shard="results/embeddings/shards/{shard}.npz",
            rejected="results/embeddings/shards/{shard}.rejected.csv",
        log:
            "logs/extract_embeddings/{shard}.log",
        benchmark:
            "logs/extract_embeddings/{shard}.benchmark.tsv"
        conda:
            "../envs/audio.yaml"
        # With a GPU, reading and features would hold it up on one core; on the CPU, shards run side by side.
        threads: lambda wildcards: 8 if gpus(wildcards) else 1
        resources:
            gpu=gpus,
            mem_mb=growing(2000),
            runtime=growing(240),
        params:
            root=lambda wildcards: AUDIO_ROOT,
            recordings=lambda wildcards: RECORDINGS.shards[int(wildcards.shard)],
            listing=option("--listing", SUBSET),
            manifest=lambda wildcards, input: option("--manifest", input.manifest),
            settings=settings("extractor"),
            device=device,
            deterministic=deterministic,
            shards=len(EXTRACTION_SHARDS),
            code=code("embeddings.extract_embeddings"),
        message:
            "Extracting embeddings, shard {wildcards.shard} of {params.shards}"
        shell:
            "python -m workflow_src.embeddings.extract_embeddings {params.manifest} {params.listing}"
            " --root {params.root:q} --model {input.model:q} --settings {params.settings:q}"
            " --shard {wildcards.shard} --shards {params.shards} --device {params.device}"
            " {params.deterministic} --threads {threads} --out {output.shard} --rejected {output.rejected} > {log} 2>&1"

    rule merge_embeddings:
        input:
            manifest=MANIFEST,
            shards=expand(
                "results/embeddings/shards/{shard}.npz", shard=EXTRACTION_SHARDS
            ),
            rejected=expand(
                "results/embeddings/shards/{shard}.rejected.csv",
                shard=EXTRACTION_SHARDS,
            ),
        output:
            embeddings=EMBEDDINGS,
            index=INDEX,
            rejected=REJECTED,
        log:
            "logs/merge_embeddings.log",
        benchmark:
            "logs/merge_embeddings.benchmark.tsv"
        group:
            "trials"
        conda:
            "../envs/tables.yaml"
        threads: 1
        resources:
            turn=1,
            mem_mb=growing(4000),
            runtime=growing(30),
        params:
            code=code("embeddings.merge_embeddings"),
        message:
            "Merging the embeddings of all shards"
        shell:
            "python -m workflow_src.embeddings.merge_embeddings --manifest {input.manifest}"
            " --shards {input.shards} --rejected {input.rejected} --embeddings {output.embeddings}"
            " --index {output.index} --rejected-out {output.rejected} > {log} 2>&1"


rule train_demo_extractor:
    output:
        model="results/demo_extractor/demo_extractor.onnx",
        card="results/demo_extractor/demo_extractor.md",
    log:
        "logs/train_demo_extractor.log",
    benchmark:
        "logs/train_demo_extractor.benchmark.tsv"
    conda:
        "../envs/extractor_training.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        seed=SETTINGS.seed,
        code=code("synthetic.train_demo_extractor"),
    message:
        "Training the demo extractor"
    shell:
        "python -m workflow_src.synthetic.train_demo_extractor --seed {params.seed}"
        " --model {output.model} --card {output.card} > {log} 2>&1"
