"""The training environment: one template, trials one after the other (docs/method.md, "Training").

Importing this module registers ``TemplateUpdating-v0`` with gymnasium::

    gymnasium.make("TemplateUpdating-v0", population=population)

This is the plain one-template environment: a definition to read, to check the vector environment
against, and to run other libraries' agents on. The trainer uses
`workflow_src.training.vector_environment`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from workflow_src.settings.finetuning import Episode
from workflow_src.training.episodes import Episodes, EpisodeSampler
from workflow_src.training.population import Population
from workflow_src.training.scalars import estimate_scale
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale

ENVIRONMENT_ID = "TemplateUpdating-v0"
MARGIN_SCALE = 4.0


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What the environment must know of a method.

    Attributes
    ----------
    sees
        ``embeddings``, or ``scalars`` of the history of scores.
    reward
        ``published``, or the ``margin`` of the next trial.
    gated
        Whether a threshold alone decides on updates, so that the policy gives the weight only.
    normalises
        Whether an update first scales template and test to unit length.
    """

    sees: Literal["embeddings", "scalars"] = "embeddings"
    reward: Literal["published", "margin"] = "published"
    gated: bool = False
    normalises: bool = False


class TemplateUpdatingEnv(gymnasium.Env):
    """Update a template, trial by trial, without seeing the label.

    State: template and test embedding, concatenated, float32 [2 D]. Where the method normalises,
    both are scaled to unit length: that is what its policy sees when asked, and the template's
    length changes nothing there (no cosine, and an update starts from unit lengths). Where the
    method sees scalars, the score and the template's history of scores, float32 [6], as
    `workflow_src.updating.score_history` has them.

    Action: ``{"update": 0 or 1, "weight": [w]}``; where the method is gated the weight alone,
    ``{"weight": [w]}``, since there cos > `update_threshold` decides. The weight is clipped to
    [0, 1], so that templates stay weighted means: a Gaussian also explores weights outside, which
    let a template grow, a policy that takes raw lengths gives it still larger weights, and after
    some hundred trials all is infinite. (At inference the mean is applied, never clipped.)

    Reward, with t' the template after the step, x the test, m the raw mean of the speaker:

    ========== ================================ =======================
    .          updated                          not updated
    ========== ================================ =======================
    target     cos(t', x) + 0.5 + cos(t', m)    cos(t', x) + cos(t', m)
    non-target -cos(t', x) - 1                  +0.5
    ========== ================================ =======================

    Where the reward is the margin, it is that of the newly offered trial x' against t', as a
    multiple of 1/4: 4 (cos(t', x') - `error_threshold`) for a target, and the negative of that for
    a non-target. Of about unit size, as the published one.

    The episode terminates when one target is left, or after `max_errors` verification errors
    (the newly offered trial against the template just updated); it is truncated at `max_steps`.

    Parameters
    ----------
    population
        Training embeddings.
    episode
        The config's block ``finetuning.episode``.
    traits
        Of the method; by default those of multi-head.
    scale
        What scores look like, for a method that sees scalars; by default estimated on the
        population.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own form

    def __init__(
        self,
        population: Population,
        episode: Episode | None = None,
        traits: Traits | None = None,
        scale: ScoreScale | None = None,
        render_mode: None = None,
    ) -> None:
        self.render_mode = render_mode
        self.settings = episode or Episode()
        self.traits = traits = traits or Traits()
        self.scale = scale or default_scale(population, self.settings, traits)
        self._sampler = EpisodeSampler(population.to("cpu"), self.settings)
        self._embeddings = population.embeddings.cpu().numpy()
        self._means = population.speaker_means.cpu().numpy()
        self.observation_space = observation_space(population, traits)
        self.action_space = action_space(traits)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode: one drawn from `np_random`, or ``options["episode"]`` replayed.

        The option is an `Episodes` of length 1.
        """
        super().reset(seed=seed)
        if options and "episode" in options:
            episode: Episodes = options["episode"]
        else:
            generator = torch.Generator().manual_seed(int(self.np_random.integers(2**63 - 1)))
            episode = self._sampler.draw(1, generator)
        self._offers = episode.offers[0].cpu().numpy()
        self._targets = episode.targets[0].cpu().numpy()
        self._days = episode.days[0].cpu()
        self._length = int(episode.lengths[0])
        self._mean = self._means[int(episode.speakers[0])]
        self._template = episode.templates[0].cpu().numpy()
        self._step = 0
        self._errors = 0
        self._history = ScoreHistory.begin()
        self._meet()
        return self._observation(), {"speaker": int(episode.speakers[0])}

    def step(self, action: dict[str, Any]) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Answer the trial at hand, then meet the next one."""
        settings = self.settings
        template, test = self._template, self._embeddings[self._offers[self._step]]
        if self.traits.gated:
            updated = self._score > settings.update_threshold
        else:
            updated = bool(action["update"])
        if updated:
            weight = np.clip(np.float32(action["weight"][0]), 0, 1)
            if self.traits.normalises:
                template, test = _unit(template), _unit(test)
            template = (1 - weight) * template + weight * test

        if self.scale:
            score, day = torch.tensor(self._score), self._days[self._step]
            self._history = self._history.remember(self.scale, score, day)
        if self._targets[self._step]:
            reward = _cosine(template, test) + _cosine(template, self._mean) + 0.5 * updated
        else:
            reward = -_cosine(template, test) - 1 if updated else 0.5

        self._template = template
        self._step += 1
        self._meet()
        margin, target = self._score - settings.error_threshold, self._targets[self._step]
        if self.traits.reward == "margin":
            reward = MARGIN_SCALE * (margin if target else -margin)
        self._errors += int((margin > 0) != target)
        terminated = self._step >= self._length or self._errors >= settings.max_errors
        truncated = not terminated and self._step >= settings.max_steps
        info = {"updated": bool(updated), "errors": self._errors}
        return self._observation(), float(reward), terminated, truncated, info

    def _meet(self) -> None:
        """Score the trial now offered."""
        self._score = _cosine(self._template, self._embeddings[self._offers[self._step]])

    def _observation(self) -> np.ndarray:
        if self.scale:
            score, day = torch.tensor(self._score), self._days[self._step]
            return self._history.observe(self.scale, score, day).numpy().astype(np.float32)
        template, test = self._template, self._embeddings[self._offers[self._step]]
        if self.traits.normalises:
            template, test = _unit(template), _unit(test)
        return np.concatenate([template, test]).astype(np.float32)


def observation_space(population: Population, traits: Traits) -> spaces.Box:
    """Return the space of states."""
    if traits.sees == "scalars":
        # Far beyond what any scores make of them: gymnasium wants a bound.
        return spaces.Box(-1e6, 1e6, (len(FEATURES),), np.float32)
    bound = 1.0 if traits.normalises else float(population.embeddings.abs().max())
    # Rounding can carry a component of a mean or of a unit vector just past the bound.
    return spaces.Box(-1.001 * bound, 1.001 * bound, (2 * population.dimension,), np.float32)


def default_scale(population: Population, episode: Episode, traits: Traits) -> ScoreScale | None:
    """Return the scale of the population's scores where a method sees scalars, else None."""
    if traits.sees != "scalars":
        return None
    return estimate_scale(population.to("cpu"), episode, torch.Generator().manual_seed(0))


def action_space(traits: Traits) -> spaces.Dict:
    """Return the hybrid action space of a method."""
    weight = spaces.Box(0.0, 1.0, (1,), np.float32)
    if traits.gated:
        return spaces.Dict({"weight": weight})
    return spaces.Dict({"update": spaces.Discrete(2), "weight": weight})


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / max(np.sqrt((a @ a) * (b @ b)), TINY))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(np.sqrt(vector @ vector), TINY)


TINY = 1e-12

gymnasium.register(
    id=ENVIRONMENT_ID,
    entry_point="workflow_src.training.environment:TemplateUpdatingEnv",
    vector_entry_point="workflow_src.training.vector_environment:TemplateUpdatingVectorEnv",
)
