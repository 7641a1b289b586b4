"""The scale of scores on the training population, for policies that see scalars."""

from __future__ import annotations

import torch

from workflow_src.settings.finetuning import Episode
from workflow_src.training.episodes import EpisodeSampler
from workflow_src.training.population import Population
from workflow_src.updating.score_history import ScoreScale

EPISODES = 256
WEIGHT = 0.2


def estimate_scale(
    population: Population, settings: Episode, generator: torch.Generator, episodes: int = EPISODES
) -> ScoreScale:
    """Estimate the scale of scores on drawn episodes, which are played to their ends.

    Templates are updated with weight 0.2 when cos > `settings.update_threshold`. The generator is
    on the population's device. Raises `InputError` if no speaker qualifies for episodes.
    """
    drawn = EpisodeSampler(population, settings).draw(episodes, generator)
    templates, steps = drawn.templates, drawn.offers.shape[1]
    scores = torch.empty(episodes, steps, device=templates.device)
    for step in range(steps):
        tests = population.embeddings[drawn.offers[:, step]]
        scores[:, step] = torch.cosine_similarity(templates, tests, dim=1)
        weights = WEIGHT * (scores[:, step] > settings.update_threshold).float()
        templates = torch.lerp(templates, tests, weights[:, None])
    played = torch.arange(steps, device=scores.device) <= drawn.lengths[:, None]
    return ScoreScale.estimate(scores[played].cpu().numpy(), drawn.targets[played].cpu().numpy())
