"""Rules to export, and what exported ones are compared with."""

import datetime
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from tests.inference.made_up_policies import made_up_state_dict
from workflow_src.common.digests import ROOT
from workflow_src.common.files import write_json
from workflow_src.evaluation.calibration import BackEnd, ScoredTrials
from workflow_src.evaluation.history import Places, Scale
from workflow_src.evaluation.operating_points import Chosen, Development, SetPoints
from workflow_src.evaluation.quality import look_up_quality
from workflow_src.exporting import export_method
from workflow_src.methods.adaptive_weight import AdaptiveWeight
from workflow_src.methods.anchored import Anchored
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.gallery import Gallery
from workflow_src.methods.guarded import Guarded
from workflow_src.methods.kalman import Kalman
from workflow_src.methods.multi_head import MultiHead
from workflow_src.methods.multi_rate import MultiRate, Network
from workflow_src.methods.published import from_published
from workflow_src.methods.ready_made import ReadyMade
from workflow_src.methods.running_mean import RunningMean
from workflow_src.methods.soft import Soft
from workflow_src.methods.spherical_plda import SphericalPlda
from workflow_src.methods.storage import load_policy
from workflow_src.methods.through_time import ThroughTime, WeightNetwork
from workflow_src.methods.two_template import TwoTemplate
from workflow_src.methods.window import Window
from workflow_src.settings.catalogue import READY_MADE
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import Decision, Memory, UpdateRule
from workflow_src.updating.score_history import ScoreHistory, ScoreScale
from workflow_src.updating.scorer import pack_sequences, score_sequences

ENROLLED = datetime.date(2020, 5, 1)


# As a user's own rule is named.
FROM_HISTORY = "tests.exporting.exported:FromHistory"


class FromHistory(UpdateRule):
    """Decides by the history of scores and a small network; writes its memory in every way."""

    def __init__(self):
        torch.manual_seed(3)
        self.scale = ScoreScale(centre=0.4, slope=8.0, mean=0.6, spread=0.15)
        layers = torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2)
        self.network = torch.nn.Sequential(*layers).requires_grad_(False)

    def begin(self, templates):
        counters = {
            "seen": torch.zeros(1, templates, 3, dtype=torch.int64),
            "same": torch.full((1, templates), 7.0),
        }
        return Memory({**ScoreHistory.begin(1, templates).tensors(), **counters})

    def decide(self, trials, memory):
        names = ["count", "total", "squares", "updated_on"]
        history = ScoreHistory(*(memory.tensors[name] for name in names))
        out = self.network(history.observe(self.scale, trials.scores, trials.days))
        after = history.remember(self.scale, trials.scores, trials.days)
        for name, values in after.tensors().items():
            memory.tensors[name][:] = values
        memory.tensors["seen"][0, :, 1] += 1
        memory.tensors["seen"][..., 2].add_(2)
        updated = (out[..., 0] > -0.2) & (trials.scores > 0.2)
        return Decision(updated, torch.sigmoid(out[..., 1] - 1), trials.scores.log1p())


def make_network(method, dimension):
    """A policy whose decisions are mixed and whose weights are spread."""
    rule, file = {
        "multi-head": (MultiHead, "mh_final"),
        "adaptive-weight": (AdaptiveWeight, "adw_final"),
    }[method]
    return from_published(made_up_state_dict(file, dimension), rule)


SCALE = ScoreScale(centre=0.4, slope=8.0, mean=0.6, spread=0.15)
PLDA_SCALE = ScoreScale(centre=-0.4, slope=20.0, mean=0.0, spread=0.2)
COEFFICIENTS = torch.tensor([3.0, -1.0, 0.2, 0.1, -0.3, 0.4, -0.5])
VARIANCES = {"within": 0.4, "day": 0.05, "drift": 0.002, "between": 0.6}


def make_through_time():
    """An untrained network, whose weights are all large enough to be updates."""
    torch.manual_seed(4)
    return ThroughTime(SCALE, WeightNetwork(16, 0.5).requires_grad_(False))


def make_multi_rate():
    """An untrained network with large scores, and weights that are all updates."""
    torch.manual_seed(4)
    return MultiRate(SCALE, Network(2, 8).requires_grad_(False))


def make_ready_made():
    """The network that comes with this project, with a scale of scores."""
    network = load_policy(ROOT / READY_MADE, MultiRate).network
    return ReadyMade(SCALE, network.requires_grad_(False))


LIMITS = {
    "far-test": 0.55,
    "far-template": 0.7,
    "way": 4.0,
    "direction": 0.3,
    "daily": 2,
    "low-norm": 1.0,
}
ALL_GUARDS = "+".join(["", *LIMITS])
GUARDED = [f"{name}{ALL_GUARDS}" for name in ("adaptive-weight", "gallery-redundant", "soft")]


RULES = {
    "baseline": lambda dimension: Baseline(),
    "fixed-weight": lambda dimension: FixedWeight(0.1, 0.51),
    "multi-head": lambda dimension: MultiHead(make_network("multi-head", dimension)),
    "adaptive-weight": lambda dimension: AdaptiveWeight(make_network("adaptive-weight", dimension)),
    "history": lambda dimension: FromHistory(),
    "soft": lambda dimension: Soft(SCALE, COEFFICIENTS, 0.2, 3.0, -1.0),
    "kalman": lambda dimension: Kalman(SCALE, VARIANCES, 5, 4.0, dimension, 2.0),
    "spherical-plda": lambda dimension: SphericalPlda(PLDA_SCALE, VARIANCES, 5, 9.0, dimension, 1),
    "through-time": lambda dimension: make_through_time(),
    "multi-rate": lambda dimension: make_multi_rate(),
    "ready-made": lambda dimension: make_ready_made(),
    "running-mean": lambda dimension: RunningMean(0.51, enrolment=5, cap=9),
    "anchored": lambda dimension: Anchored(0.51, alpha=0.3, share=0.2),
    "window": lambda dimension: Window(0.51, size=4),
    "gallery": lambda dimension: Gallery(0.51, size=4, best=2, replace="oldest"),
    "gallery-redundant": lambda dimension: Gallery(0.51, size=4, best=1, replace="redundant"),
    "two-template": lambda dimension: TwoTemplate(0.51, alpha=0.3, score="max"),
    "two-template-mean": lambda dimension: TwoTemplate(0.51, alpha=0.3, score="mean"),
    **{
        name: lambda dimension, name=name: Guarded(RULES[name.partition("+")[0]](dimension), LIMITS)
        for name in GUARDED
    },
}


# Rows of which there are two rules.
ROWS = {
    "gallery-redundant": "gallery",
    "two-template-mean": "two-template",
    f"gallery-redundant{ALL_GUARDS}": f"gallery{ALL_GUARDS}",
}


BACK_ENDS = {
    "none": None,
    "affine": BackEnd("affine", Scale(0.4, 8.0, 0.6, 0.15), {}, -0.3, 5.0, {}, {}),
    "history": BackEnd(
        kind="history",
        scale=Scale(0.4, 8.0, 0.6, 0.15),
        quality={},
        constant=-0.4,
        slope=4.5,
        added={
            "accepted_mean": -2.0,
            "accepted_spread": -1.1,
            "accepted_count": 0.7,
            "since_enrolment": -0.4,
        },
        times_score={
            "accepted_mean": 0.3,
            "accepted_spread": -0.6,
            "accepted_count": 0.5,
            "since_enrolment": 0.1,
        },
    ),
}


BACK_ENDS["quality"] = replace(
    BACK_ENDS["history"],
    kind="quality",
    quality={"test_norm": 1.5, "test_seconds": 1.0},
    added={**BACK_ENDS["history"].added, "test_norm": 0.4, "test_seconds": 1.2},
    times_score={**BACK_ENDS["history"].times_score, "test_norm": -0.3, "test_seconds": 0.8},
)


def set_points(back_end):
    """Operating points of a run with a back-end of `BACK_ENDS`."""
    chosen = Chosen(
        eer_percent=3.0, cllr=0.2, min_cllr=0.1, thresholds={"far_1": 0.41, "cost": 0.62}
    )
    llr = Chosen(eer_percent=2.0, cllr=0.1, min_cllr=0.1, thresholds={"far_1": -0.5, "cost": 4.6})
    return SetPoints(
        development=Development(target_trials=300, nontarget_trials=200),
        back_end=BACK_ENDS[back_end],
        score=chosen,
        llr=llr if BACK_ENDS[back_end] else None,
    )


def export(monkeypatch, folder, method, dimension, back_end="none"):
    """Export a rule of `RULES` as the run of that name; return the rule."""
    rule = RULES[method](dimension)
    monkeypatch.setattr(export_method, "build_rule", lambda run: rule)
    named = {"history": FROM_HISTORY, **ROWS}.get(method, method)
    export_method.export_method(Run(method, named), dimension, folder, set_points(back_end))
    return rule


def draw_sequence(dimension, trials, seed):
    """Five enrolment embeddings, tests of very different cosines, and the days of the tests."""
    rng = np.random.default_rng(seed)
    voice = rng.standard_normal(dimension)
    own = rng.uniform(-0.2, 1, (trials, 1))
    tests = own * voice + (1 - own) * rng.standard_normal((trials, dimension))
    tests *= rng.uniform(0.5, 2, (trials, 1))
    enrolment = voice + 0.3 * rng.standard_normal((5, dimension))
    days = np.cumsum(rng.integers(0, 4, trials))
    return enrolment.astype(np.float32), tests.astype(np.float32), days


def score_in_batch(rule, enrolment, tests, days):
    """Score a sequence with the workflow's own scorer: scores, updated, weights."""
    template = torch.from_numpy(enrolment.mean(0, dtype=np.float64).astype(np.float32))[None]
    steps = np.arange(len(tests))
    sequences = pack_sequences(0 * steps, steps, steps, np.array([0]), days)
    scored = score_sequences(rule, template, sequences, torch.from_numpy(tests))
    return [part[0].numpy() for part in (scored.scores, scored.updated, scored.weights)]


def run_online(updater, template, tests, days, seconds=None):
    """Score and update test by test: the parts of the outcomes, and the last template."""
    outcomes = []
    for test, day, length in zip(tests, days, seconds or [None] * len(tests), strict=True):
        date = ENROLLED + datetime.timedelta(int(day))
        outcome, template = updater.score_and_update(template, test, date, seconds=length)
        outcomes.append(outcome)
    return [np.array(part) for part in zip(*outcomes, strict=True)], template


def calibrate_in_batch(back_end, scores, days, tests, seconds):
    """Return the LLRs of a sequence by the workflow's own back-end."""
    names = [str(number) for number in range(len(scores))]
    steps = pd.DataFrame({"model": "a", "round": 0, "step": np.arange(len(scores))})
    index = pd.DataFrame({"row": np.arange(len(names)), "utterance": names})
    manifest = pd.DataFrame({"utterance": names, "seconds": seconds})
    quality = look_up_quality(steps.assign(utterance=names), index, tests, manifest)
    return BACK_ENDS[back_end].llrs(ScoredTrials(scores, days, Places.find(steps), quality))


def describe_anew(folder, **changes):
    """Change ``method.json``."""
    description = json.loads((folder / "method.json").read_text())
    write_json({**description, **changes}, folder / "method.json")
