"""The scale of scores on the training population: what policies see of it, and thresholds."""

from __future__ import annotations

import math

import numpy as np
import torch

from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.settings.finetuning import Episode, ScaledEpisode
from workflow_src.training.episodes import EpisodeSampler
from workflow_src.training.population import Population
from workflow_src.updating.score_history import ScoreScale

EPISODES = 256
WEIGHT = 0.2


def estimate_scale(
    population: Population,
    settings: ScaledEpisode,
    generator: torch.Generator,
    episodes: int = EPISODES,
) -> ScoreScale:
    """Estimate the scale of scores on drawn episodes, which are played to their ends.

    Templates are updated with weight 0.2 when cos > `settings.update_threshold`. The generator is
    on the population's device. Raises `InputError` if no speaker qualifies for episodes.
    """
    sampler = EpisodeSampler(population, settings)
    return ScoreScale.estimate(*_play(sampler, settings.update_threshold, generator, episodes))


def fit_thresholds(population: Population, settings: Episode, seed: int) -> ScaledEpisode:
    """Return the settings with all thresholds. Open ones are fitted to the population.

    Both are then the threshold at the EER of drawn episodes, in which templates are updated with
    weight 0.2 above the threshold at the EER without updates. Raises `InputError` if no speaker
    qualifies for episodes.
    """
    given = settings.model_dump(include={"error_threshold", "update_threshold"})
    if None in given.values():
        drawing = torch.Generator(population.embeddings.device).manual_seed(seed)
        sampler, fitted = EpisodeSampler(population, settings), math.inf
        for _ in range(2):
            fitted = equal_error_rate(*_play(sampler, fitted, drawing, EPISODES))[1]
        given = {name: fitted if number is None else number for name, number in given.items()}
    return ScaledEpisode(**settings.model_dump() | given)


def _play(
    sampler: EpisodeSampler, threshold: float, generator: torch.Generator, episodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Play drawn episodes with a fixed weight; return the scores and labels of all trials."""
    drawn = sampler.draw(episodes, generator)
    templates, steps = drawn.templates, drawn.offers.shape[1]
    scores = torch.empty(episodes, steps, device=templates.device)
    for step in range(steps):
        tests = sampler.population.embeddings[drawn.offers[:, step]]
        scores[:, step] = torch.cosine_similarity(templates, tests, dim=1)
        weights = WEIGHT * (scores[:, step] > threshold).float()
        templates = torch.lerp(templates, tests, weights[:, None])
    played = torch.arange(steps, device=scores.device) <= drawn.lengths[:, None]
    return scores[played].cpu().numpy(), drawn.targets[played].cpu().numpy()
