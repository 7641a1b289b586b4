"""Settings of supervised pretraining."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from workflow_src.settings.augmentation import AUGMENTATION, Augmentation
from workflow_src.settings.base import Block, Threshold
from workflow_src.settings.policy_paths import POLICY_PATH, PolicyPath


class Pretraining(Block):
    """Supervised pretraining of the multi-head policy."""

    key: ClassVar[str] = "pretraining"

    enabled: bool = Field(
        True, description="whether to pretrain; false: finetuning starts from random weights"
    )
    checkpoint: PolicyPath = Field(
        None,
        description="a multi-head policy from which pretraining starts instead of random weights: "
        + POLICY_PATH,
    )
    min_seconds: float = Field(
        1.0,
        ge=0,
        description="only utterances longer than this are used, in seconds (published: 1)",
    )
    epochs: int = Field(40, ge=1, description="epochs (published: 18, each with 12 batches of 512)")
    batches_per_epoch: int = Field(10, ge=1, description="batches in an epoch")
    redraw_epochs: int = Field(
        10,
        ge=1,
        description="new enrolments are simulated after this number of epochs (published: 1). "
        "Until then the old ones are used again, each time with other reflections",
    )
    batch_size: int = Field(512, ge=1, description="simulated enrolments in a batch")
    max_enrolment: int = Field(
        199, ge=1, description="a template is made from 1..max_enrolment utterances"
    )
    impostor_threshold: Threshold | None = Field(
        None,
        description="an impostor whose score (cosine) exceeds this enters a simulated enrolment "
        "(published: 0.51). null: the threshold at the EER of simulated enrolments of the training "
        "speakers",
    )
    learning_rate: float = Field(
        0.03,
        gt=0,
        le=10,
        description="learning rate of stochastic gradient descent (published: 0.1)",
    )
    momentum: float = Field(0.95, ge=0, lt=1, description="momentum of stochastic gradient descent")
    weight_decay: float = Field(1e-4, ge=0, le=1000, description="L2 penalty")
    decay_epochs: list[Annotated[int, Field(ge=1)]] = Field(
        [24, 34],
        description="the learning rate falls to a tenth after each of these epochs (published: "
        "20, 40, 60)",
    )
    augmentation: Augmentation = Field("reflections", description=AUGMENTATION)
