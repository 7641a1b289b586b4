"""The training environment for many templates at once, on torch tensors of any device.

It has the same transition as `workflow_src.training.environment`, for E templates in lockstep. A
test compares the two.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from workflow_src.settings.finetuning import Episode
from workflow_src.training.environment import (
    MARGIN_SCALE,
    TINY,
    Traits,
    action_space,
    default_scale,
    observation_space,
)
from workflow_src.training.episodes import Episodes, EpisodeSampler
from workflow_src.training.population import Population
from workflow_src.training.scalars import fit_thresholds
from workflow_src.updating.score_history import ScoreHistory, ScoreScale


class TemplateUpdatingVectorEnv(VectorEnv):
    """E copies of `TemplateUpdatingEnv` without a Python loop over them.

    Each step returns new torch tensors: observations float32 [E, 2 D] or [E, 6], rewards float32
    [E], terminations and truncations bool [E]. Actions are ``{"update": [E], "weight": [E, 1]}``.
    A gated method ignores the update, so the action can omit it.

    Autoreset happens in the same step. If an episode ends, the returned observation is the first
    one of the next episode. Then ``infos["final_obs"]`` has the last observation of the old
    episode, with the same shape, valid where ``infos["_final_obs"]``. So every step is a real
    step, and a learner can use it.

    The parameters other than E = `num_envs` are those of `TemplateUpdatingEnv`.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 - gymnasium's own form

    def __init__(
        self,
        num_envs: int,
        population: Population,
        episode: Episode | None = None,
        traits: Traits | None = None,
        scale: ScoreScale | None = None,
    ) -> None:
        self.num_envs = num_envs
        self.settings = fit_thresholds(population, episode or Episode(), seed=0)
        self.traits = traits = traits or Traits()
        self.scale = scale or default_scale(population, self.settings, traits)
        self.population = population
        self.sampler = EpisodeSampler(population, self.settings)
        self.single_observation_space = observation_space(population, traits)
        self.single_action_space = action_space(traits)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.device = population.embeddings.device
        self.generator = torch.Generator(self.device)
        units = population.embeddings / _norm(population.embeddings)[:, None]
        self._units = units
        # If the method normalises, all tests have unit length from the start.
        self._tests = units if traits.normalises else population.embeddings
        self._means = population.speaker_means / _norm(population.speaker_means)[:, None]
        self._every = torch.arange(num_envs, device=self.device)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """Begin an episode in every environment.

        ``options["episodes"]`` is an `Episodes` of E or more. The first E are played at once, the
        others when episodes end. Drawn episodes follow.
        """
        super().reset(seed=seed)
        if seed is not None:
            self.generator.manual_seed(seed)
        if options and "episodes" in options:
            self._pool: Episodes = options["episodes"]
        else:
            self._pool = self.sampler.draw(self.num_envs, self.generator)
        first = slice(0, self.num_envs)
        self._next = self.num_envs
        # The current episodes are copies, so the pool stays as it is.
        self._episodes = Episodes(**{k: v[first].clone() for k, v in self._pool.tensors().items()})
        self._template = self._episodes.templates.clone()
        self._step = torch.zeros(self.num_envs, dtype=torch.int64, device=self.device)
        self._errors = torch.zeros_like(self._step)
        self._history = ScoreHistory.begin(self.num_envs, device=self.device)
        self._meet()
        return self._observation(), {}

    def step(
        self, actions: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Apply an action to the current trial of every environment, then offer the next one."""
        settings = self.settings
        weight = torch.as_tensor(actions["weight"], device=self.device).reshape(-1, 1).clamp(0, 1)
        template, test = self._template, self._tests[self._offered]
        if self.traits.normalises:
            template = template / self._norm[:, None]
        if self.traits.gated:
            updated = self._score > settings.update_threshold
        else:
            updated = torch.as_tensor(actions["update"], device=self.device).bool()
        # lerp computes (1 - w) t + w x in one pass. Without an update, the template stays.
        self._template = torch.lerp(template, test, weight).where(updated[:, None], self._template)
        if self.traits.reward == "published":
            rewards = self._published_rewards(updated)
        if self.scale:
            self._history = self._history.remember(self.scale, self._score, self._day)

        self._step = self._step + 1
        self._meet()
        margin = self._score - settings.error_threshold
        if self.traits.reward == "margin":
            rewards = MARGIN_SCALE * margin.where(self._target, -margin)
        self._errors = self._errors + ((margin > 0) != self._target)
        terminated = (self._step >= self._episodes.lengths) | (self._errors >= settings.max_errors)
        truncated = ~terminated & (self._step >= settings.max_steps)
        infos: dict[str, Any] = {"updated": updated}
        done = terminated | truncated
        ended = done.nonzero().squeeze(1)
        if len(ended):
            infos["final_obs"], infos["_final_obs"] = self._observation(), done
            self._begin(ended)
        return self._observation(), rewards, terminated, truncated, infos

    def get_state(self) -> dict[str, Any]:
        """Return everything that the rest of the run depends on, for a checkpoint."""
        return {
            "generator": self.generator.get_state(),
            "pool": self._pool.tensors(),
            "next": self._next,
            "episodes": self._episodes.tensors(),
            "template": self._template,
            "step": self._step,
            "errors": self._errors,
            "history": self._history.tensors(),
        }

    def set_state(self, state: dict[str, Any]) -> Tensor:
        """Continue from a state of `get_state`. Return its observation."""
        self.generator.set_state(state["generator"].cpu())
        self._pool = Episodes(**state["pool"])
        self._next = state["next"]
        self._episodes = Episodes(**state["episodes"])
        self._template = state["template"]
        self._step = state["step"]
        self._errors = state["errors"]
        self._history = ScoreHistory(**state["history"])
        self._meet()
        return self._observation()

    def _published_rewards(self, updated: Tensor) -> Tensor:
        """Return the published rewards of the current trials after the updates."""
        unit = self._template / _norm(self._template)[:, None]
        score = _dot(unit, self._units[self._offered])
        gained = score + _dot(unit, self._means[self._episodes.speakers]) + 0.5 * updated
        spared = (-score - 1).where(updated, 0.5)
        return gained.where(self._target, spared)

    def _meet(self) -> None:
        """Read the current trials: utterance, label, day and score."""
        at = (self._every, self._step)
        self._offered = self._episodes.offers[at]
        self._target = self._episodes.targets[at]
        self._day = self._episodes.days[at]
        self._norm = _norm(self._template)
        self._score = _dot(self._template, self._units[self._offered]) / self._norm

    def _begin(self, ended: Tensor) -> None:
        """Replace the ended episodes by the next ones of the pool."""
        tensors = self._pool.tensors()
        count = len(ended)
        if self._next + count > len(self._pool):
            drawn = self.sampler.draw(self.num_envs, self.generator).tensors()
            tensors = {k: torch.cat([v[self._next :], drawn[k]]) for k, v in tensors.items()}
            self._pool, self._next = Episodes(**tensors), 0
        for name, current in self._episodes.tensors().items():
            current[ended] = tensors[name][self._next : self._next + count]
        self._next += count
        # New tensors keep the returned observations unchanged.
        self._template = self._template.index_copy(0, ended, self._episodes.templates[ended])
        self._step = self._step.index_fill(0, ended, 0)
        self._errors = self._errors.index_fill(0, ended, 0)
        if self.scale:
            history = self._history.tensors()
            self._history = ScoreHistory(
                **{name: sums.index_fill(0, ended, 0) for name, sums in history.items()}
            )
        self._meet()

    def _observation(self) -> Tensor:
        if self.scale:
            return self._history.observe(self.scale, self._score, self._day)
        template = self._template
        if self.traits.normalises:
            template = template / self._norm[:, None]
        return torch.cat([template, self._tests[self._offered]], dim=1)


def _norm(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=-1).clamp(min=TINY)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1)
