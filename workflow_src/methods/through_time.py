"""`through-time`: a small network on scalars, trained by gradient through the template's recursion.

    w = max_weight sigmoid(network(f))

f are the scalars of `workflow_src.updating.score_history`. A weight changes the template, so it
changes the scores of all later trials. The loss is a logistic loss on these scores. Its gradient
flows back through the recursion to the network, truncated after a window of trials. Training
samples no action and needs no reward. It minimises a smooth form of the error rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workflow_src.common.errors import InputError
from workflow_src.common.seeds import torch_seed
from workflow_src.methods.development import Development
from workflow_src.methods.score_scale import LEAST_SHARE, estimate_scale
from workflow_src.methods.study import FittedRule, Study
from workflow_src.running.progress import show_progress
from workflow_src.settings.methods import ThroughTime as Settings
from workflow_src.updating.interface import Decision, Memory, Trials
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale
from workflow_src.updating.sequences import Task


class WeightNetwork(nn.Module):
    """Linear(6, H) SiLU Linear(H, H) SiLU Linear(H, 1), scaled to a weight in 0..max_weight."""

    def __init__(self, hidden: int, max_weight: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(len(FEATURES), hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, 1),
        )
        self.max_weight = max_weight

    def forward(self, features: Tensor) -> Tensor:
        """Return the weights [...] for features [..., 6]."""
        return self.max_weight * torch.sigmoid(self.layers(features).squeeze(-1))


class ThroughTime(FittedRule):
    """The rule: the network gives the weight, given the scalars relative to a scale of scores."""

    def __init__(self, scale: ScoreScale, network: WeightNetwork) -> None:
        self.scale = scale
        self.network = network

    @classmethod
    def fit(cls, study: Study) -> tuple[ThroughTime, pd.DataFrame]:
        """Train on the fitting speakers, and keep the best network on the validation speakers.

        Return the rule and the learning curve, one row for each validation: update, loss (mean
        since the last row), cost (on the validation speakers), learning_rate.
        """
        return _train(study, study.read_own(Settings))

    def begin(self, templates: int) -> Memory:
        """Remember the score history of each template."""
        return Memory(ScoreHistory.begin(1, templates).tensors())

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the network for the weight."""
        history = ScoreHistory(**memory.tensors)
        weights = self.network(history.observe(self.scale, trials.scores, trials.days))
        history.remember(self.scale, trials.scores, trials.days).store(memory)
        return Decision(updated=weights > LEAST_SHARE * self.network.max_weight, weights=weights)

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights of the network."""
        return {name: tensor.detach() for name, tensor in self.network.state_dict().items()}

    def describe(self) -> dict[str, Any]:
        """Return the names of the scalars, the scale of scores and the network's size."""
        return {
            "features": list(FEATURES),
            "scale": self.scale.state(),
            "hidden_units": self.network.layers[0].out_features,
            "max_weight": self.network.max_weight,
        }

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> ThroughTime:
        """Return the stored rule."""
        # The tensors give the size of the network, so a small file cannot claim all memory.
        network = WeightNetwork(len(tensors["layers.0.bias"]), float(about["max_weight"]))
        network.load_state_dict(tensors)
        return cls(ScoreScale(**about["scale"]), network.eval())


@dataclass(frozen=True)
class _Padded:
    """The sequences of all scenarios, [n, L] each, with 0 beyond the end of a sequence."""

    templates: Tensor  # float32 [n, D]
    embeddings: Tensor  # float32 [N, D]
    rows: Tensor
    days: Tensor
    targets: Tensor
    lengths: Tensor  # [n]
    scenario: Tensor  # [n]

    @classmethod
    def of(cls, development: Development) -> _Padded:
        longest = max(len(task.sequences.active) for task in development.tasks.values())
        parts: dict[str, list[Tensor]] = {name: [] for name in cls.__dataclass_fields__}
        first_row = 0
        for number, task in enumerate(development.tasks.values()):
            for name, tensor in _pad(task, longest).items():
                parts[name].append(tensor)
            parts["rows"][-1] += first_row
            first_row += len(task.embeddings)
            parts["scenario"].append(torch.full_like(parts["lengths"][-1], number))
        return cls(**{name: torch.cat(tensors) for name, tensors in parts.items()})


def _pad(task: Task, longest: int) -> dict[str, Tensor]:
    sequences = task.sequences
    n = len(sequences.template)
    active = sequences.active
    step = np.repeat(np.arange(len(active)), active)
    place = np.arange(len(step)) - np.repeat(np.cumsum(active) - active, active)
    padded = {}
    for name in ("rows", "days", "targets"):
        values = getattr(sequences, name)
        room = np.zeros((n, longest), dtype=values.dtype)
        room[place, step] = values
        padded[name] = torch.from_numpy(room)
    return {
        "templates": task.templates[torch.from_numpy(sequences.template)],
        "embeddings": task.embeddings,
        "lengths": torch.from_numpy(np.bincount(place, minlength=n)),
        **padded,
    }


class _Played:
    """A batch of sequences that are played from window to window."""

    def __init__(self, data: _Padded, count: int, generator: torch.Generator) -> None:
        self.data, self.generator = data, generator
        # Each scenario is drawn equally often, for any number of its sequences.
        share = 1 / torch.bincount(data.scenario).double()
        self._share = share[data.scenario]
        self.which = self._draw(count)
        self.step = torch.zeros(count, dtype=torch.int64)
        self.template = data.templates[self.which]
        self.history = ScoreHistory.begin(count)

    def _draw(self, count: int) -> Tensor:
        return torch.multinomial(self._share, count, replacement=True, generator=self.generator)

    def get_state(self) -> dict[str, Any]:
        """Return everything that the rest of the training depends on, for a checkpoint."""
        return {
            "which": self.which,
            "step": self.step,
            "template": self.template.detach(),
            "history": {k: v.detach() for k, v in self.history.tensors().items()},
            "generator": self.generator.get_state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state of `get_state`."""
        self.which, self.step, self.template = state["which"], state["step"], state["template"]
        self.history = ScoreHistory(**state["history"])
        self.generator.set_state(state["generator"])

    def replace_ended(self) -> None:
        """Replace the sequences that have ended by new ones."""
        ended = self.step >= self.data.lengths[self.which]
        fresh = self._draw(len(ended))
        self.which = fresh.where(ended, self.which)
        self.step = self.step.masked_fill(ended, 0)
        self.template = torch.where(ended[:, None], self.data.templates[self.which], self.template)
        self.history = ScoreHistory(
            **{k: v.masked_fill(ended, 0) for k, v in self.history.tensors().items()}
        )


def play_window(
    played: _Played, network: WeightNetwork, scale: ScoreScale, window: int
) -> tuple[Tensor, Tensor]:
    """Play `window` trials of every sequence. Return scores and signs, float32 [window, B].

    The sign is 1 for a target, -1 for a non-target and 0 beyond the end of a sequence. The
    scores carry the gradient of all weights within the window.
    """
    data = played.data
    template = played.template.detach()
    history = ScoreHistory(**{k: v.detach() for k, v in played.history.tensors().items()})
    scores, signs = [], []
    for _ in range(window):
        running = played.step < data.lengths[played.which]
        at = (played.which, played.step.clamp(max=data.rows.shape[1] - 1))
        test = data.embeddings[data.rows[at]]
        days, target = data.days[at], data.targets[at]
        score = nn.functional.cosine_similarity(template, test, dim=1)
        weight = network(history.observe(scale, score, days)) * running
        template = torch.lerp(template, test, weight[:, None])
        history = history.remember(scale, score, days)
        scores.append(score)
        signs.append(torch.where(target, 1.0, -1.0) * running)
        played.step = played.step + 1
    played.template, played.history = template, history
    return torch.stack(scores), torch.stack(signs)


def _train(study: Study, settings: Settings) -> tuple[ThroughTime, pd.DataFrame]:
    partition, checkpoint = study.partition, study.open_checkpoint()
    scale = estimate_scale(partition.fitting, study.start)

    def stream(name: str) -> int:
        return torch_seed(study.seed, "through-time", study.policy_seed, name)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream("network"))
        network = WeightNetwork(settings.hidden, settings.max_weight)
    with torch.no_grad():
        # At the start, the network gives about the weight of the rule that it starts from.
        last = network.layers[-1]
        assert isinstance(last, nn.Linear)
        last.weight.mul_(0.1)
        share = min(study.start.describe()["alpha"] / settings.max_weight, 0.9)
        last.bias.fill_(math.log(share / (1 - share)))
    # The calibration of the loss, a threshold and a log-slope: margin = slope (score - threshold).
    calibration = nn.Parameter(torch.tensor([scale.centre, math.log(scale.slope)]))
    optimiser = torch.optim.Adam([*network.parameters(), calibration], lr=settings.learning_rate)
    data = _Padded.of(partition.fitting)
    played = _Played(data, settings.sequences, torch.Generator().manual_seed(stream("sequences")))

    rows: list[dict[str, Any]] = []
    best_cost, best, done = math.inf, None, 0
    losses: list[float] = []
    state = checkpoint.load(torch.device("cpu")) if checkpoint else None
    if state:
        network.load_state_dict(state["network"])
        calibration.data.copy_(state["calibration"])
        optimiser.load_state_dict(state["optimiser"])
        played.set_state(state["played"])
        rows, losses, done = state["rows"], state["losses"], state["done"]
        best_cost, best = state["best_cost"], state["best"]
        print(f"resumed after update {done} of {settings.updates}")
    for update in show_progress(range(done + 1, settings.updates + 1), "through-time updates"):
        cosine = math.cos(math.pi * (update - 1) / settings.updates)
        optimiser.param_groups[0]["lr"] = rate = settings.learning_rate * 0.5 * (1 + cosine)
        played.replace_ended()
        scores, signs = play_window(played, network, scale, settings.window)
        margin = signs * calibration[1].exp() * (scores - calibration[0])
        counted = signs != 0
        loss = (nn.functional.softplus(-margin) * counted).sum() / counted.sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if update % settings.validate_every == 0 or update == settings.updates:
            rule = ThroughTime(scale, network)
            cost = float(partition.validation.cost(rule)[0])
            if cost < best_cost:
                best_cost, best = cost, {k: v.clone() for k, v in network.state_dict().items()}
            mean = float(np.mean(losses))
            rows.append({"update": update, "loss": mean, "cost": cost, "learning_rate": rate})
            losses = []
        if checkpoint and checkpoint.due():
            checkpoint.save(
                {
                    "network": network.state_dict(),
                    "calibration": calibration.detach(),
                    "optimiser": optimiser.state_dict(),
                    "played": played.get_state(),
                    "rows": rows,
                    "losses": losses,
                    "done": update,
                    "best_cost": best_cost,
                    "best": best,
                }
            )
    if best is None:  # a cost that is no number is less than no other
        raise InputError(
            "through-time: its error rate on the validation speakers is a number after no update; "
            f"the loss at the last one is {rows[-1]['loss']:g}; check the development trials, and "
            "set a smaller methods.through-time.learning_rate"
        )
    network.load_state_dict(best)
    return ThroughTime(scale, network.eval()), pd.DataFrame(rows)
