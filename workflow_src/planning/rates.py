"""Measured costs of jobs and results, from which `plan` makes its estimate.

Measured on a virtual machine with 2 cores of an AMD EPYC (Zen 3), 24 GB, no GPU, in the demo and at
SMIIP-TV's size (docs/scale.md). Where other work shared the cores, processor seconds were taken.
Another machine differs by its speed; nothing else is scaled.
"""

from dataclasses import dataclass, field

# Seconds of Snakemake itself for a job.
OVERHEAD = 0.5


@dataclass(frozen=True)
class Rate:
    """The cost of one job of a rule.

    Attributes
    ----------
    start
        Seconds that do not depend on its size.
    units
        Seconds for each unit of an amount of `plan.measure_amounts`; amounts are those of one job.
    """

    start: float
    units: dict[str, float] = field(default_factory=dict)

    def seconds(self, amounts: dict[str, float]) -> float:
        """Return the seconds of a job."""
        return self.start + sum(rate * amounts[unit] for unit, rate in self.units.items())


RATES = {
    "synthesize_corpus": Rate(2.0, {"synthesised_seconds": 5.3e-3}),
    "build_manifest": Rate(1.2, {"utterances": 15e-6, "headers": 60e-6}),
    "simulate_listing": Rate(1.2, {"utterances": 6e-6, "speaker_days": 0.5e-6}),
    "split_speakers": Rate(1.2),
    # Jobs side by side share caches, so a model takes longer than alone.
    "extract_embeddings": Rate(1.5, {"shard_seconds": 1.6e-3, "shard_model_seconds": 1.4}),
    "merge_embeddings": Rate(1.2, {"utterances": 4e-6}),
    "import_embeddings": Rate(1.5, {"utterances": 20e-6}),
    "simulate_embeddings": Rate(1.2, {"utterances": 6e-6, "speaker_days": 4.7e-6}),
    "generate_trials": Rate(1.0, {"utterances": 1e-6, "scenario_trials": 2e-6}),
    "import_trials": Rate(1.0, {"utterances": 1e-6, "scenario_trials": 4e-6}),
    "generate_development_trials": Rate(1.0, {"utterances": 1e-6, "development_trials": 1e-6}),
    "import_policy": Rate(3.0),
    "pretrain_policy": Rate(4.0, {"pretraining_samples": 60e-6}),
    "finetune_policy": Rate(5.0, {"embedding_steps": 180e-6, "scalar_steps": 90e-6}),
    "fit_method": Rate(4.0, {"fitted_trials": 1.0, "learned_trials": 23e-6}),
    "tune_threshold": Rate(4.0, {"threshold_trials": 3e-6}),
    "tune_guard": Rate(4.0, {"attacked_trials": 110e-6}),
    "tabulate_runs": Rate(1.2),
    "run_inference": Rate(9.0, {"trials": 4e-6}),
    "set_operating_points": Rate(4.0, {"development_scores": 8e-6}),
    "measure_operating_points": Rate(2.5, {"scores": 1.5e-6}),
    "measure_intervals": Rate(2.0, {"scores": 0.8e-6, "score_tables": 0.04}),
    "summarise_results": Rate(2.0, {"scores": 0.2e-6}),
    "measure_order": Rate(2.0, {"lists": 0.12}),
    "measure_speakers": Rate(2.0, {"score_tables": 0.02, "scores": 0.4e-6}),
    "sweep_thresholds": Rate(3.0, {"swept_scores": 0.25e-6}),
    "run_visual_analysis": Rate(17.0, {"scores": 0.3e-6}),
    "list_passed_over": Rate(1.2),
    "record_provenance": Rate(1.5, {"result_bytes": 1e-9}),
}

# Bytes of results for each unit of an amount.
BYTES = {
    "synthesised_audio_seconds": 18_000,
    # Embeddings and index. Extraction also keeps them in shards, with the ids as plain text.
    "embedding_numbers": 4,
    "utterances": 30,
    "shard_embedding_numbers": 4,
    "shard_utterances": 105,
    "trials": 5,
    "scores": 10,
    "runs": 60_000,
    "policies": 400_000,
    "analyses": 3_000_000,
}
