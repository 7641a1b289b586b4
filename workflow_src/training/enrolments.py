"""Simulated enrolments for supervised pretraining (docs/method.md, "Training")."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.training.population import Population

FIRST = 5  # utterances in the plain mean that starts a template
RATE = 0.1  # weight of each later utterance in the moving average
IMPOSTOR_PROBABILITY = 0.5
SAMPLES = 2048  # from which the threshold for impostors is estimated


def fit_impostor_threshold(
    population: Population, max_enrolment: int, generator: torch.Generator
) -> float:
    """Return the threshold at the EER of drawn samples without impostors (cosine).

    If no speaker has an utterance left for a target, no impostor enters.
    """
    drawn = draw_samples(population, SAMPLES, max_enrolment, generator, math.inf)
    templates, tests, targets = drawn
    if not targets.any():
        return 1.0
    scores = torch.cosine_similarity(templates, tests, dim=1)
    return equal_error_rate(scores.cpu().numpy(), targets.cpu().numpy())[1]


def draw_samples(
    population: Population,
    number: int,
    max_enrolment: int,
    generator: torch.Generator,
    impostor_threshold: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw B = `number` templates of uniform speakers, each with a test.

    n is uniform in 1..`max_enrolment`. A template starts as the mean of the first five of n random
    utterances of any day. Each further utterance makes it ``0.9 template + 0.1 utterance``. After
    each of those, with probability 1/2, an utterance of an impostor (both uniform) is offered. If
    its cosine exceeds `impostor_threshold`, it enters in the same way. The test is with probability
    1/2 a target that did not enrol, else a non-target (drawn as the impostors). If all utterances
    enrolled, it is a non-target.

    Returns
    -------
    templates, tests
        float32 [B, D], raw, on the device of the population and the generator.
    targets
        bool [B].
    """
    device = population.embeddings.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    speakers = (uniform(number) * len(population.names)).long().clamp(max=len(population.names) - 1)
    wanted = 1 + (uniform(number) * max_enrolment).long().clamp(max=max_enrolment - 1)
    available = population.utterances[speakers]
    count = torch.minimum(wanted, available)
    # Templates of many utterances come first, so the growing templates are always the first n.
    order = count.argsort(descending=True, stable=True)
    speakers, wanted, available, count = (v[order] for v in (speakers, wanted, available, count))

    widest = int(population.utterances.max())
    keys = uniform(number, widest)
    keys = keys.where(torch.arange(widest, device=device) < available[:, None], torch.inf)
    longest = min(widest, max(max_enrolment, FIRST) + 1)
    chosen = population.speaker_starts[speakers][:, None] + keys.topk(longest, 1, largest=False)[1]

    def nontargets(*shape: int) -> Tensor:
        """Draw row numbers of other speakers' utterances, [B, *shape]."""
        own = speakers.view(-1, *[1] * len(shape))
        others = len(population.names) - 1
        shift = 1 + (uniform(number, *shape) * others).long().clamp(max=others - 1)
        other = (own + shift) % len(population.names)
        size = population.utterances[other]
        row = torch.minimum((uniform(number, *shape) * size).long(), size - 1)
        return population.speaker_starts[other] + row

    first = min(FIRST, longest)
    share = (torch.arange(first, device=device) < count[:, None]).float()
    share = share / share.sum(1, keepdim=True)
    members = population.embeddings[chosen[:, :first].clamp(max=len(population.embeddings) - 1)]
    templates = (members * share[..., None]).sum(1)

    longer = int((count > FIRST).sum())
    if longer:
        impostors = nontargets(longest - FIRST)
        offered = uniform(number, longest - FIRST) < IMPOSTOR_PROBABILITY
        growing = (count[:, None] > torch.arange(longest, device=device)).sum(0).tolist()
        for step in range(FIRST, longest):
            n = growing[step]
            if n == 0:
                break
            grown = torch.lerp(templates[:n], population.embeddings[chosen[:n, step]], RATE)
            impostor = population.embeddings[impostors[:n, step - FIRST]]
            score = torch.cosine_similarity(grown, impostor, dim=1)
            enters = offered[:n, step - FIRST] & (score > impostor_threshold)
            templates[:n] = torch.lerp(grown, impostor, RATE * enters[:, None].float())

    targets = (uniform(number) < 0.5) & (wanted < available)
    unused = count.clamp(max=longest - 1)
    target_rows = chosen.gather(1, unused[:, None]).squeeze(1)
    rows = target_rows.where(targets, nontargets())
    return templates, population.embeddings[rows], targets
