# Embeddings + split -> results/policies: one trained policy a method and seed.

TRAINING_CURVES = [
    *(f"{RUNS[run].checkpoint}/training.csv" for run in TRAINED_RUNS),
    *expand(f"{PRETRAINED}/training.csv", seed=PRETRAINED_SEEDS),
]


rule policies:
    input:
        [
            f"{run.checkpoint}/policy.safetensors"
            for run in RUNS.values()
            if run.checkpoint
        ],
        [run.tuned for run in TUNED_RUNS.values()],


rule import_policy:
    input:
        source=lambda wildcards: given_files(wildcards.policy),
        embeddings=EMBEDDINGS,
    output:
        weights="results/policies/{policy}/policy.safetensors",
        policy="results/policies/{policy}/policy.json",
    log:
        "logs/import_policy/{policy}.log",
    benchmark:
        "logs/import_policy/{policy}.benchmark.tsv"
    wildcard_constraints:
        policy="|".join(GIVEN) or "none",
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        method=lambda wildcards: GIVEN[wildcards.policy].method,
        source=lambda wildcards, input: (
            input.source[0] if len(input.source) == 1 else Path(input.source[0]).parent
        ),
        directory=subpath(output.policy, parent=True),
        code=code("methods.import_policy"),
    message:
        "Importing the policy {wildcards.policy}"
    shell:
        "python -m workflow_src.methods.import_policy --source {params.source:q}"
        " --method {params.method} --embeddings {input.embeddings}"
        " --out-dir {params.directory} > {log} 2>&1"


rule pretrain_policy:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        manifest=MANIFEST,
        split=SPLIT,
        initial=given_policy("initial-pretraining"),
    output:
        weights=f"{PRETRAINED}/policy.safetensors",
        policy=f"{PRETRAINED}/policy.json",
        curve=f"{PRETRAINED}/training.csv",
    log:
        "logs/pretrain_policy/{seed}.log",
    benchmark:
        "logs/pretrain_policy/{seed}.benchmark.tsv"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        settings=SETTINGS.pretraining.model_dump_json(exclude={"checkpoint"}),
        initial=initial_option,
        seed=SETTINGS.seed,
        device=device,
        deterministic=deterministic,
        directory=subpath(output.policy, parent=True),
        code=code("training.pretrain_policy"),
    message:
        "Pretraining the multi-head policy, seed {wildcards.seed}"
    shell:
        "python -m workflow_src.training.pretrain_policy {params.initial}"
        " --embeddings {input.embeddings}"
        " --index {input.index} --manifest {input.manifest} --split {input.split}"
        " --settings {params.settings:q} --seed {params.seed} --policy-seed {wildcards.seed}"
        " --device {params.device} {params.deterministic}"
        " --out-dir {params.directory} > {log} 2>&1"


rule finetune_policy:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        manifest=MANIFEST,
        split=SPLIT,
        initial=initial_policy,
    output:
        weights="results/policies/{run}/policy.safetensors",
        policy="results/policies/{run}/policy.json",
        curve="results/policies/{run}/training.csv",
    log:
        "logs/finetune_policy/{run}.log",
    benchmark:
        "logs/finetune_policy/{run}.benchmark.tsv"
    wildcard_constraints:
        run="|".join(TRAINED_RUNS) or "none",
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        gpu=gpus,
        mem_mb=growing(3000),
        runtime=growing(240),
    params:
        method=lambda wildcards: RUNS[wildcards.run].method,
        policy_seed=lambda wildcards: RUNS[wildcards.run].seed,
        initial=initial_option,
        settings=lambda wildcards: json.dumps(
            settings_read_by(SETTINGS, RUNS[wildcards.run])
        ),
        seed=SETTINGS.seed,
        device=device,
        deterministic=deterministic,
        directory=subpath(output.policy, parent=True),
        code=code("training.finetune_policy"),
    message:
        "Finetuning {wildcards.run} by PPO"
    shell:
        "python -m workflow_src.training.finetune_policy --method {params.method} {params.initial}"
        " --embeddings {input.embeddings} --index {input.index} --manifest {input.manifest}"
        " --split {input.split} --settings {params.settings:q} --seed {params.seed}"
        " --policy-seed {params.policy_seed} --device {params.device}"
        " {params.deterministic} --out-dir {params.directory} > {log} 2>&1"


rule fit_method:
    input:
        development=DEVELOPMENT_TABLES,
        embeddings=EMBEDDINGS,
        index=INDEX,
        split=SPLIT,
        fixed=lambda wildcards: (
            policy_files(FITTED_RUNS[start].checkpoint)
            if (start := fitted_start(FITTED_RUNS[wildcards.run]))
            else []
        ),
    output:
        weights="results/policies/{run}/policy.safetensors",
        policy="results/policies/{run}/policy.json",
        tried="results/policies/{run}/training.csv",
    log:
        "logs/fit_method/{run}.log",
    benchmark:
        "logs/fit_method/{run}.benchmark.tsv"
    wildcard_constraints:
        run="|".join(FITTED_RUNS) or "none",
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
    params:
        method=lambda wildcards: FITTED_RUNS[wildcards.run].method,
        policy_seed=lambda wildcards: FITTED_RUNS[wildcards.run].seed or 0,
        fixed=lambda wildcards, input: (
            f"--fixed {Path(input.fixed[0]).parent}" if input.fixed else ""
        ),
        settings=lambda wildcards: json.dumps(
            settings_read_by(SETTINGS, FITTED_RUNS[wildcards.run])
        ),
        folder=lambda wildcards, input: Path(input.development[0]).parent,
        seed=SETTINGS.seed,
        directory=subpath(output.policy, parent=True),
        code=code("methods.fit_method"),
    message:
        "Fitting {wildcards.run} on development trials"
    shell:
        "python -m workflow_src.methods.fit_method --method {params.method} {params.fixed}"
        " --development {params.folder} --embeddings {input.embeddings} --index {input.index}"
        " --split {input.split} --settings {params.settings:q} --seed {params.seed}"
        " --policy-seed {params.policy_seed} --out-dir {params.directory} > {log} 2>&1"


rule tune_threshold:
    input:
        development=DEVELOPMENT_TABLES,
        embeddings=EMBEDDINGS,
        index=INDEX,
        policy=lambda wildcards: run_policy(TUNED_RUNS[wildcards.run]),
    output:
        threshold="results/policies/{run}/threshold.json",
        tried="results/policies/{run}/thresholds.csv",
    log:
        "logs/tune_threshold/{run}.log",
    benchmark:
        "logs/tune_threshold/{run}.benchmark.tsv"
    wildcard_constraints:
        run="|".join(TUNED_RUNS) or "none",
    group:
        "tuning"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        turn=1,
        mem_mb=growing(3000),
        runtime=growing(60),
    params:
        run=lambda wildcards: json.dumps(asdict(TUNED_RUNS[wildcards.run])),
        settings=json.dumps(SETTINGS.tuning.read_by_thresholds()),
        folder=lambda wildcards, input: Path(input.development[0]).parent,
        seed=SETTINGS.seed,
        code=code("methods.tune_threshold"),
    message:
        "Choosing the threshold of {wildcards.run} on development trials"
    shell:
        "python -m workflow_src.methods.tune_threshold --run {params.run:q}"
        " --development {params.folder} --embeddings {input.embeddings} --index {input.index}"
        " --settings {params.settings:q} --seed {params.seed}"
        " --threshold {output.threshold} --tried {output.tried} > {log} 2>&1"
