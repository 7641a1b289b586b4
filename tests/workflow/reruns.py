"""What runs again after a change of a setting: the one statement of it.

`VALUES` has another value for every setting, and `WORLDS` says, for each kind of finished run,
which rules then run again. ``test_reruns.py`` compares that with what Snakemake would do, and
``reruns_page.py`` writes it into the docs.
"""

import copy
from typing import Any, NamedTuple

from workflow_src.settings.base import Block
from workflow_src.settings.schema import Config

# Of the rules here, a run has those of its sources.
EXTRACTION = {"extract_embeddings", "merge_embeddings"}
FETCHING = {"fetch_corpus"}
CORPUS = {"synthesize_corpus", "build_manifest", "simulate_listing", "import_embeddings"}
EMBEDDINGS = EXTRACTION | {"import_embeddings", "simulate_embeddings"}
SPLIT = {"split_speakers"}
TRIALS = {"generate_trials", "import_trials", "list_passed_over"}
DEVELOPMENT = {"generate_development_trials", "list_passed_over"}
IMPORTED_POLICY = {"import_policy"}
PRETRAINING = {"pretrain_policy", "list_passed_over"}
FINETUNING = {"finetune_policy", "list_passed_over"}
FITTING = {"fit_method"}
THRESHOLDS = {"tune_threshold"}
LIMITS = {"tune_guard"}
RUN_TABLE = {"tabulate_runs"}
SCORES = {"run_inference"}
INTERVALS = {"measure_intervals"}
POINTS = {"set_operating_points"}
MEASURES = {"measure_operating_points", "measure_speakers"}
SUMMARY = {"summarise_results"}
SWEEP = {"sweep_thresholds"}
ORDER = {"measure_order"}
FIGURES = {"run_visual_analysis"}
RECORD = {"record_provenance"}
EXPORT = {"export_method"}
ENROLMENTS = {"lengthen_enrolment"}
IMPOSTORS = {"vary_impostors"}
CONTROLS = {"shuffle_targets", "separate_tests", "measure_headroom"} | ENROLMENTS | IMPOSTORS
ATTACKS = {"measure_attacks"}
POPULATIONS = {"train_population"}
POPULATION_SCORES = {"score_population"}
SENSITIVITY = {"measure_sensitivity"}
COMPARISON = {"summarise_comparison"}

SHOWN = SUMMARY | FIGURES | RECORD
MEASURED = MEASURES | INTERVALS | SHOWN
INFERENCE = SCORES | MEASURED
# What is scored anew has other operating points, too.
METHODS = POINTS | INFERENCE
# The run table shows tuned weights and thresholds.
TABULATED = RUN_TABLE | METHODS
GUARDED = LIMITS | TABULATED
FITTED = FITTING | GUARDED
TUNED = THRESHOLDS | FITTED
TRIED = SWEEP | DEVELOPMENT | TUNED
# Of the policies trained by PPO, adaptive-weight has a tuned threshold in the tiny configuration.
TRAINED = FINETUNING | THRESHOLDS | TABULATED
PRETRAINED = PRETRAINING | FINETUNING | METHODS
FROM_EMBEDDINGS = TRIALS | ORDER | TRIED | PRETRAINED | TRAINED
COMPARED = POPULATIONS | POPULATION_SCORES | SENSITIVITY | COMPARISON

EFFECTS: dict[str, set[str]] = {
    "nothing": set(),
    "everything": CORPUS | EMBEDDINGS | SPLIT | FROM_EMBEDDINGS,
    "manifest": CORPUS | {"merge_embeddings"} | SPLIT | FROM_EMBEDDINGS,
    "embeddings": EMBEDDINGS | FROM_EMBEDDINGS,
    "split of speakers": SPLIT | FROM_EMBEDDINGS,
    "all trials": TRIALS | ORDER | TRIED,
    "scored trials": TRIALS | ORDER | SWEEP | INFERENCE,
    "other order": ORDER | SWEEP | INFERENCE,
    "new scenario": TRIALS | ORDER | INFERENCE,
    "independent trials": TRIALS | ORDER | DEVELOPMENT | TUNED,
    "development trials": DEVELOPMENT | TUNED,
    "tuning": TUNED,
    "fitted methods": FITTED,
    "a fitted method without guards": FITTING | TABULATED,
    "imported policy, pretraining": IMPORTED_POLICY | PRETRAINED,
    "pretraining": PRETRAINED,
    "imported policy, finetuning": IMPORTED_POLICY | TRAINED,
    "imported policy, finetuning of multi-head": IMPORTED_POLICY | FINETUNING | METHODS,
    "pretraining, finetuning": PRETRAINED | TRAINED,
    "finetuning": TRAINED,
    "finetuning of multi-head": FINETUNING | METHODS,
    "imported policy, tuning": IMPORTED_POLICY | THRESHOLDS | TABULATED,
    "imported policy, inference": IMPORTED_POLICY | TABULATED,
    "inference": TABULATED,
    "tuning of the method": THRESHOLDS | TABULATED,
    "tuning of guards": GUARDED,
    # What training leaves out is listed, too.
    "run table": RUN_TABLE | POINTS | MEASURED | {"list_passed_over"},
    "operating points": POINTS | MEASURES | SHOWN,
    "intervals": MEASURED,
    "summary": SHOWN,
    "threshold sweep": SWEEP | FIGURES | RECORD,
    "figures": FIGURES | RECORD,
    "record": RECORD,
    "fetching": FETCHING,
    "fetching, everything": FETCHING | CORPUS | EMBEDDINGS | SPLIT | FROM_EMBEDDINGS,
    "operating points, export, impostors, attacks": POINTS | EXPORT | IMPOSTORS | ATTACKS,
    "controls": CONTROLS,
    "controls, attacks": CONTROLS | ATTACKS,
    "control of enrolment": ENROLMENTS,
    "control of impostors": IMPOSTORS,
    "attacks": ATTACKS,
    "demo extractor": {"train_demo_extractor"},
    "populations": COMPARED,
    "scores of populations": POPULATION_SCORES | COMPARISON,
    "new population": POPULATIONS | POPULATION_SCORES | COMPARISON,
    "sensitivity": SENSITIVITY | COMPARISON,
    "comparison": COMPARISON,
}


class World(NamedTuple):
    """A kind of finished run, and what a changed setting runs again there.

    Attributes
    ----------
    about
        Which runs it stands for.
    overlay
        What its settings differ by from the tiny configuration.
    targets
        What was run; nothing: all.
    blocks
        Blocks, or single settings, whose effects are stated here.
    effects
        Block or setting -> key of `EFFECTS`; the longest that fits counts.
    """

    about: str
    overlay: dict[str, Any]
    targets: list[str]
    blocks: list[str]
    effects: dict[str, str]

    def effect(self, key: str) -> str:
        """Return what a changed setting runs again: a key of `EFFECTS`."""
        parts = key.split(".")
        for n in range(len(parts), 0, -1):
            if (start := ".".join(parts[:n])) in self.effects:
                return self.effects[start]
        return "nothing"

    def settings(self) -> list[str]:
        """List the settings whose effects are stated here."""
        return [
            key
            for key in leaves()
            if any(key == block or key.startswith(block + ".") for block in self.blocks)
        ]


# Another value for each setting: one that neither config.yaml nor any run below has. Files are
# those of `FILES`.
VALUES: dict[str, Any] = {
    "seed": 2,
    "compute.device": "cpu",
    "compute.deterministic": False,
    "corpus.source": "simulated",
    "corpus.test_speakers": 5,
    "corpus.replace": True,
    "corpus.synthetic.speakers": 12,
    "corpus.synthetic.days": 15,
    "corpus.synthetic.missed_days": 0.1,
    "corpus.synthetic.sessions_per_day": [1, 3],
    "corpus.synthetic.utterances_per_session": [1, 4],
    "corpus.synthetic.seconds": [1.5, 3.5],
    "corpus.synthetic.text_dependent": 0.4,
    "corpus.synthetic.law": "voices.yaml",
    "corpus.synthetic.shards": 3,
    "corpus.directory.root": "other recordings",
    "corpus.directory.names": "{speaker}/{time}.wav",
    "corpus.directory.table": "recordings.csv",
    "corpus.directory.kaldi": "data",
    "corpus.directory.metadata": "metadata.csv",
    "corpus.directory.speakers": ["0001"],
    "corpus.directory.days": 3,
    "corpus.directory.archives": [{"url": "https://host/a.zip", "sha256": "0" * 64}],
    "corpus.imported.embeddings": ["other.npz"],
    "corpus.imported.names": "{speaker}/{time}",
    "corpus.imported.table": "recordings.csv",
    "corpus.imported.extractor": "other.onnx",
    "corpus.simulated.listing.speakers": 13,
    "corpus.simulated.listing.days": 16,
    "corpus.simulated.listing.attendance": 0.9,
    "corpus.simulated.listing.missed_days": 0.1,
    "corpus.simulated.listing.utterances": "utterances.txt",
    "corpus.simulated.listing.names": "{speaker}/{time}",
    "corpus.simulated.law": "law.yaml",
    "extractor.model": "other.onnx",
    "extractor.allow_demo": True,
    "extractor.front_end": "waveform",
    "extractor.folders": ["models of mine"],
    "extractor.features.sample_rate": 8000,
    "extractor.features.feat_dim": 40,
    "extractor.features.window_type": "povey",
    "extractor.features.normalize_samples": True,
    "extractor.features.feature_normalize_type": "none",
    "extractor.output": "embs",
    "extractor.windows": "average",
    "extractor.sha256": "0" * 64,
    "extractor.min_seconds": 0.4,
    "extractor.max_seconds": 200.0,
    "extractor.batch_size": 16,
    "extractor.shards": 3,
    "trials.source": "import",
    "trials.scenarios": ["random", "1das", "3d1s", "5das"],
    "trials.orders": ["shuffled", "published"],
    "trials.own": {"weekly": {"every": 3, "targets": "all"}},
    "trials.nontarget_only": ["0003"],
    "trials.generation.enrolment_utterances": 4,
    "trials.generation.enrolment_after": "11:00",
    "trials.generation.enrolment_before": "19:00",
    "trials.generation.rounds": 3,
    "trials.generation.random.trajectories": 20,
    "trials.generation.random.max_skip_days": 5,
    "trials.generation.random.max_targets": 3,
    "trials.generation.nontargets_per_target": 2.0,
    "trials.imported.root": "other lists",
    "trials.imported.form": "pairs",
    "trials.imported.sequences": True,
    "trials.imported.missing": "leave-out",
    "pretraining.enabled": False,
    "pretraining.checkpoint": "policy.pkl",
    "pretraining.min_seconds": 1.2,
    "pretraining.epochs": 3,
    "pretraining.batches_per_epoch": 3,
    "pretraining.redraw_epochs": 5,
    "pretraining.batch_size": 32,
    "pretraining.max_enrolment": 100,
    "pretraining.impostor_threshold": 0.4,
    "pretraining.learning_rate": 0.01,
    "pretraining.momentum": 0.9,
    "pretraining.weight_decay": 0.001,
    "pretraining.decay_epochs": [1],
    "pretraining.augmentation": "none",
    "finetuning.seeds": [0, 1],
    "finetuning.checkpoint.multi-head": "policy.pkl",
    "finetuning.checkpoint.adaptive-weight": "policy.pkl",
    "finetuning.episode.min_seconds": 0.7,
    "finetuning.episode.min_utterances": 10,
    "finetuning.episode.enrolment_share": 0.3,
    "finetuning.episode.day_probability": 0.8,
    "finetuning.episode.targets_a_day": [3],
    "finetuning.episode.target_share": 0.6,
    "finetuning.episode.max_steps": 400,
    "finetuning.episode.max_errors": 100,
    "finetuning.episode.error_threshold": 0.4,
    "finetuning.episode.update_threshold": 0.4,
    "finetuning.ppo.steps": 1024,
    "finetuning.ppo.scalar_steps": 1024,
    "finetuning.ppo.environments": 8,
    "finetuning.ppo.rollout_steps": 16,
    "finetuning.ppo.epochs": 4,
    "finetuning.ppo.minibatches": 4,
    "finetuning.ppo.learning_rate": 0.001,
    "finetuning.ppo.anneal_learning_rate": False,
    "finetuning.ppo.discount": 0.9,
    "finetuning.ppo.gae_lambda": 0.9,
    "finetuning.ppo.clip": 0.2,
    "finetuning.ppo.value_weight": 0.4,
    "finetuning.ppo.entropy_weight": 0.01,
    "finetuning.ppo.normalise_advantages": False,
    "finetuning.ppo.max_gradient_norm": None,
    "finetuning.ppo.weight_std": 0.1,
    "finetuning.ppo.initial_weight": 0.3,
    "finetuning.ppo.augmentation": "none",
    "tuning.development.scenarios": ["random", "5das"],
    "tuning.development.speakers": 5,
    "tuning.development.trajectories": 4,
    "tuning.development.order": "published",
    "tuning.validation_share": 0.3,
    "tuning.alphas": [0.1, 0.3],
    "tuning.thresholds": [0.3, 0.4],
    "inference.methods": ["baseline", "multi-head"],
    "inference.folders": ["rules of mine"],
    "inference.released.multi-head": "policy.pkl",
    "inference.released.adaptive-weight": "policy.pkl",
    "methods.fixed-weight.alphas": [0.1, 0.3, 0.6],
    "methods.fixed-weight.threshold": 0.6,
    "methods.running-mean.enrolment": 4,
    "methods.running-mean.cap": None,
    "methods.running-mean.threshold": 0.6,
    "methods.anchored.alpha": 0.1,
    "methods.anchored.share": 0.3,
    "methods.anchored.threshold": 0.6,
    "methods.window.size": 4,
    "methods.window.threshold": 0.6,
    "methods.gallery.size": 4,
    "methods.gallery.best": 1,
    "methods.gallery.replace": "redundant",
    "methods.gallery.threshold": 0.6,
    "methods.two-template.alpha": 0.1,
    "methods.two-template.score": "mean",
    "methods.two-template.threshold": 0.6,
    "methods.adaptive-weight.threshold": 0.6,
    "methods.multi-head.floor": 0.3,
    "methods.through-time.seeds": [0, 1],
    "methods.through-time.hidden": 16,
    "methods.through-time.updates": 7,
    "methods.through-time.sequences": 8,
    "methods.through-time.window": 4,
    "methods.through-time.learning_rate": 0.02,
    "methods.through-time.max_weight": 0.4,
    "methods.through-time.validate_every": 2,
    "methods.multi-rate.seeds": [0, 1],
    "methods.multi-rate.hidden": 16,
    "methods.multi-rate.updates": 7,
    "methods.multi-rate.sequences": 8,
    "methods.multi-rate.window": 4,
    "methods.multi-rate.learning_rate": 0.01,
    "methods.multi-rate.templates": 2,
    "methods.multi-rate.nontargets": [0.5, 2.0],
    "guards.cost": 0.2,
    "guards.far-test": 0.5,
    "guards.far-template": 0.9,
    "guards.way": 1.0,
    "guards.direction": 0.5,
    "guards.daily": 1,
    "guards.low-norm": 1.0,
    "evaluation.operating_points.far": [0.02],
    "evaluation.operating_points.cost.p_target": 0.02,
    "evaluation.operating_points.cost.miss": 2.0,
    "evaluation.operating_points.cost.false_alarm": 3.0,
    "evaluation.calibration.back_end": "affine",
    "evaluation.calibration.p_target": 0.1,
    "evaluation.intervals.resamples": 120,
    "evaluation.intervals.confidence": 0.9,
    "evaluation.controls.scenarios": ["1das"],
    "evaluation.controls.enrolment_utterances": [8],
    "evaluation.controls.nontargets_per_target": [2.0],
    "attacks.attempts_a_day": 3,
    "attacks.days": 2,
    "attacks.recordings": 10,
    "attacks.recovery": 4,
    "analysis.scenario": "1das",
    "analysis.alpha": 0.3,
    "analysis.compare_published": True,
    "analysis.sweep.alphas": [0.1, 0.2],
    "analysis.sweep.thresholds": [0.4, 0.5],
    "comparison.populations": [1, 2, 3],
    "comparison.speakers": 200,
    "comparison.test_speakers": 5,
    "comparison.scenarios": ["random", "1das"],
    "comparison.methods": [
        "baseline",
        "fixed-weight-tuned",
        "soft",
        "through-time",
        "multi-rate",
        "oracle",
    ],
    "comparison.seeds": [0, 1],
    "comparison.sensitivity.populations": [2],
    "comparison.sensitivity.methods": ["soft"],
    "comparison.sensitivity.shifts": [0.1],
    "comparison.sensitivity.nontargets": [3],
    "comparison.sensitivity.enrolment_utterances": [4],
}

# Lies beside every run, for settings that name a file.
RECORDING = "0001_05011209_3_1_ti_0.wav"
# Of those that the rules read themselves.
CONTENTS = {
    "recordings.csv": f"path,speaker,time\n{RECORDING},0001,2020-05-01\n",
    "data/wav.scp": f"a {RECORDING}\n",
    "data/utt2spk": "a 0001\n",
    "data/utt2time": "a 2020-05-01\n",
}
FILES = [
    *CONTENTS,
    "policy.pkl",
    "speech.onnx",
    "other.onnx",
    "metadata.csv",
    "utterances.txt",
    "voices.yaml",
    "law.yaml",
    "embeddings.npz",
    "other.npz",
    f"recordings/{RECORDING}",
    f"other recordings/{RECORDING}",
    *(
        f"{root}/{scenario}{name}"
        for root in ("lists", "other lists")
        for scenario in ("random", "1das", "3d1s", "5das")
        for name in ("/trial.pkl", "/enroll_model", ".txt")
    ),
]

# Guards of one method: each of its limits is tuned.
GUARDED_METHOD = "fixed-weight-tuned+far-test+far-template+way+direction+daily+low-norm"
PRODUCTS = ["running-mean", "anchored", "window", "gallery", "two-template"]

WORLDS = {
    "synthetic": World(
        "A run of `all` on the demo corpus",
        # Not in use: says where trial lists would come from once `trials.source` is changed.
        {"trials": {"imported": {"root": "lists"}}},
        [],
        list(Config.model_fields),
        {
            "seed": "everything",
            "corpus.source": "everything",
            "corpus.test_speakers": "split of speakers",
            "corpus.synthetic": "everything",
            "extractor": "embeddings",
            "extractor.allow_demo": "nothing",
            "extractor.folders": "nothing",
            "trials.source": "scored trials",
            "trials.scenarios": "new scenario",
            "trials.orders": "scored trials",
            "trials.nontarget_only": "split of speakers",
            "trials.generation": "all trials",
            "trials.generation.nontargets_per_target": "independent trials",
            "trials.generation.random.trajectories": "scored trials",
            "pretraining": "pretraining",
            "pretraining.enabled": "finetuning of multi-head",
            "pretraining.checkpoint": "imported policy, pretraining",
            "finetuning": "finetuning",
            "finetuning.seeds": "pretraining, finetuning",
            "finetuning.checkpoint.multi-head": "imported policy, finetuning of multi-head",
            "finetuning.checkpoint.adaptive-weight": "imported policy, finetuning",
            # Of methods that see scalars, which the run has not.
            "finetuning.ppo.scalar_steps": "record",
            "tuning.development": "development trials",
            "tuning.validation_share": "fitted methods",
            "tuning.alphas": "fitted methods",
            "tuning.thresholds": "tuning",
            "inference.methods": "run table",
            "inference.released.multi-head": "imported policy, inference",
            "inference.released.adaptive-weight": "imported policy, tuning",
            "methods": "inference",
            "methods.through-time": "fitted methods",
            # Of methods that the run has not.
            **{f"methods.{name}": "nothing" for name in (*PRODUCTS, "multi-rate")},
            "evaluation": "operating points",
            "evaluation.intervals": "intervals",
            "evaluation.controls": "nothing",
            "analysis.scenario": "threshold sweep",
            "analysis.alpha": "figures",
            "analysis.compare_published": "summary",
            "analysis.sweep": "threshold sweep",
        },
    ),
    "directory": World(
        "A run of `all` on recordings in a folder, and of `fetch_corpus`",
        {
            "corpus": {"source": "directory", "directory": {"root": "recordings"}},
            "extractor": {"model": "speech.onnx"},
        },
        ["all", "results/corpus/fetched.json"],
        ["corpus"],
        {
            "corpus.source": "everything",
            "corpus.test_speakers": "split of speakers",
            "corpus.directory": "everything",
            "corpus.directory.root": "fetching, everything",
            # What recordings are accompanied by changes nothing that is heard.
            "corpus.directory.metadata": "manifest",
            "corpus.directory.archives": "fetching",
        },
    ),
    "imported": World(
        "A run of `all` on imported embeddings and trial lists",
        {
            "corpus": {"source": "imported", "imported": {"embeddings": ["embeddings.npz"]}},
            "trials": {"source": "import", "imported": {"root": "lists"}},
        },
        [],
        ["corpus", "extractor", "trials"],
        {
            "corpus.source": "everything",
            "corpus.test_speakers": "split of speakers",
            "corpus.imported": "everything",
            "trials.scenarios": "new scenario",
            # Both lists are there; the first is shown.
            "trials.orders": "other order",
            "trials.nontarget_only": "split of speakers",
            "trials.generation": "development trials",
            "trials.generation.random.trajectories": "record",
            "trials.imported": "scored trials",
        },
    ),
    "simulated": World(
        "A run of `all` on a simulated corpus, with a scenario of its own, methods of products and "
        "all guards",
        {
            "corpus": {
                "source": "simulated",
                "simulated": {"listing": {"speakers": 8, "days": 14}},
            },
            "trials": {
                "own": {"weekly": {"every": 7, "targets": "all"}},
                "scenarios": ["random", "1das", "weekly"],
            },
            "inference": {
                "methods": [
                    "baseline",
                    "multi-head",
                    "fixed-weight-tuned",
                    GUARDED_METHOD,
                    *PRODUCTS,
                    "multi-rate",
                ]
            },
            "methods": {"multi-rate": {"seeds": [0]}},
        },
        [],
        [
            "corpus",
            "extractor",
            "trials.own",
            *(f"methods.{name}" for name in (*PRODUCTS, "multi-rate")),
            "guards",
            "attacks",
        ],
        {
            "corpus.test_speakers": "split of speakers",
            "corpus.simulated.listing": "everything",
            # Drawn utterances have the names of SMIIP-TV.
            "corpus.simulated.listing.names": "nothing",
            "corpus.simulated.law": "embeddings",
            "trials.own": "new scenario",
            "methods.multi-rate": "a fitted method without guards",
            **{f"methods.{name}": "tuning of the method" for name in PRODUCTS},
            **{f"methods.{name}.threshold": "inference" for name in PRODUCTS},
            # A number takes the place of a tuned limit.
            "guards": "inference",
            "guards.cost": "tuning of guards",
            "attacks": "tuning of guards",
            "attacks.recovery": "nothing",
        },
    ),
    "occasional": World(
        "A run of exports, `controls`, `attacks`, `train_demo_extractor` and `train_ready_made`, "
        "with a given policy",
        {
            "corpus": {"source": "simulated"},
            "inference": {"released": {"multi-head": "policy.pkl"}},
        },
        [
            "export_policy",
            "controls",
            "attacks",
            "results/published_layout/random/trial.pkl",
            "results/pair_lists/random.txt",
            "results/score_lists/baseline/random.txt",
            "results/exported_embeddings/embeddings.npz",
            "results/demo_extractor/demo_extractor.onnx",
            "results/ready_made/policy.json",
        ],
        ["evaluation", "attacks", "corpus.synthetic.law"],
        {
            "evaluation": "operating points, export, impostors, attacks",
            "evaluation.intervals": "controls, attacks",
            "evaluation.controls.scenarios": "controls",
            "evaluation.controls.enrolment_utterances": "control of enrolment",
            "evaluation.controls.nontargets_per_target": "control of impostors",
            "attacks": "attacks",
            "corpus.synthetic.law": "demo extractor",
        },
    ),
    "crate": World(
        "A run of `write_crate`, `report` and `figures`: again after whatever changes the record",
        {"corpus": {"source": "simulated"}, "inference": {"methods": ["baseline"]}},
        ["results/ro-crate-metadata.json", "report", "figures"],
        [],
        {},
    ),
    "comparison": World(
        "A run of `benchmark_methods`",
        {
            "trials": {"imported": {"root": "lists"}},
            "comparison": {
                "populations": [1, 2],
                "speakers": 16,
                "test_speakers": 6,
                "scenarios": ["random"],
                "seeds": [0],
                "sensitivity": {"populations": [1]},
            },
        },
        ["benchmark_methods"],
        list(Config.model_fields),
        {
            "seed": "comparison",
            "corpus.simulated": "populations",
            # In place of these stand comparison.speakers and a made listing.
            "corpus.simulated.listing.speakers": "nothing",
            "corpus.simulated.listing.utterances": "nothing",
            "corpus.simulated.listing.names": "nothing",
            "trials.generation": "populations",
            "trials.orders": "populations",
            "pretraining": "populations",
            "finetuning": "populations",
            "finetuning.seeds": "nothing",
            "tuning": "populations",
            "methods.through-time": "populations",
            "methods.through-time.seeds": "nothing",
            "methods.multi-rate": "populations",
            "methods.multi-rate.seeds": "nothing",
            "methods.fixed-weight": "scores of populations",
            "methods.multi-head": "scores of populations",
            # Tuned in the run, so the populations have what is chosen.
            "methods.adaptive-weight": "populations",
            **{f"methods.{name}": "populations" for name in PRODUCTS},
            "comparison": "populations",
            "comparison.populations": "new population",
            "evaluation.intervals": "comparison",
            "evaluation.calibration": "scores of populations",
            "comparison.sensitivity": "sensitivity",
        },
    ),
}


def leaves(block: type[Block] = Config, above: str = "") -> list[str]:
    """List every setting, as written in YAML: ``finetuning.ppo.steps``."""
    keys = []
    for name, field in block.model_fields.items():
        key = above + (field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Block):
            keys += leaves(field.annotation, key + ".")
        else:
            keys.append(key)
    return keys


def changed(overlay: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return an overlay with other values of some settings."""
    content = copy.deepcopy(overlay)
    for key in keys:
        *blocks, name = key.split(".")
        block = content
        for above in blocks:
            block = block.setdefault(above, {})
        block[name] = VALUES[key]
    return content


def look_up(content: dict[str, Any], key: str) -> Any:
    """Return the value of a setting in merged YAML."""
    for name in key.split("."):
        content = content[name]
    return content
