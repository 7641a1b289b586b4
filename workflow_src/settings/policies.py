"""Settings of pretraining and finetuning."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, Seed, Threshold, distinct
from workflow_src.settings.policy_paths import POLICY_PATH, PolicyPath, PolicyPaths

# Of which released policies exist.
TRAINED_METHODS = ["adaptive-weight", "multi-head"]
# What policies see and are rewarded with: those that see scalars instead of embeddings, and those
# whose reward is the next trial's margin instead of the published one.
SCALAR_METHODS = ["multi-head-scalars", "multi-head-scalars-margin"]
MARGIN_METHODS = ["multi-head-margin", "multi-head-scalars-margin"]
# All that are trained by PPO.
PPO_METHODS = [*TRAINED_METHODS, "multi-head-margin", *SCALAR_METHODS]
Augmentation = Literal["none", "reflections"]
AUGMENTATION = (
    "reflections: each sample or environment sees the embeddings under random reflections along "
    "the principal axes of the training embeddings, which change no cosine and make few training "
    "speakers many; none: as they are (published)"
)


class Pretraining(Block):
    """Supervised pretraining of the multi-head policy."""

    key: ClassVar[str] = "pretraining"

    enabled: bool = Field(True, description="false: finetuning starts from random weights")
    checkpoint: PolicyPath = Field(
        None,
        description="a multi-head policy from which pretraining starts instead of random weights: "
        + POLICY_PATH,
    )
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

    key: ClassVar[str] = "finetuning.episode"

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
        98304,
        ge=1,
        description="environment steps in all, rounded up to whole updates; enough to finetune a "
        "pretrained policy, far from enough for multi-head from random weights (a million)",
    )
    scalar_steps: int = Field(
        131072,
        ge=1,
        description="environment steps in all of the methods that see scalars, whose policies are "
        "small and start from random weights",
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

    key: ClassVar[str] = "finetuning"

    seeds: list[Seed] = Field([0, 1, 2], min_length=1, description="one trained policy a seed")
    checkpoint: PolicyPaths = Field(
        default_factory=PolicyPaths,
        description="policies from which finetuning starts instead of random weights; that of "
        "multi-head takes the place of pretraining, and starts multi-head-margin as well",
    )
    episode: Episode = Field(default_factory=Episode, description="the environment")
    ppo: Ppo = Field(default_factory=Ppo, description="the algorithm")

    def read_by(self, method: str) -> dict[str, Any]:
        """Return the settings that the training of a method reads: those of others change nothing.

        A policy's seed and the policy that it starts from are told apart from the settings.
        """
        scalar = method in SCALAR_METHODS
        unread = {
            "seeds": True,
            "checkpoint": True,
            "ppo": {"steps" if scalar else "scalar_steps"},
            "episode": set() if scalar or method == "adaptive-weight" else {"update_threshold"},
        }
        return self.model_dump(exclude=unread)

    @model_validator(mode="after")
    def _check(self) -> "Finetuning":
        distinct(self.seeds, "seeds")
        return self
