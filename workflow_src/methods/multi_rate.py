"""`multi-rate`: templates that follow the voice at several rates; one network scores and updates.

    c_k        = cosine of the test with template k           k = 0 is the enrolment, and stays
    llr, w     = network(c_0 .. c_K, history)
    template_k <- (1 - w_k) template_k + w_k test             k = 1 .. K

A fast template knows today's session and device. A slow one is hard to poison. The score is a
log-likelihood ratio (llr). The network decides from all cosines at once, and from the history of
the scores: how many were accepted, their mean and spread, the days since, and how many were not.
Where impostors are many, it trusts a test less.

Score and weights are trained together, by gradient through the recursion. The loss is the logistic
loss of the llr where targets and non-targets count the same, on `workflow_src.methods.drawn_trials`
of training speakers, who meet few and many impostors. A trial counts as accepted by its own llr.
All training speakers take part, those of the development trials too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator, torch_seed
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.drawn_trials import SequenceStream
from workflow_src.methods.held_vectors import multiply_held
from workflow_src.methods.score_scale import LEAST_SHARE, estimate_scale
from workflow_src.methods.study import FittedRule, Study, TrainingSpeech
from workflow_src.running.checkpoint import Checkpoint
from workflow_src.running.progress import show_progress
from workflow_src.settings.methods import MultiRate as Settings
from workflow_src.updating.interface import HELD, Decision, Memory, Trials
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale

# Log-odds in a unit of the network's inputs and outputs, as in `score_history`.
UNIT = 4.0
# The weights at which training begins, of the slowest and of the fastest template.
SLOWEST, FASTEST = 0.02, 0.3
# Updates whose mean loss makes a row of the learning curve.
LOGGED = 10


class Network(nn.Module):
    """Two hidden layers of SiLU units; and a direct way from the cosines to the llr.

    Parameters
    ----------
    templates
        K.
    hidden
        Units of each hidden layer.
    """

    def __init__(self, templates: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            # The history has the cosine of the slowest template. One input is the rejected share.
            nn.Linear(len(FEATURES) + templates + 1, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, templates + 1),
        )
        self.direct = nn.Linear(templates + 1, 1)

    def forward(self, cosines: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Score a trial and weight its test.

        Parameters
        ----------
        cosines
            float32 [..., K + 1], as log-odds in units of `UNIT`: of the slowest template, of the
            faster ones, of the enrolment.
        history
            float32 [..., F]: the features of the history, the slowest template's cosine first; then
            the rejected share.

        Returns
        -------
        Tensor, Tensor
            The llr [...] and the weights [..., K], 0..1, of the slowest template first.
        """
        outputs = self.layers(torch.cat([history, cosines[..., 1:]], dim=-1))
        llr = UNIT * (outputs[..., 0] + self.direct(cosines)[..., 0])
        return llr, torch.sigmoid(outputs[..., 1:])


class History(ScoreHistory):
    """The score history of the slowest template, and the number of trials seen, [...]."""

    def __init__(self, seen: Tensor, **sums: Tensor) -> None:
        super().__init__(**sums)
        self.seen = seen

    @classmethod
    def begin(cls, *shape: int, device: torch.device | str = "cpu") -> History:
        """Return the history at enrolment: empty."""
        sums = ScoreHistory.begin(*shape, device=device).tensors()
        return cls(seen=torch.zeros(shape, device=device), **sums)

    def observe(self, scale: ScoreScale, scores: Tensor, days: Tensor) -> Tensor:
        """Return the features of a trial, and the log-odds of a rejection so far."""
        features = super().observe(scale, scores, days)
        rejected = torch.log((self.seen - self.count + 1) / (self.count + 1))
        return torch.cat([features, rejected.expand_as(scores)[..., None]], dim=-1)

    def remember_trial(
        self, scale: ScoreScale, scores: Tensor, days: Tensor, llr: Tensor
    ) -> History:
        """Return the history after a trial that counts as accepted by its llr."""
        p, distance = torch.sigmoid(llr), scores - scale.mean
        return History(
            seen=self.seen + 1,
            count=self.count + p,
            total=self.total + p * distance,
            squares=self.squares + p * distance.square(),
            updated_on=torch.where(p > 0.5, days, self.updated_on),
        )


class MultiRate(FittedRule):
    """The rule. The template is the slowest one; the enrolment and the faster ones are held."""

    def __init__(self, scale: ScoreScale, network: Network) -> None:
        self.scale, self.network = scale, network
        self.held = network.direct.in_features - 1

    @classmethod
    def fit(cls, study: Study) -> tuple[MultiRate, pd.DataFrame]:
        """Train on all training speakers.

        Return the rule and the learning curve: update, loss (bits per trial, mean since the last
        row), learning_rate.
        """
        settings = study.read_own(Settings)
        names = ("multi-rate", study.policy_seed)
        scale = estimate_scale(study.partition.fitting, Baseline())

        def draw(what: str, number: int) -> np.random.Generator:
            return generator(study.seed, *names, what, number)

        course = Course.begin(study.read_training(), [scale], study.enrolled, settings, draw)
        seed = torch_seed(study.seed, *names, "network")
        network, curve = train([course], settings, draw, seed, study.open_checkpoint())
        return cls(scale, network), curve

    def begin(self, templates: int) -> Memory:
        """Remember the score history of each template."""
        return Memory(History.begin(1, templates).tensors())

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Score by all templates, and move the faster ones."""
        held = memory.tensors[HELD]
        history = History(**{k: v for k, v in memory.tensors.items() if k != HELD})
        norms = torch.linalg.vector_norm(held, dim=-1) * trials.test_norms[:, None]
        cosines = torch.cat(
            [trials.scores[..., None], multiply_held(held, trials.tests) / norms], -1
        )
        llr, weights = _ask(self.network, self.scale, cosines, history, trials.days)
        updated = weights.amax(-1) > LEAST_SHARE
        weights = weights * updated[..., None]
        faster = held[:, :, :-1]
        faster.lerp_(trials.tests[:, None], weights[..., 1:, None])
        after = history.remember_trial(self.scale, trials.scores, trials.days, llr)
        after.store(memory)
        return Decision(updated=updated, weights=weights[..., 0], scores=llr)

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights of the network."""
        return {name: tensor.detach() for name, tensor in self.network.state_dict().items()}

    def describe(self) -> dict[str, Any]:
        """Return the scale of scores and the network's size."""
        return {
            "scale": self.scale.state(),
            "templates": self.held,
            "hidden_units": self.network.layers[0].out_features,
        }

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> MultiRate:
        """Return the stored rule."""
        # The tensors give the size of the network, so a small file cannot claim all memory.
        templates = len(tensors["layers.4.bias"]) - 1
        network = Network(templates, len(tensors["layers.0.bias"]))
        network.load_state_dict(dict(tensors))
        return cls(ScoreScale(**about["scale"]), network.eval())


def _ask(
    network: Network, scale: ScoreScale, cosines: Tensor, history: History, days: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the llr [...] and the weights [..., K] of trials with cosines [..., K + 1]."""
    features = history.observe(scale, cosines[..., 0], days)
    return network(scale.slope * (cosines - scale.centre) / UNIT, features)


def _start(settings: Settings, seed: int) -> Network:
    """Return an untrained network: the mean of the cosines is the score, the weights are even."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(settings.templates, settings.hidden)
    weights = torch.logspace(math.log10(SLOWEST), math.log10(FASTEST), settings.templates)
    last = network.layers[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias[0] = 0
        last.bias[1:] = torch.logit(weights)
        network.direct.weight.fill_(1 / (settings.templates + 1))
        network.direct.bias.zero_()
    return network


class _Lives:
    """The templates and histories of a batch of sequences."""

    def __init__(self, templates: Tensor, held: int) -> None:
        # The slowest first, the enrolment last.
        self.templates = templates[:, None].repeat(1, held + 1, 1)
        self.history = History.begin(len(templates))

    def begin_anew(self, templates: Tensor, which: Tensor) -> None:
        """Enrol some, bool [B], with templates [B, D]; no gradient flows back before this."""
        self.templates = torch.where(
            which[:, None, None], templates[:, None], self.templates.detach()
        )
        sums = self.history.tensors().items()
        self.history = History(**{k: v.detach().masked_fill(which, 0) for k, v in sums})

    def play(
        self, network: Network, scale: ScoreScale, test: Tensor, days: Tensor, running: Tensor
    ) -> Tensor:
        """Make a trial of each template with a test [B, D]; return the llrs [B]."""
        cosines = nn.functional.cosine_similarity(self.templates, test[:, None], dim=-1)
        llr, weights = _ask(network, scale, cosines, self.history, days)
        weights = nn.functional.pad(weights * running[:, None], (0, 1))
        self.templates = torch.lerp(self.templates, test[:, None], weights[..., None])
        self.history = self.history.remember_trial(scale, cosines[..., 0], days, llr)
        return llr


@dataclass
class Course:
    """Training speakers of one kind, whose trials share a scale of scores.

    Attributes
    ----------
    stream
        Their trials.
    scales
        The estimates of their scale; each update takes one of them at random.
    lives
        The templates and histories of the sequences of the stream.
    """

    stream: SequenceStream
    scales: Sequence[ScoreScale]
    lives: _Lives

    @classmethod
    def begin(
        cls,
        speech: TrainingSpeech,
        scales: Sequence[ScoreScale],
        enrolled: int,
        settings: Settings,
        draw: Callable[[str, int], np.random.Generator],
    ) -> Course:
        """Return the course of training speakers, see `SequenceStream`."""
        least, most = settings.nontargets
        stream = SequenceStream(speech, enrolled, settings.sequences, (least, most), draw)
        return cls(stream, scales, _Lives(stream.templates, settings.templates))

    def loss(self, network: Network, scale: ScoreScale, window: int) -> Tensor:
        """Return the loss of the next trials, nats per trial."""
        self.stream.renew()
        self.lives.begin_anew(self.stream.templates, self.stream.begun)
        drawn = self.stream.next(window)
        llrs = torch.stack(
            [
                self.lives.play(network, scale, test, days, running)
                for test, days, running in zip(
                    drawn.tests, drawn.days, drawn.weights > 0, strict=True
                )
            ]
        )
        sign = torch.where(drawn.targets, -1.0, 1.0)
        counted = (drawn.weights > 0).sum()
        return (drawn.weights * nn.functional.softplus(sign * llrs)).sum() / counted

    def get_state(self) -> dict[str, Any]:
        """Return all on which the rest of the course depends, for a checkpoint."""
        return {
            "stream": self.stream.get_state(),
            "templates": self.lives.templates.detach(),
            "history": {k: v.detach() for k, v in self.lives.history.tensors().items()},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state of `get_state`."""
        self.stream.set_state(state["stream"])
        self.lives.templates = state["templates"]
        self.lives.history = History(**state["history"])


def train(
    courses: Sequence[Course],
    settings: Settings,
    draw: Callable[[str, int], np.random.Generator],
    seed: int,
    checkpoint: Checkpoint | None,
    alone: int = 0,
) -> tuple[Network, pd.DataFrame]:
    """Train a network; each update is on the trials of one course, chosen at random.

    Parameters
    ----------
    courses
        The training speakers.
    settings
        The settings of the method.
    draw
        Gives the random generator of an update's choice: ``draw("course", 7)``.
    seed
        The seed of the network's first weights.
    checkpoint
        Where training resumes from, if it can be interrupted.
    alone
        The number of updates, at first, that are all on the first course.

    Returns
    -------
    Network, DataFrame
        The network, and its learning curve: update, loss (bits per trial, mean since the last row),
        learning_rate.

    Raises
    ------
    InputError
        The loss is not finite at the end.
    """
    network = _start(settings, seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    rows: list[dict[str, float]] = []
    losses: list[float] = []
    done = 0
    if state := checkpoint.load(torch.device("cpu")) if checkpoint else None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        for course, own in zip(courses, state["courses"], strict=True):
            course.set_state(own)
        rows, losses, done = state["rows"], state["losses"], state["done"]
        print(f"resumed after update {done} of {settings.updates}")
    for update in show_progress(range(done + 1, settings.updates + 1), "multi-rate updates"):
        cosine = math.cos(math.pi * (update - 1) / settings.updates)
        optimiser.param_groups[0]["lr"] = rate = settings.learning_rate * 0.5 * (1 + cosine)
        rng = draw("course", update)
        course = courses[int(rng.integers(len(courses))) if update > alone else 0]
        scale = course.scales[int(rng.integers(len(course.scales)))]
        loss = course.loss(network, scale, settings.window)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()) / math.log(2))
        if len(losses) == LOGGED or update == settings.updates:
            rows.append({"update": update, "loss": float(np.mean(losses)), "learning_rate": rate})
            losses = []
        if checkpoint and checkpoint.due():
            checkpoint.save(
                {
                    "network": network.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "courses": [course.get_state() for course in courses],
                    "rows": rows,
                    "losses": losses,
                    "done": update,
                }
            )
    if not math.isfinite(rows[-1]["loss"]):
        raise InputError(
            f"multi-rate: the loss of the last updates is {rows[-1]['loss']:g}; set a smaller "
            "methods.multi-rate.learning_rate"
        )
    return network.eval(), pd.DataFrame(rows)
