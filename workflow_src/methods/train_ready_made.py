"""Train the network of `ready-made` on speakers of many simulated laws.

The laws lie around the law that the config names: how strongly voices change by drift, day,
session and utterance, how long the drift lasts, what all embeddings have in common, and how often
speakers record. Each has its own scale of scores, estimated as `ready-made` estimates it. So the
network learns a rule for any of them. Its first updates are on speakers of the given law alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from workflow_src.common.digests import digest_code
from workflow_src.common.seeds import generator, torch_seed
from workflow_src.methods.multi_rate import Course, MultiRate, train
from workflow_src.methods.ready_made import estimate_from_enrolments
from workflow_src.methods.storage import write_policy
from workflow_src.methods.study import TrainingSpeech
from workflow_src.running.arguments import Input
from workflow_src.running.checkpoint import CheckpointArguments
from workflow_src.running.progress import show_progress
from workflow_src.settings.base import Block
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.settings.methods import MultiRate as Network
from workflow_src.synthetic.law_family import draw_law, draw_speech

MODULE = "workflow_src.methods.train_ready_made"
NAMES = ("ready-made", "training")


class ReadyMadeTraining(Block):
    """The settings of this training."""

    key: ClassVar[str] = "settings"

    laws: int = Field(32, ge=1, description="simulated laws, beside the given one")
    alone: int = Field(250, ge=0, description="updates, at first, on the given law alone")
    speakers: int = Field(40, ge=2, le=9999, description="speakers of each law")
    scales: int = Field(16, ge=1, description="estimates of the scale of scores of each law")
    enrolled: int = Field(3, ge=1, description="enrolment utterances per template")
    network: Network = Field(
        default_factory=lambda: Network(updates=2000),
        description="the network and its training, as in methods.multi-rate",
    )


@dataclass(frozen=True, kw_only=True)
class Arguments(CheckpointArguments):
    """The step's arguments."""

    law: Input
    """The law around which laws are drawn, YAML."""
    seed: int
    """The config's seed."""
    settings: ReadyMadeTraining = ReadyMadeTraining()
    """The settings of the training."""


def run(args: Arguments) -> None:
    """Draw the speakers, train the network and write it as a policy of `multi-rate`."""
    given, settings = read_law(args.law, EmbeddingLaw), args.settings
    courses = [
        begin_course(given, settings, args.seed, number)
        for number in show_progress(range(settings.laws + 1), "laws", settings.laws + 1)
    ]
    checkpoint = args.open_checkpoint(_digest(args, given))
    network, curve = train(
        courses,
        settings.network,
        lambda what, update: generator(args.seed, *NAMES, what, update),
        torch_seed(args.seed, *NAMES, "network"),
        checkpoint,
        settings.alone,
    )
    # Nobody's scale: a user's own takes its place.
    rule = MultiRate(courses[0].scales[0], network)
    description = {
        "method": "multi-rate",
        **rule.describe(),
        "training": "trained on simulated laws",
        "seed": args.seed,
        "loss_bits": float(curve["loss"].iloc[-len(curve) // 10 :].mean()),
        "settings": settings.model_dump(),
    }
    write_policy(args.out_dir, rule.tensors(), description, curve)
    checkpoint.remove()


def begin_course(
    given: EmbeddingLaw, settings: ReadyMadeTraining, seed: int, number: int
) -> Course:
    """Draw a law around a given one, its speakers, and the estimates of their scale.

    Number 0 is the given law itself.
    """
    rng = generator(seed, *NAMES, "law", number)
    law = draw_law(rng, given) if number else given
    embeddings, utterances = draw_speech(
        rng, law, settings.speakers, torch_seed(seed, *NAMES, number)
    )
    speech = TrainingSpeech(
        embeddings,
        pd.factorize(utterances["speaker"])[0],
        utterances["date"].to_numpy(dtype="datetime64[D]").astype(np.int64),
    )
    scales = [
        estimate_from_enrolments(speech, settings.enrolled, rng) for _ in range(settings.scales)
    ]
    return Course.begin(
        speech,
        scales,
        settings.enrolled,
        settings.network,
        lambda what, window: generator(seed, *NAMES, number, what, window),
    )


def _digest(args: Arguments, given: EmbeddingLaw) -> str:
    """Return a digest of everything that the training depends on, for its checkpoint."""
    parts = digest_code(MODULE), given, args.settings, args.seed
    return hashlib.sha256(repr(parts).encode()).hexdigest()
