"""The training environment of one template (docs/method.md, "Training").

The import of this module registers ``TemplateUpdating-v0`` with gymnasium::

    gymnasium.make("TemplateUpdating-v0", population=population)

This environment defines the task. It is the reference for tests of the vector environment, and it
runs agents of other libraries. The trainer uses `workflow_src.training.vector_environment`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from workflow_src.settings.finetuning import Episode, ScaledEpisode
from workflow_src.training.episodes import Episodes, EpisodeSampler
from workflow_src.training.population import Population
from workflow_src.training.scalars import estimate_scale, fit_thresholds
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale

ENVIRONMENT_ID = "TemplateUpdating-v0"
MARGIN_SCALE = 4.0


@dataclass(frozen=True, kw_only=True)
class Traits:
    """The traits of a method that the environment needs.

    `sees`, `reward` and `gated` are as in the catalogue. `normalises` is True if an update first
    scales template and test to unit length.
    """

    sees: Literal["embeddings", "scalars"] = "embeddings"
    reward: Literal["published", "margin"] = "published"
    gated: bool = False
    normalises: bool = False


class TemplateUpdatingEnv(gymnasium.Env):
    """Update a template trial by trial without the labels.

    State: template and test in one vector, float32 [2 D]. If the method normalises, both have unit
    length, as in its policy's input at inference. If the method sees scalars, the state is the
    score and the template's score history, float32 [6], of `workflow_src.updating.score_history`.

    Action: ``{"update": 0 or 1, "weight": [w]}``. If the method is gated, cos > `update_threshold`
    decides, and the action is ``{"weight": [w]}``. The weight is clipped to [0, 1], so templates
    stay weighted means. Without clipping, a Gaussian also explores weights outside [0, 1], and
    templates grow without bound. Inference applies the mean and does not clip it.

    Reward, with the template t' after the step, the test x and the speaker's raw mean m:

    ========== ================================ =======================
    .          updated                          not updated
    ========== ================================ =======================
    target     cos(t', x) + 0.5 + cos(t', m)    cos(t', x) + cos(t', m)
    non-target -cos(t', x) - 1                  +0.5
    ========== ================================ =======================

    The margin reward is 4 (cos(t', x') - `error_threshold`) if the next trial x' is a target, and
    the negative of that if it is a non-target. The factor gives it about unit size, as the
    published reward has.

    The episode terminates when one target is left, or after `max_errors` verification errors of
    the next trial against t'. It is truncated at `max_steps`.

    Parameters
    ----------
    population
        Training embeddings.
    episode
        The config's block ``finetuning.episode``. Thresholds that it leaves open are fitted to the
        population.
    traits
        Traits of the method. The default is multi-head.
    scale
        The scale of scores for a method that sees scalars. The default is estimated on the
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
        self.settings = fit_thresholds(population, episode or Episode(), seed=0)
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
        """Begin a drawn episode, or replay ``options["episode"]``, an `Episodes` of length 1."""
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
        """Apply an action to the current trial, then offer the next one."""
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
        """Score the current trial."""
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
        # gymnasium needs a bound. This one is far beyond all values.
        return spaces.Box(-1e6, 1e6, (len(FEATURES),), np.float32)
    bound = 1.0 if traits.normalises else float(population.embeddings.abs().max())
    # Rounding can move a component of a mean or of a unit vector just past the bound.
    return spaces.Box(-1.001 * bound, 1.001 * bound, (2 * population.dimension,), np.float32)


def default_scale(
    population: Population, episode: ScaledEpisode, traits: Traits
) -> ScoreScale | None:
    """Return the scale of the population's scores if a method sees scalars, else None."""
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
