"""Train the demo extractor on synthetic background speakers, and measure it.

The background speakers have their own random stream, so they differ from the speakers of the demo
corpus for every seed. A third population is held out for the numbers of the model card. The same
settings, seed and machine give the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from workflow_src.common.files import write_text, written_whole
from workflow_src.common.seeds import generator, torch_seed
from workflow_src.embeddings.wespeaker_fbank80 import MEL_BINS, compute_fbank
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.base import Block
from workflow_src.settings.corpus import SyntheticCorpus
from workflow_src.settings.laws import VoiceLaw, read_law
from workflow_src.synthetic.demo_network import AngularMarginLoss, DemoNetwork, to_onnx
from workflow_src.synthetic.synthesis import synthesize_recording
from workflow_src.synthetic.voices import (
    NOISE_SNR,
    SLOT_HOURS,
    STATE_EFFECTS,
    Recording,
    draw_recordings,
    speaker_ids,
)

BACKGROUND, HELD_OUT = "background", "held-out"
ENROLMENT_UTTERANCES = 5
WARM_UP = 0.05


class DemoTraining(Block):
    """The settings of the demo extractor's training."""

    key: ClassVar[str] = "settings"

    speakers: int = Field(200, ge=2, le=9999, description="background speakers")
    utterances: int = Field(60, ge=1, le=180, description="utterances per speaker, one per day")
    longest: float = Field(
        2.5, ge=1.5, le=4, description="longest background utterance, in seconds"
    )
    steps: int = Field(1000, ge=1, description="optimiser steps")
    batch_size: int = Field(64, ge=2, description="utterances per step")
    learning_rate: float = Field(2e-3, gt=0, description="peak learning rate of AdamW")
    scale: float = Field(30.0, gt=0, description="scale of the angular margin softmax")
    margin: Annotated[float, Field(ge=0, lt=1.5)] = Field(0.25, description="margin in radians")
    held_out_speakers: int = Field(
        32, ge=2, le=9999, description="speakers for measuring the trained model"
    )


@dataclass(frozen=True)
class Population:
    """Utterances of synthetic speakers in memory.

    Attributes
    ----------
    features
        N arrays, float16 [T, 80].
    speakers
        int64 [N]: class numbers from 0.
    recordings
        The N recordings.
    """

    features: list[np.ndarray]
    speakers: np.ndarray
    recordings: list[Recording]


def make_population(
    seed: int, population: str, speakers: int, utterances: int, longest: float, law: VoiceLaw
) -> Population:
    """Synthesise speakers in memory, with one utterance per day."""
    default = SyntheticCorpus()
    settings = default.model_copy(
        update={
            "speakers": speakers,
            "days": max(2, utterances),
            "missed_days": 0.0,
            "sessions_per_day": [1, 1],
            "utterances_per_session": [1, 1],
            "seconds": [default.seconds[0], longest],
        }
    )
    features, classes, kept = [], [], []
    ids = speaker_ids(speakers)
    for number, speaker in enumerate(show_progress(ids, f"speakers ({population})", speakers)):
        recordings = draw_recordings(seed, population, speaker, settings, law)
        for recording in recordings[:utterances]:
            wave = synthesize_recording(seed, population, recording, settings)
            features.append(compute_fbank(wave).astype(np.float16))
            classes.append(number)
            kept.append(recording)
    return Population(features, np.array(classes), kept)


def train(seed: int, settings: DemoTraining, background: Population) -> tuple[DemoNetwork, float]:
    """Return the trained network for inference, and the mean loss of the last tenth of steps."""
    shortest = min(len(f) for f in background.features)
    rng = generator(seed, "demo extractor", "batches")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "demo extractor", "weights"))
        network = DemoNetwork()
        criterion = AngularMarginLoss(settings.speakers, settings.scale, settings.margin)
    optimiser = torch.optim.AdamW(
        [*network.parameters(), *criterion.parameters()], lr=settings.learning_rate
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        settings.learning_rate,
        total_steps=settings.steps + 1,
        pct_start=WARM_UP,
        cycle_momentum=False,
        final_div_factor=100,
    )
    classes = torch.from_numpy(background.speakers)
    count = len(background.features)
    losses = []
    network.train()
    for _ in show_progress(range(settings.steps), "training steps", settings.steps):
        chosen = rng.choice(count, min(settings.batch_size, count), replace=False)
        frames = int(rng.integers(2 * shortest // 3, shortest, endpoint=True))
        batch = np.empty((len(chosen), frames, MEL_BINS), np.float32)
        for row, index in enumerate(chosen):
            utterance = background.features[index]
            start = int(rng.integers(len(utterance) - frames, endpoint=True))
            batch[row] = utterance[start : start + frames]
        # The cut has its own mean, and extraction subtracts the mean of its input.
        batch -= batch.mean(axis=1, keepdims=True)
        loss = criterion(network(torch.from_numpy(batch)), classes[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    network.eval()
    return network, float(np.mean(losses[-max(1, settings.steps // 10) :]))


@torch.inference_mode()
def score_held_out(
    network: DemoNetwork, held_out: Population
) -> tuple[np.ndarray, np.ndarray, list[Recording]]:
    """Score every later utterance against the template of every held-out speaker.

    A template is the mean embedding of a speaker's first five utterances. It is never updated.
    Return the cosines of N tests with S templates, float32 [N, S]; whether they are targets, bool
    [N, S]; and the N recordings.
    """
    embeddings = np.concatenate(
        [network(torch.from_numpy(f[None].astype(np.float32))).numpy() for f in held_out.features]
    )
    speakers = held_out.speakers
    names, counts = np.unique(speakers, return_counts=True)
    enrolled = np.concatenate([np.arange(n) < ENROLMENT_UTTERANCES for n in counts])
    templates = np.stack([embeddings[enrolled & (speakers == s)].mean(axis=0) for s in names])
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    tests = embeddings[~enrolled]
    tests /= np.linalg.norm(tests, axis=1, keepdims=True)
    recordings = [held_out.recordings[i] for i in np.flatnonzero(~enrolled)]
    return tests @ templates.T, speakers[~enrolled][:, None] == names, recordings


def break_down(
    scores: np.ndarray, target: np.ndarray, recordings: list[Recording]
) -> list[tuple[str, int, int, float]]:
    """Compute the EER of all trials and of parts of them, by the metadata of the test utterance.

    Return a list of (part, target trials, non-target trials, EER in percent).
    """
    fortnights = [r.day // 14 * 14 for r in recordings]
    values: dict[str, tuple[list[str], Sequence[Any]]] = {
        "days since the first": ([f"{d}-{d + 13}" for d in sorted(set(fortnights))], fortnights),
        "slot": (list(map(str, SLOT_HOURS)), [r.slot for r in recordings]),
        "state": (list(STATE_EFFECTS), [r.state for r in recordings]),
        "noise": (list(NOISE_SNR), [r.noise for r in recordings]),
    }
    parts = [("all", np.ones(len(recordings), bool))]
    for field, (order, column) in values.items():
        written = [f"{v}-{v + 13}" if field.startswith("days") else str(v) for v in column]
        parts += [(f"{field}: {value}", np.array(written) == value) for value in order]
    rows = []
    for name, chosen in parts:
        own, other = scores[chosen][target[chosen]], scores[chosen][~target[chosen]]
        if len(own):
            eer, _ = equal_error_rate(scores[chosen].ravel(), target[chosen].ravel())
            rows.append((name, len(own), len(other), 100 * eer))
    return rows


CARD = """# Model card: the demo extractor

A small x-vector for the demo corpus. It has only ever heard this project's speech synthesiser:
**its numbers say nothing about real speech, and it must not be used on it.** For real recordings
set `extractor.model` to a model that was trained on real speech.

This card is written by the step that trains the model, from its own measurements.

- File: `{name}`, {size} bytes, sha256 `{sha256}`
- Input: `features` [batch, frames, 80], float32; log mel filter banks, mean over time subtracted
- Output: `embedding` [batch, 128], float32, not normalised
- Network: time-delay layers (128 channels), attentive statistics pooling (384), linear;
  {parameters} parameters
- Training data: {speakers} synthetic background speakers x {utterances} utterances; none of these
  speakers is in the demo corpus
- Training: angular margin softmax (s {scale:g}, m {margin:g}), AdamW {learning_rate:g} with a
  cosine schedule, {steps} steps of {batch_size} utterances, seed {seed}; final loss {loss:.3f}

## Measured

On {held_out_speakers} more synthetic speakers that took no part in training, one utterance a day.
A template is the mean embedding of a speaker's first five utterances; each later one is scored by
cosine against every template. Nothing is updated.

Cosine of target trials: {own_mean:.3f} +- {own_spread:.3f}; of non-target trials:
{other_mean:.3f} +- {other_spread:.3f} (mean and standard deviation).

| part | target trials | non-target trials | EER in % |
|---|---:|---:|---:|
{rows}
"""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    law: Input
    """The law of voices, YAML."""
    settings: DemoTraining = DemoTraining()
    """The settings of the training."""
    seed: int
    """The config's seed."""
    model: Output
    """The speaker model, ONNX."""
    card: Output
    """The model card, Markdown."""


def run(args: Arguments) -> None:
    """Train and measure the model, then write it and its card."""
    settings, law = args.settings, read_law(args.law, VoiceLaw)
    background = make_population(
        args.seed, BACKGROUND, settings.speakers, settings.utterances, settings.longest, law
    )
    network, loss = train(args.seed, settings, background)
    held_out = make_population(
        args.seed,
        HELD_OUT,
        settings.held_out_speakers,
        max(settings.utterances, ENROLMENT_UTTERANCES + 1),
        SyntheticCorpus().seconds[1],
        law,
    )
    scores, target, recordings = score_held_out(network, held_out)
    rows = break_down(scores, target, recordings)
    model = to_onnx(network)
    with written_whole(args.model) as part:
        part.write_bytes(model)
    card = CARD.format(
        **settings.model_dump(),
        seed=args.seed,
        name=args.model.name,
        size=f"{len(model):,}",
        sha256=hashlib.sha256(model).hexdigest(),
        parameters=f"{sum(p.numel() for p in network.parameters()):,}",
        loss=loss,
        own_mean=scores[target].mean(),
        own_spread=scores[target].std(),
        other_mean=scores[~target].mean(),
        other_spread=scores[~target].std(),
        rows="\n".join(f"| {n} | {t:,} | {u:,} | {e:.2f} |" for n, t, u, e in rows),
    )
    write_text(card, args.card)
    print(f"EER on held-out speakers: {rows[0][3]:.2f} %")
