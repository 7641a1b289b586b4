"""Settings of finetuning by reinforcement learning."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from workflow_src.settings.augmentation import AUGMENTATION, Augmentation
from workflow_src.settings.base import Block, Seed, Threshold, distinct
from workflow_src.settings.catalogue import find_method
from workflow_src.settings.policy_paths import PolicyPaths


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
        """Return the settings that the training of a method reads.

        Its seed and the policy that it starts from are no part of them.
        """
        row = find_method(method)
        scalars = row.sees == "scalars"
        unread = {
            "seeds": True,
            "checkpoint": True,
            "ppo": {"steps" if scalars else "scalar_steps"},
            "episode": set() if scalars or row.gated else {"update_threshold"},
        }
        return self.model_dump(exclude=unread)

    @model_validator(mode="after")
    def _check(self) -> Finetuning:
        distinct(self.seeds, "seeds")
        return self
