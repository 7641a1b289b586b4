# Embeddings + split -> results/policies: one trained policy per method and seed.

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
        TUNED_LIMITS,


rule import_policy:
    input:
        files=lambda wildcards: given_files(wildcards.policy),
        embeddings=EMBEDDINGS,
    output:
        weights="results/policies/{policy}/policy.safetensors",
        policy="results/policies/{policy}/policy.json",
    wildcard_constraints:
        policy="|".join(GIVEN) or "none",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(1000, 10),
    params:
        method=lambda wildcards: GIVEN[wildcards.policy].method,
        entry=lambda wildcards: BY_ID[GIVEN[wildcards.policy].method].entry,
        rule_code=lambda wildcards: digest_entry(
            BY_ID[GIVEN[wildcards.policy].method].entry
        ),
        source=lambda wildcards: resource_path(GIVEN[wildcards.policy].path),
        out_dir=subpath(output.policy, parent=True),
    message:
        "Importing the policy {wildcards.policy}"
    shell:
        step("methods.import_policy")


rule pretrain_policy:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        manifest=MANIFEST,
        split=SPLIT,
        policy=given_policy("initial-pretraining"),
    output:
        weights=f"{PRETRAINED}/policy.safetensors",
        policy=f"{PRETRAINED}/policy.json",
        curve=f"{PRETRAINED}/training.csv",
        passed_over=f"{PASSED_OVER}/policies/pretrained-seed{{seed}}.csv",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(3000, 120, gpu=gpus),
    params:
        settings=SETTINGS.pretraining.model_dump_json(exclude={"checkpoint"}),
        initial=folder_of(given_policy("initial-pretraining")),
        seed=SETTINGS.seed,
        policy_seed="{seed}",
        device=device,
        deterministic=lambda wildcards, input: SETTINGS.compute.deterministic,
        out_dir=subpath(output.policy, parent=True),
    message:
        "Pretraining the multi-head policy, seed {wildcards.seed}"
    shell:
        step(
            "training.pretrain_policy",
            without=["checkpoint", "checkpoint_seconds"],
        )


rule finetune_policy:
    input:
        embeddings=EMBEDDINGS,
        index=INDEX,
        manifest=MANIFEST,
        split=SPLIT,
        policy=initial_policy,
    output:
        weights="results/policies/{run}/policy.safetensors",
        policy="results/policies/{run}/policy.json",
        curve="results/policies/{run}/training.csv",
        passed_over=f"{PASSED_OVER}/policies/{{run}}.csv",
    wildcard_constraints:
        run="|".join(TRAINED_RUNS) or "none",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(3000, 240, gpu=gpus),
    params:
        method=lambda wildcards: RUNS[wildcards.run].method,
        entry=lambda wildcards: RUNS[wildcards.run].entry,
        rule_code=lambda wildcards: rule_code([RUNS[wildcards.run]]),
        sees=lambda wildcards: BY_ID[RUNS[wildcards.run].method].sees,
        reward=lambda wildcards: BY_ID[RUNS[wildcards.run].method].reward,
        gated=lambda wildcards: BY_ID[RUNS[wildcards.run].method].gated,
        initial=lambda wildcards: folder_of(initial_policy(wildcards)),
        settings=lambda wildcards: json.dumps(
            SETTINGS.finetuning.read_by(
                BY_ID[RUNS[wildcards.run].method].sees,
                BY_ID[RUNS[wildcards.run].method].gated,
            )
        ),
        seed=SETTINGS.seed,
        policy_seed=lambda wildcards: RUNS[wildcards.run].seed,
        device=device,
        deterministic=lambda wildcards, input: SETTINGS.compute.deterministic,
        out_dir=subpath(output.policy, parent=True),
    message:
        "Finetuning {wildcards.run} by PPO"
    shell:
        step(
            "training.finetune_policy",
            without=["checkpoint", "checkpoint_seconds"],
        )


rule fit_method:
    input:
        trials=DEVELOPMENT_TABLES,
        embeddings=EMBEDDINGS,
        index=INDEX,
        split=SPLIT,
        policy=start_policy,
        shipped=shipped_policy,
    output:
        weights="results/policies/{run}/policy.safetensors",
        policy="results/policies/{run}/policy.json",
        curve="results/policies/{run}/training.csv",
    wildcard_constraints:
        run="|".join(FITTED_RUNS) or "none",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(3000, 60),
    params:
        method=lambda wildcards: FITTED_RUNS[wildcards.run].method,
        entry=lambda wildcards: FITTED_RUNS[wildcards.run].entry,
        folder=lambda wildcards: FITTED_RUNS[wildcards.run].folder or "",
        rule_code=lambda wildcards: rule_code([FITTED_RUNS[wildcards.run]]),
        development=lambda wildcards: DEVELOPMENT,
        start=lambda wildcards: folder_of(start_policy(wildcards)),
        start_entry=start_entry,
        settings=SETTINGS.tuning.model_dump_json(),
        own=lambda wildcards: json.dumps(
            own_settings(SETTINGS, FITTED_RUNS[wildcards.run])
        ),
        seed=SETTINGS.seed,
        policy_seed=lambda wildcards: (
            ""
            if FITTED_RUNS[wildcards.run].seed is None
            else FITTED_RUNS[wildcards.run].seed
        ),
        out_dir=subpath(output.policy, parent=True),
    message:
        "Fitting {wildcards.run} on development trials"
    shell:
        step(
            "methods.fit_method",
            without=["checkpoint", "checkpoint_seconds"],
        )


rule train_ready_made:
    input:
        law=resource_path(SETTINGS.corpus.simulated.law),
    output:
        weights="results/ready_made/policy.safetensors",
        policy="results/ready_made/policy.json",
        curve="results/ready_made/training.csv",
    conda:
        "../envs/training.yaml"
    resources:
        **needs(4000, 60),
    params:
        seed=SETTINGS.seed,
        out_dir=subpath(output.policy, parent=True),
    message:
        "Training the network of ready-made on simulated laws"
    shell:
        step(
            "methods.train_ready_made",
            without=["settings", "checkpoint", "checkpoint_seconds"],
        )


rule tune_threshold:
    input:
        trials=DEVELOPMENT_TABLES,
        embeddings=EMBEDDINGS,
        index=INDEX,
        policy=lambda wildcards: run_policy(TUNED_RUNS[wildcards.run]),
    output:
        threshold="results/policies/{run}/threshold.json",
        tried="results/policies/{run}/thresholds.csv",
    wildcard_constraints:
        run="|".join(TUNED_RUNS) or "none",
    group:
        "tuning"
    conda:
        "../envs/training.yaml"
    resources:
        **needs(3000, 60, turn=1),
    params:
        run=lambda wildcards: json.dumps(asdict(TUNED_RUNS[wildcards.run])),
        rule_code=lambda wildcards: rule_code([RUNS[wildcards.run]]),
        development=lambda wildcards: DEVELOPMENT,
        settings=json.dumps(SETTINGS.tuning.read_by_thresholds()),
        seed=SETTINGS.seed,
    message:
        "Choosing the threshold of {wildcards.run} on development trials"
    shell:
        step("methods.tune_threshold")
