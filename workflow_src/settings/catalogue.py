"""The catalogue of methods: a row a method, with all that is said of it outside of its own file.

The catalogue is light: the Snakefile, the config, the figures and the planner read it, and none of
them imports torch. A row's entry point names the class of the method's update rule, which only the
steps that need it import. Lists of methods are queries on the rows.

No digest of code counts this module, so that a new row reruns nothing. What a step needs of a row
is among the params of its rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["baseline", "reference", "ceiling"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of template updating.

    Attributes
    ----------
    id
        Its name in the config, in the run table and in figures.
    entry
        ``module:Class`` of its update rule.
    origin
        How a rule of it comes about: it needs ``nothing`` but settings, is ``fitted`` on
        development trials, or is trained by ``ppo``. A ``given`` one was trained elsewhere.
    starts_from
        Where fitting or training starts: the id of a fitted method, or ``pretrained`` for the
        policy of supervised pretraining. None: it starts from nothing.
    seeded
        Whether it is trained once for each of several seeds.
    limit
        Whether it looks at the labels. It then marks what no method can reach.
    role
        What others are compared with it for: the ``baseline`` does not update, the ``reference``
        stands for what is simple to do, the ``ceiling`` for what could be reached at best. None:
        for nothing.
    settings
        The block under ``methods`` in the config that it reads, or None.
    alphas
        Whether each of the ``alphas`` of its settings makes a run.
    threshold
        The key of its settings for the score that a trial must exceed before the template is
        updated: ``threshold``, ``floor``, or None where the method has none or holds its own.
    sees
        What its policy sees: ``embeddings``, or ``scalars`` of the history of scores.
    reward
        What PPO rewards: the ``published`` reward, or the ``margin`` of the next trial.
    gated
        Whether the threshold alone decides on updates, so that the policy gives only the weight.
    fit_seconds
        Seconds that fitting takes for each development trial; measured as `planning.rates` says.
    label
        Its name in a sentence.
    summary
        What it does, in one line.
    reference
        Where it was published or is described.
    colour, marker
        The matplotlib colour and marker that stand for it in figures.
    """

    id: str
    entry: str
    origin: Literal["nothing", "fitted", "ppo", "given"]
    starts_from: str | None = None
    seeded: bool = False
    limit: bool = False
    role: Role | None = None
    settings: str | None = None
    alphas: bool = False
    threshold: Literal["threshold", "floor"] | None = None
    sees: Literal["embeddings", "scalars"] = "embeddings"
    reward: Literal["published", "margin"] = "published"
    gated: bool = False
    fit_seconds: float = 0.0
    label: str
    summary: str
    reference: str
    colour: str
    marker: str = "o"


# The method of one weight and one threshold from which the fitting of others starts.
FIXED = "fixed-weight-tuned"
# Where pretraining makes the policy that PPO starts from.
PRETRAINED = "pretrained"
# An entry point, as a regular expression.
ENTRY = r"([A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*"

QIN = "Qin, Li, Duan and Li, IEEE/ACM T-ASLP 32, 2024, doi:10.1109/TASLP.2024.3428910"
OURS = "this project, docs/method.md"

# In the order in which messages and tables list them.
METHODS: tuple[Method, ...] = (
    Method(
        id="baseline",
        entry="workflow_src.methods.baseline:Baseline",
        origin="nothing",
        role="baseline",
        label="baseline",
        summary="never updates",
        reference=QIN,
        colour="#666666",
        marker="s",
    ),
    Method(
        id="fixed-weight",
        entry="workflow_src.methods.fixed_weight:FixedWeight",
        origin="nothing",
        settings="fixed-weight",
        alphas=True,
        threshold="threshold",
        label="fixed weight",
        summary="updates with one weight whenever the score exceeds a threshold",
        reference=QIN,
        colour="#0072B2",
    ),
    Method(
        id="fixed-weight-tuned",
        entry="workflow_src.methods.fixed_weight_tuned:TunedFixedWeight",
        origin="fitted",
        role="reference",
        fit_seconds=33e-6,
        label="tuned fixed weight",
        summary="the fixed weight, with weight and threshold chosen on training speakers",
        reference=OURS,
        colour="#00395C",
    ),
    Method(
        id="adaptive-weight",
        entry="workflow_src.methods.adaptive_weight:AdaptiveWeight",
        origin="ppo",
        seeded=True,
        settings="adaptive-weight",
        threshold="threshold",
        gated=True,
        label="adaptive weight",
        summary="updates whenever the score exceeds a threshold; a trained policy gives the weight",
        reference=QIN,
        colour="#D55E00",
        marker="^",
    ),
    Method(
        id="multi-head",
        entry="workflow_src.methods.multi_head:MultiHead",
        origin="ppo",
        starts_from=PRETRAINED,
        seeded=True,
        settings="multi-head",
        threshold="floor",
        label="multi-head",
        summary="a trained policy decides whether to update, and with which weight",
        reference=QIN,
        colour="#009E73",
        marker="D",
    ),
    Method(
        id="multi-head-margin",
        entry="workflow_src.methods.multi_head:MultiHead",
        origin="ppo",
        starts_from=PRETRAINED,
        seeded=True,
        settings="multi-head",
        threshold="floor",
        reward="margin",
        label="multi-head, margin",
        summary="multi-head, rewarded by the margin of the next trial",
        reference=OURS,
        colour="#009E73",
        marker="D",
    ),
    Method(
        id="multi-head-scalars",
        entry="workflow_src.methods.scalar_multi_head:ScalarMultiHead",
        origin="ppo",
        seeded=True,
        settings="multi-head",
        threshold="floor",
        sees="scalars",
        label="multi-head, scalars",
        summary="multi-head that sees scalars of the history of scores, not embeddings",
        reference=OURS,
        colour="#009E73",
        marker="D",
    ),
    Method(
        id="multi-head-scalars-margin",
        entry="workflow_src.methods.scalar_multi_head:ScalarMultiHead",
        origin="ppo",
        seeded=True,
        settings="multi-head",
        threshold="floor",
        sees="scalars",
        reward="margin",
        label="multi-head, scalars, margin",
        summary="multi-head that sees scalars, rewarded by the margin of the next trial",
        reference=OURS,
        colour="#009E73",
        marker="D",
    ),
    Method(
        id="soft",
        entry="workflow_src.methods.soft:Soft",
        origin="fitted",
        starts_from=FIXED,
        fit_seconds=30e-6,
        label="soft",
        summary="updates with a weight that grows with the posterior probability of a target",
        reference="after Barras, Meignier and Gauvain, Odyssey 2004",
        colour="#CC79A7",
        marker="v",
    ),
    Method(
        id="kalman",
        entry="workflow_src.methods.kalman:Kalman",
        origin="fitted",
        starts_from=FIXED,
        fit_seconds=20e-6,
        label="Kalman",
        summary="tracks the drifting voice with a Kalman filter; its variance sets the weight",
        reference=OURS,
        colour="#56B4E9",
        marker="<",
    ),
    Method(
        id="spherical-plda",
        entry="workflow_src.methods.spherical_plda:SphericalPlda",
        origin="fitted",
        fit_seconds=30e-6,
        label="spherical PLDA",
        summary="estimates a voice that does not drift, and scores by its log-likelihood ratio",
        reference="Sholokhov, Kuzmin, Lee and Chng, ICASSP 2023",
        colour="#B58900",
        marker=">",
    ),
    Method(
        id="through-time",
        entry="workflow_src.methods.through_time:ThroughTime",
        origin="fitted",
        starts_from=FIXED,
        seeded=True,
        settings="through-time",
        label="through time",
        summary="a small network gives the weight; its gradient flows through the updates",
        reference=OURS,
        colour="#222222",
        marker="P",
    ),
    Method(
        id="oracle",
        entry="workflow_src.methods.oracle:Oracle",
        origin="fitted",
        limit=True,
        role="ceiling",
        fit_seconds=8e-6,
        label="oracle",
        summary="updates on every target and on no non-target",
        reference=OURS,
        colour="#888888",
        marker="*",
    ),
    Method(
        id="speaker-mean",
        entry="workflow_src.methods.speaker_mean:SpeakerMean",
        origin="nothing",
        limit=True,
        label="speaker mean",
        summary="the template is the mean of everything that the speaker ever says",
        reference=OURS,
        colour="#BBBBBB",
        marker="*",
    ),
    Method(
        id="released-adaptive-weight",
        entry="workflow_src.methods.adaptive_weight:AdaptiveWeight",
        origin="given",
        settings="adaptive-weight",
        threshold="threshold",
        gated=True,
        label="adaptive weight, released",
        summary="adaptive weight with a policy that was trained elsewhere",
        reference=QIN,
        colour="#D55E00",
        marker="^",
    ),
    Method(
        id="released-multi-head",
        entry="workflow_src.methods.multi_head:MultiHead",
        origin="given",
        settings="multi-head",
        threshold="floor",
        label="multi-head, released",
        summary="multi-head with a policy that was trained elsewhere",
        reference=QIN,
        colour="#009E73",
        marker="D",
    ),
)
BY_ID = {method.id: method for method in METHODS}
# What the config may list under inference.methods; policies that are given stand elsewhere.
LISTED = [method.id for method in METHODS if method.origin != "given"]


def find_method(name: str) -> Method:
    """Return the row of a method; the entry point of a user's own rule gets one made for it.

    Parameters
    ----------
    name
        The id of a row, or ``module:Class``.

    Raises
    ------
    ValueError
        It is neither. The message lists what is allowed.
    """
    if name in BY_ID:
        return BY_ID[name]
    if re.fullmatch(ENTRY, name, re.ASCII) is None:
        raise ValueError(
            f"{name!r} is no method; allowed: {', '.join(LISTED)}; or the entry point of your own "
            "rule, written package.module:Class"
        )
    return Method(
        id=name,
        entry=name,
        origin="fitted",
        starts_from=FIXED,
        fit_seconds=30e-6,
        label=name.partition(":")[2],
        summary="a rule of your own",
        reference=name,
        colour="#882255",
        marker="X",
    )


def find_by_role(role: Role) -> Method:
    """Return the method that others are compared with."""
    return next(method for method in METHODS if method.role == role)


def is_own(name: str) -> bool:
    """Whether a method is a user's own rule, not one of the catalogue."""
    return name not in BY_ID


def check_listed(name: str) -> str:
    """Return a method that may be listed to be scored.

    Raises
    ------
    ValueError
        It may not. The message lists what is allowed.
    """
    if find_method(name).origin == "given":
        raise ValueError(
            f"{name!r} is not listed among the methods; name its policy under inference.released"
        )
    return name
