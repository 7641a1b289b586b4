"""The four methods as the paper states them: one trial after the other, in float64.

Written from the description of the methods alone and on purpose without this project's scorer,
networks or readers; numpy is all it needs. `Method` holds the switches that the tests turn to see
that each detail matters.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Method:
    """A published method with its settings; the last five are wrong unless they are False."""

    name: str
    state: dict | None = None  # a policy's tensors by their released names, numpy float64
    alpha: float | None = None
    threshold: float = 0.51
    floor: float = 0.4
    normalises_template: bool = False  # of multi-head and fixed weight
    keeps_length: bool = False  # adaptive weight: no re-normalisation at the next update
    renormalises_result: bool = False  # adaptive weight: scaled again after the update
    clips_weight: bool = False
    scores_after: bool = False

    def gate(self):
        return self.floor if self.name == "multi-head" else self.threshold


def layer(state, name, x):
    return state[f"{name}.weight"] @ x + state[f"{name}.bias"]


def trunk(state, template, test):
    hidden = np.maximum(layer(state, "linear1", np.concatenate([template, test])), 0)
    return np.maximum(layer(state, "linear2", hidden), 0)


def ask_multi_head(state, template, test):
    """Return the two logits and the mean of the weight given an update."""
    hidden = trunk(state, template, test)
    if "linear3.weight" in state:
        update, weight = "linear3", "linear4"
    else:
        update = "action_heads.0.distribution.linear"
        weight = "action_heads.1.distribution.fc_mean"
    logits = layer(state, update, hidden)
    return logits, layer(state, weight, np.concatenate([hidden, [1.0]]))[0]


def ask_adaptive_weight(state, template, test):
    return (np.tanh(layer(state, "mu", trunk(state, template, test))[0]) + 1) / 2


def cosine(a, b):
    return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))


def unit(x):
    return x / np.sqrt(x @ x)


def score_one_by_one(method, enrolment, tests, follow=None):
    """Score one template's trials in their order.

    `follow` holds the decisions that another implementation took. Where single precision cannot
    tell (logits or score and gate closer than 1e-5), its decision is followed, so that the trials
    after it can still be compared; everywhere else it is not looked at.

    Returns a list of (score, updated, weight, decidable).
    """
    template = np.mean([np.asarray(x, dtype=np.float64) for x in enrolment], axis=0)
    rows = []
    for number, test in enumerate(tests):
        test = np.asarray(test, dtype=np.float64)
        score = cosine(template, test)
        if method.name == "baseline":
            rows.append((score, False, 0.0, True))
            continue
        margins = [score - method.gate()]
        updated = score > method.gate()
        start, x, weight = template, test, method.alpha
        if method.normalises_template:
            start = unit(template)
        if method.name == "multi-head":
            logits, weight = ask_multi_head(method.state, start, x)
            margins.append(logits[1] - logits[0])
            updated = updated and logits[1] > logits[0]
        elif method.name == "adaptive-weight":
            x = unit(test)
            start = template if method.keeps_length else unit(template)
            weight = ask_adaptive_weight(method.state, start, x)
        if method.clips_weight:
            weight = min(max(weight, 0.0), 1.0)
        # An update needs every margin above 0, so the least one decides.
        decidable = abs(min(margins)) >= 1e-5
        if not decidable and follow is not None:
            updated = bool(follow[number])
        if updated:
            template = (1 - weight) * start + weight * x
            if method.renormalises_result:
                template = unit(template)
        if method.scores_after:
            score = cosine(template, test)
        rows.append((score, bool(updated), float(weight) if updated else 0.0, decidable))
    return rows
