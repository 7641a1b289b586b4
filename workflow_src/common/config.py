"""The settings of the workflow: one typed model from which ``config.yaml`` and its schema come.

Each block is what one stage reads, so that a changed key reruns what reads it and what follows.
``python -m workflow_src.common.config --write`` writes ``config.yaml`` and
``resources/config.schema.json`` anew from this module; a test holds them together.
"""

import argparse
import json
import textwrap
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workflow_src.common.errors import InputError

SCENARIOS = ["random", "1das", "3das", "5das", "10das", "1d1s", "3d1s", "5d1s", "10d1s"]
METHODS = ["baseline", "fixed-weight", "adaptive-weight", "multi-head"]
TRAINED_METHODS = ["adaptive-weight", "multi-head"]

Scenario = Literal["random", "1das", "3das", "5das", "10das", "1d1s", "3d1s", "5d1s", "10d1s"]
Method = Literal["baseline", "fixed-weight", "adaptive-weight", "multi-head"]
Weight = Annotated[float, Field(gt=0, le=1)]
Threshold = Annotated[float, Field(ge=-1, le=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Shares = dict[str, Annotated[float, Field(ge=0)]]
Augmentation = Literal["none", "reflections"]

AUGMENTATION = (
    "reflections: each sample or environment sees the embeddings under random reflections along "
    "the principal axes of the training embeddings, which change no cosine and make few training "
    "speakers many; none: as they are (published)"
)
Range = Annotated[list[int], Field(min_length=2, max_length=2)]
Span = Annotated[list[float], Field(min_length=2, max_length=2)]


class Block(BaseModel):
    """A block of settings: typed, without unknown keys, without numbers given as text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _distinct(values: list[Any], key: str) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"{key} lists a value twice; each may stand there once")


class Compute(Block):
    """Where the heavy steps compute. Nothing here changes a result on the CPU."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="auto: a GPU where the job finds one, else the CPU; cpu; cuda: GPU or error",
    )
    deterministic: bool = Field(
        True, description="on a GPU, use only algorithms that give the same bytes in every run"
    )


class SyntheticCorpus(Block):
    """Sizes and laws of the demo corpus."""

    speakers: int = Field(44, ge=2, le=9999, description="speakers, half of them female")
    days: int = Field(60, ge=2, le=180, description="days of the corpus, from 1 May")
    missed_days: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.08, description="share of its days on which a speaker does not record"
    )
    sessions_per_day: Range = Field(
        [2, 3], description="a recording day has [least, most] sessions, each in a slot of its own"
    )
    utterances_per_session: Range = Field(
        [1, 3], description="a session has [least, most] utterances; at most 4"
    )
    seconds: Span = Field([1.5, 4.0], description="length of a recording, [least, most] seconds")
    text_dependent: Probability = Field(
        0.3, description="share of utterances that say one of the five fixed phrases"
    )
    drift: float = Field(
        0.45,
        ge=0,
        description="long-term drift of a voice, in units of the spread between speakers",
    )
    drift_days: float = Field(25.0, gt=0, description="time constant of that drift, in days")
    day_offset: float = Field(0.2, ge=0, description="change from day to day, in the same units")
    slot_offset: float = Field(
        0.15, ge=0, description="a speaker's own habit in each slot of the day, in the same units"
    )
    utterance_offset: float = Field(
        0.1, ge=0, description="change from utterance to utterance, in the same units"
    )
    effects: float = Field(
        1.0, ge=0, description="strength of what slots and states do to all voices; 0: nothing"
    )
    states: Shares = Field(
        {"normal": 0.7, "sleepy": 0.12, "sore throat": 0.1, "cold": 0.08},
        description="share of each physical state; taken relative to their sum",
    )
    noise: Shares = Field(
        {"quiet": 0.4, "normal": 0.35, "noisy": 0.18, "extremely noisy": 0.07},
        description="share of each noise level; taken relative to their sum",
    )
    shards: int = Field(
        8, ge=1, le=999, description="parts made side by side; changes no recording"
    )

    @model_validator(mode="after")
    def _check(self) -> "SyntheticCorpus":
        limits = {"sessions_per_day": (1, 5), "utterances_per_session": (1, 4), "seconds": (1, 20)}
        for key, (least, most) in limits.items():
            low, high = getattr(self, key)
            if not least <= low <= high <= most:
                raise ValueError(
                    f"{key} is {[low, high]}; allowed is [least, most] within [{least}, {most}]"
                )
        known = {
            "states": ("normal", "sleepy", "sore throat", "cold"),
            "noise": ("quiet", "normal", "noisy", "extremely noisy"),
        }
        for key, names in known.items():
            shares = getattr(self, key)
            if set(shares) - set(names):
                wrong = next(name for name in shares if name not in names)
                raise ValueError(f"{key} knows no {wrong!r}; allowed are: {', '.join(names)}")
            if not sum(shares.values()) > 0:
                raise ValueError(f"{key} needs at least one share above 0")
        return self


class DirectoryCorpus(Block):
    """Recordings that lie in a folder."""

    root: str | None = Field(
        None,
        description="folder of <utterance id>.wav or .flac files, nested in any way",
    )
    metadata: str | None = Field(
        None,
        description="CSV table with a column utterance and more columns to carry along (for "
        "example state, noise, device, gender), or null",
    )
    speakers: list[str] | None = Field(
        None, description="use only these speakers, for a first try, or null for all"
    )
    days: Annotated[int, Field(ge=1)] | None = Field(
        None, description="use only the first days of each speaker, or null for all"
    )


class Corpus(Block):
    """Which recordings there are, and who of the speakers is tested."""

    source: Literal["synthetic", "directory"] = Field(
        "synthetic",
        description="synthetic: a demo corpus made here; directory: recordings in a folder",
    )
    test_speakers: Annotated[int, Field(ge=2)] | Annotated[str, Field(min_length=1)] = Field(
        16,
        description="how many speakers are tested, drawn by the seed; or a text file of their ids, "
        "one a line; all others train",
    )
    synthetic: SyntheticCorpus = Field(
        default_factory=SyntheticCorpus,
        description="the demo corpus: a source-filter speech synthesiser",
    )
    directory: DirectoryCorpus = Field(
        default_factory=DirectoryCorpus, description="recordings in a folder"
    )


class Extractor(Block):
    """The pretrained speaker model and how recordings are fed to it."""

    model: str = Field(
        "resources/demo_extractor.onnx",
        description="ONNX file: features [B, T, 80] -> embedding [B, D]",
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = Field(
        None,
        description="digest that the model file must have (64 hexadecimal digits), or null to "
        "accept any",
    )
    min_seconds: float = Field(
        0.3, ge=0.05, description="shorter recordings are rejected, in seconds"
    )
    max_seconds: float = Field(
        300.0,
        le=3600,
        description="longer recordings are rejected, in seconds; at most 3600: each is held in "
        "memory whole",
    )
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        None,
        description="recordings of one length in a batch, or null: 1 on the CPU, where that is "
        "fastest, and 32 on a GPU",
    )
    shards: int = Field(
        8, ge=1, le=9999, description="parts of the corpus, by speaker, extracted side by side"
    )

    @model_validator(mode="after")
    def _check(self) -> "Extractor":
        if self.max_seconds <= self.min_seconds:
            raise ValueError("max_seconds must be more than min_seconds")
        return self


class RandomScenario(Block):
    """The scenario ``random``."""

    trajectories: int = Field(30, ge=1, description="trajectories a speaker")
    max_skip_days: int = Field(9, ge=1, description="a test day is 1..max_skip_days after the last")
    max_targets: int = Field(4, ge=1, description="a test day has 1..max_targets targets")


class Generation(Block):
    """How trials are made from the manifest."""

    enrolment_utterances: int = Field(5, ge=1, description="utterances that make a template")
    enrolment_after: Clock = Field("10:00", description="enrolment is recorded strictly after this")
    enrolment_before: Clock = Field("20:00", description="and strictly before this")
    rounds: Annotated[int, Field(ge=1, le=32767)] = Field(
        15, description="rounds of the 1s scenarios"
    )
    random: RandomScenario = Field(
        default_factory=RandomScenario, description="the scenario random"
    )

    @model_validator(mode="after")
    def _check(self) -> "Generation":
        if self.enrolment_after >= self.enrolment_before:
            raise ValueError("enrolment_after must be earlier than enrolment_before")
        return self


class Trials(Block):
    """The trial protocols."""

    scenarios: list[Scenario] = Field(
        SCENARIOS, min_length=1, description="which of the nine scenarios are made and scored"
    )
    nontarget_only: list[Annotated[str, Field(pattern=r"^[0-9]{4}$")]] = Field(
        [], description='pool members that never enrol and never train (published: "0124")'
    )
    generation: Generation = Field(
        default_factory=Generation, description="how trials are made from the manifest"
    )

    @model_validator(mode="after")
    def _check(self) -> "Trials":
        _distinct(self.scenarios, "scenarios")
        _distinct(self.nontarget_only, "nontarget_only")
        return self


class Pretraining(Block):
    """Supervised pretraining of the multi-head policy."""

    enabled: bool = Field(True, description="false: finetuning starts from random weights")
    min_seconds: float = Field(
        1.0, ge=0, description="shorter utterances are left out, in seconds (published: 1)"
    )
    epochs: int = Field(
        40, ge=1, description="epochs (published: interrupted after 18, of 12 batches of 512)"
    )
    batches_per_epoch: int = Field(10, ge=1, description="batches an epoch")
    redraw_epochs: int = Field(
        10,
        ge=1,
        description="simulated enrolments serve so many epochs, each time under other reflections; "
        "then new ones are drawn (published: every epoch)",
    )
    batch_size: int = Field(512, ge=1, description="simulated enrolments in a batch")
    max_enrolment: int = Field(
        199, ge=1, description="a template is made of 1..max_enrolment utterances"
    )
    learning_rate: float = Field(
        0.03, gt=0, description="of stochastic gradient descent (published: 0.1)"
    )
    momentum: float = Field(0.95, ge=0, lt=1, description="of stochastic gradient descent")
    weight_decay: float = Field(1e-4, ge=0, description="L2 penalty")
    decay_epochs: list[Annotated[int, Field(ge=1)]] = Field(
        [24, 34],
        description="after each of these epochs the learning rate falls to a tenth (published: "
        "20, 40, 60)",
    )
    augmentation: Augmentation = Field("reflections", description=AUGMENTATION)


class Episode(Block):
    """An episode of the environment in which policies are finetuned."""

    min_seconds: float = Field(
        0.64, ge=0, description="utterances up to this length are left out, in seconds"
    )
    min_utterances: int = Field(
        200, ge=1, description="a speaker has episodes with more utterances than this"
    )
    enrolment_share: float = Field(
        0.25, gt=0, le=1, description="enrolment is one day out of this first part of the days"
    )
    day_probability: float = Field(
        0.7, gt=0, le=1, description="each later day is kept with this probability"
    )
    targets_a_day: list[Annotated[int, Field(ge=1)]] = Field(
        [3, 5, 10], min_length=1, description="targets of a day; one of these drawn per episode"
    )
    target_share: float = Field(
        0.5, gt=0, le=1, description="probability that the next trial is a target"
    )
    max_steps: int = Field(500, ge=1, description="the time limit, in steps")
    max_errors: int = Field(200, ge=1, description="verification errors that end an episode")
    error_threshold: Threshold = Field(
        0.5, description="a verification error is judged at this cosine"
    )
    update_threshold: Threshold = Field(
        0.51, description="adaptive-weight: the template is updated when cos > this"
    )


class Ppo(Block):
    """Proximal policy optimisation.

    The published trainer ran one environment, an episode a batch, 5 full-batch epochs,
    learning rate 2e-5, discount 0.99, lambda 0.95, clip 0.1, value weight 0.5, entropy weight
    0.05, no normalisation of advantages, no clipping of gradients, 1400-1500 episodes.
    """

    steps: int = Field(
        131072,
        ge=1,
        description="environment steps in all, rounded up to whole updates; enough to finetune a "
        "pretrained policy, far from enough for multi-head from random weights (a million)",
    )
    environments: int = Field(64, ge=1, description="environments side by side")
    rollout_steps: int = Field(128, ge=1, description="steps of each environment between updates")
    epochs: int = Field(5, ge=1, description="passes over a rollout")
    minibatches: int = Field(8, ge=1, description="parts of a rollout in a pass; 1: full batch")
    learning_rate: float = Field(3e-4, gt=0, description="of Adam (published: 0.00002)")
    anneal_learning_rate: bool = Field(True, description="let it fall to 0 linearly")
    discount: float = Field(0.99, ge=0, le=1, description="gamma")
    gae_lambda: float = Field(
        0.8, ge=0, le=1, description="lambda of the advantages (published: 0.95)"
    )
    clip: float = Field(0.1, gt=0, description="the ratio is clipped to 1 - clip .. 1 + clip")
    value_weight: float = Field(0.5, ge=0, description="weight of the value loss")
    entropy_weight: float = Field(0.005, ge=0, description="weight of the entropy bonus")
    normalise_advantages: bool = Field(True, description="mean 0, sd 1 in each minibatch")
    max_gradient_norm: Annotated[float, Field(gt=0)] | None = Field(
        0.5,
        description="the policy's and the critic's gradients are scaled down to this norm, or null",
    )
    weight_std: float = Field(
        0.05,
        gt=0,
        description="sd of the explored weights at the start, then learned (published: 0.2, not "
        "clipped); a wide one beside 0, where weights are clipped, draws the mean too low",
    )
    initial_weight: float = Field(
        0.2, gt=0, lt=1, description="mean weight of a policy that starts from random weights"
    )
    augmentation: Augmentation = Field("reflections", description=AUGMENTATION)


class Finetuning(Block):
    """Finetuning by reinforcement learning."""

    seeds: list[Seed] = Field([0, 1, 2], min_length=1, description="one trained policy a seed")
    episode: Episode = Field(default_factory=Episode, description="the environment")
    ppo: Ppo = Field(default_factory=Ppo, description="the algorithm")

    @model_validator(mode="after")
    def _check(self) -> "Finetuning":
        _distinct(self.seeds, "seeds")
        return self


class FixedWeight(Block):
    """FixW-TU."""

    alphas: list[Weight] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5], min_length=1, description="weights, one run each"
    )
    threshold: Threshold = Field(0.51, description="a template is updated when cos > threshold")

    @model_validator(mode="after")
    def _check(self) -> "FixedWeight":
        _distinct(self.alphas, "alphas")
        return self


class AdaptiveWeight(Block):
    """DRL-TU-AdW."""

    threshold: Threshold = Field(0.51, description="a template is updated when cos > threshold")


class MultiHead(Block):
    """DRL-TU-MH."""

    floor: Threshold = Field(
        0.4, description="no update, whatever the policy says, unless cos > floor"
    )


class Inference(Block):
    """Which update methods are scored."""

    methods: list[Method] = Field(METHODS, min_length=1, description="methods that are scored")
    fixed_weight: FixedWeight = Field(default_factory=FixedWeight, description="fixed weight")
    adaptive_weight: AdaptiveWeight = Field(
        default_factory=AdaptiveWeight, description="weight by a trained policy, gate by threshold"
    )
    multi_head: MultiHead = Field(
        default_factory=MultiHead, description="weight and gate by a trained policy"
    )

    @model_validator(mode="after")
    def _check(self) -> "Inference":
        _distinct(self.methods, "methods")
        return self


class Sweep(Block):
    """The map of the fixed weight's EER over its two settings."""

    alphas: list[Weight] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5], min_length=1, description="weights"
    )
    thresholds: list[Threshold] = Field(
        [0.2, 0.3, 0.4, 0.45, 0.51, 0.6, 0.7, 0.8, 0.9],
        min_length=1,
        description="update thresholds",
    )


class Analysis(Block):
    """Tables and figures."""

    scenario: Scenario = Field(
        "random", description="of the figures that show one; one of trials.scenarios"
    )
    alpha: Weight = Field(
        0.1, description="the weight that stands for fixed-weight in figures that can't show all"
    )
    sweep: Sweep = Field(
        default_factory=Sweep, description="the map of EER over threshold and weight"
    )


class Config(Block):
    """All settings."""

    seed: Seed = Field(1, description="from which every random draw of the workflow comes")
    compute: Compute = Field(default_factory=Compute)
    corpus: Corpus = Field(default_factory=Corpus)
    extractor: Extractor = Field(default_factory=Extractor)
    trials: Trials = Field(default_factory=Trials)
    pretraining: Pretraining = Field(default_factory=Pretraining)
    finetuning: Finetuning = Field(default_factory=Finetuning)
    inference: Inference = Field(default_factory=Inference)
    analysis: Analysis = Field(default_factory=Analysis)

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if self.corpus.source == "directory" and self.corpus.directory.root is None:
            raise ValueError("corpus.directory.root must name a folder when source is directory")
        if self.analysis.scenario not in self.trials.scenarios:
            raise ValueError(
                f"analysis.scenario is {self.analysis.scenario!r}, which "
                f"trials.scenarios lacks; it has: {', '.join(self.trials.scenarios)}"
            )
        return self


def validate_config(content: dict[str, Any], source: str = "config") -> Config:
    """Check a whole configuration.

    Parameters
    ----------
    content
        The merged YAML.
    source
        The file to name in errors.

    Raises
    ------
    InputError
        One line for each fault: key, value, and what is allowed.
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, source)) from error


def describe_validation_error(error: ValidationError, source: str) -> str:
    """Say what pydantic found: for each fault one line, ``source: key: what is wrong``."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"] if not _is_branch(part))
        lines.append(f"{source}: {key + ': ' if key else ''}{_describe_fault(fault)}")
    return "\n".join(dict.fromkeys(lines))


def _is_branch(part: str | int) -> bool:
    """Whether a part of a place is pydantic's name for the branch of a union, not a key."""
    return isinstance(part, str) and ("[" in part or part.startswith("constrained-"))


def _describe_fault(fault: dict[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown key; see config.yaml for the keys there are"
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    value = fault["input"]
    said = f"{value!r} is not allowed: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    if isinstance(value, str) and fault["type"] in {"float_type", "int_type"}:
        said += " (in YAML, 3e-4 is text; write 0.0003 or 3.0e-4)"
    return said


def render_config(config: Config) -> str:
    """Write a configuration as YAML with a comment on every key."""
    head = (
        "# yaml-language-server: $schema=resources/config.schema.json\n"
        "# Every setting of the workflow, with its default. Give only what differs in a file of\n"
        "# your own:\n#     snakemake --cores 8 --configfile mine.yaml\n"
        "# Relative paths are relative to the working directory; resources/... lies beside the "
        "Snakefile.\n"
    )
    return head + "".join(_render_block(config, 0))


def _render_block(block: Block, depth: int) -> list[str]:
    lines = []
    indent = "  " * depth
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        nested = isinstance(value, Block)
        comment = field.description or (value.__doc__ or "" if nested else "")
        if depth == 0:
            lines.append("\n")
        for line in textwrap.wrap(" ".join(comment.split()), 98 - len(indent)):
            lines.append(f"{indent}# {line}\n")
        if nested:
            lines += [f"{indent}{name}:\n", *_render_block(value, depth + 1)]
        else:
            lines.append(f"{indent}{name}: {json.dumps(value, ensure_ascii=False)}\n")
    return lines


def main(argv: list[str] | None = None) -> None:
    """Write ``config.yaml`` and its JSON schema, or check that they are up to date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write the two files")
    args = parser.parse_args(argv)
    root = Path(__file__).resolve().parents[2]
    contents = {
        root / "config.yaml": render_config(Config()),
        root / "resources/config.schema.json": json.dumps(Config.model_json_schema(), indent=2)
        + "\n",
    }
    for path, content in contents.items():
        if args.write:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            raise SystemExit(f"{path.name} is out of date: run python -m {__spec__.name} --write")


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file; raises `InputError` when it is missing or no YAML."""
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error})") from error


if __name__ == "__main__":
    main()
