"""Settings of finetuning by reinforcement learning."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from workflow_src.settings.augmentation import AUGMENTATION, Augmentation
from workflow_src.settings.base import Block, Distinct, Seed, Threshold
from workflow_src.settings.policy_paths import PolicyPaths

FITTED = "null: the threshold at the EER of a fixed weight in episodes of the training speakers"


class Episode(Block):
    """An episode of the environment in which policies are finetuned."""

    key: ClassVar[str] = "finetuning.episode"

    min_seconds: float = Field(
        0.64, ge=0, description="only utterances longer than this are used, in seconds"
    )
    min_utterances: int = Field(
        200, ge=1, description="only speakers with more utterances than this have episodes"
    )
    enrolment_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="the enrolment day is drawn from this share of the days, at their start",
    )
    day_probability: float = Field(
        0.7, gt=0, le=1, description="probability that the episode uses a later day"
    )
    targets_a_day: list[Annotated[int, Field(ge=1)]] = Field(
        [3, 5, 10],
        min_length=1,
        description="targets per day; each episode draws one of these numbers",
    )
    target_share: float = Field(
        0.5, gt=0, le=1, description="probability that the next trial is a target"
    )
    max_steps: int = Field(500, ge=1, description="most steps of an episode")
    max_errors: int = Field(
        200, ge=1, description="an episode ends after this many verification errors"
    )
    error_threshold: Threshold | None = Field(
        None,
        description="score (cosine) above which a trial counts as accepted; a wrong acceptance or "
        f"rejection is a verification error (published: 0.5). {FITTED}",
    )
    update_threshold: Threshold | None = Field(
        None,
        description="score (cosine) above which adaptive-weight updates the template (published: "
        f"0.51). {FITTED}",
    )


class ScaledEpisode(Episode):
    """An episode whose thresholds are known."""

    error_threshold: Threshold
    update_threshold: Threshold


class Ppo(Block):
    """Proximal policy optimisation.

    The published trainer: one environment, one episode per batch, 5 full-batch epochs, learning
    rate 2e-5, discount 0.99, lambda 0.95, clip 0.1, value weight 0.5, entropy weight 0.05, no
    normalisation of advantages, no clipping of gradients, 1400-1500 episodes.
    """

    steps: int = Field(
        98304,
        ge=1,
        description="total environment steps, rounded up to whole updates. The default is enough "
        "for a pretrained policy; multi-head from random weights needs a million steps",
    )
    scalar_steps: int = Field(
        131072,
        ge=1,
        description="total environment steps of methods that see scalars; their policies are "
        "small and start from random weights",
    )
    environments: int = Field(64, ge=1, description="environments that run in parallel")
    rollout_steps: int = Field(
        128, ge=1, description="steps of each environment between two updates"
    )
    epochs: int = Field(5, ge=1, description="passes over a rollout")
    minibatches: int = Field(
        8, ge=1, description="minibatches in a pass over the rollout; 1: full batch"
    )
    learning_rate: float = Field(
        3e-4, gt=0, le=10, description="learning rate of Adam (published: 0.00002)"
    )
    anneal_learning_rate: bool = Field(
        True, description="whether the learning rate falls linearly to 0"
    )
    discount: float = Field(0.99, ge=0, le=1, description="discount factor (gamma)")
    gae_lambda: float = Field(
        0.8, ge=0, le=1, description="lambda of generalised advantage estimation (published: 0.95)"
    )
    clip: float = Field(
        0.1,
        gt=0,
        le=10,
        description="the ratio of probabilities is clipped to 1 - clip .. 1 + clip",
    )
    value_weight: float = Field(0.5, ge=0, le=1000, description="weight of the value loss")
    entropy_weight: float = Field(0.005, ge=0, le=1000, description="weight of the entropy bonus")
    normalise_advantages: bool = Field(
        True, description="whether the advantages of a minibatch are scaled to mean 0 and sd 1"
    )
    max_gradient_norm: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        0.5,
        description="largest gradient norm of the policy and of the critic; larger gradients are "
        "scaled down. null: no limit",
    )
    weight_std: float = Field(
        0.05,
        gt=0,
        le=10,
        description="sd of the weights that are explored at the start; training then changes it "
        "(published: 0.2, not clipped). Weights are clipped at 0, so a wide spread near 0 makes "
        "the mean too low",
    )
    initial_weight: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="mean weight (alpha) of a policy that starts from random network weights",
    )
    augmentation: Augmentation = Field("reflections", description=AUGMENTATION)


class Finetuning(Block):
    """Finetuning by reinforcement learning."""

    key: ClassVar[str] = "finetuning"

    seeds: Distinct[Seed] = Field(
        [0, 1, 2], min_length=1, description="seeds; one policy is trained for each"
    )
    checkpoint: PolicyPaths = Field(
        default_factory=PolicyPaths,
        description="policies from which finetuning starts instead of random weights. The policy "
        "of multi-head replaces pretraining; multi-head-margin also starts from it",
    )
    episode: Episode = Field(default_factory=Episode, description="the environment")
    ppo: Ppo = Field(default_factory=Ppo, description="the algorithm")

    def read_by(self, sees: str, gated: bool) -> dict[str, Any]:
        """Return the settings that the training of a method reads.

        The result has neither the seeds nor the initial policies. `sees` and `gated` are those of
        the method's row in the catalogue.
        """
        scalars = sees == "scalars"
        unread: dict[str, bool | set[str]] = {
            "seeds": True,
            "checkpoint": True,
            "ppo": {"steps" if scalars else "scalar_steps"},
            "episode": set() if scalars or gated else {"update_threshold"},
        }
        return self.model_dump(exclude=unread)
