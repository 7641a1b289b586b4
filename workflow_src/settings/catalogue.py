"""The catalogue of methods: one row for each method.

The Snakefile, the config, the figures and the planner read the catalogue, so it does not import
torch. A row's entry point names the class of the method's update rule. Only the steps that need the
class import it.

Digests of code leave this module out, so a new row reruns nothing. A step gets the fields that it
needs from the params of its rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from workflow_src.common.errors import did_you_mean

Role = Literal["baseline", "reference", "ceiling"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of template updating.

    Attributes
    ----------
    id
        Name in the config, in the run table and in figures.
    entry
        ``module:Class`` of the update rule.
    origin
        ``nothing``: the method needs only settings. ``fitted``: it is fitted on development
        trials. ``ppo``: PPO trains it. ``given``: it was trained elsewhere.
    starts_from
        Where fitting or training starts: the id of a fitted method, ``pretrained`` for the
        policy of supervised pretraining, or None.
    shipped
        The folder of a policy that comes with this project and that fitting reads, or None.
    seeded
        Whether the method is trained once for each of several seeds.
    limit
        Whether the method looks at the labels. It then marks what no method can reach.
    role
        Why others are compared with it. ``baseline``: no updates. ``reference``: the simple
        method. ``ceiling``: the best that a method could reach.
    settings
        The block under ``methods`` in the config that the method reads, or None. The class of a
        method that is not trained takes its keys as arguments, but those of `alphas` and
        `threshold`.
    alphas
        Whether each of the ``alphas`` in its settings makes a run.
    threshold
        The settings key of the score that a trial must exceed before an update. None: the method
        has no threshold, or holds its own.
    published
        The threshold that the paper gives, or None. It belongs to the paper's speaker model.
    sees
        What the policy sees: ``embeddings``, or ``scalars`` of the score history.
    reward
        The reward of PPO: ``published``, or the ``margin`` of the next trial.
    gated
        Whether the threshold alone decides on updates. The policy then gives only the weight.
    fit_seconds
        Fitting time per development trial in seconds, measured as `planning.rates` describes.
    label
        Name in a sentence.
    summary
        One line on what the method does.
    reference
        Where the method is published or described.
    colour, marker, dashes
        Its matplotlib colour and marker in figures, and the lengths of the dashes of its lines and
        of the gaps between them, in line widths; empty: solid. Any two methods differ in two of
        lightness, marker and dashes, so that they can be told apart in grey. A test measures it.
    """

    id: str
    entry: str
    origin: Literal["nothing", "fitted", "ppo", "given"]
    starts_from: str | None = None
    shipped: str | None = None
    seeded: bool = False
    limit: bool = False
    role: Role | None = None
    settings: str | None = None
    alphas: bool = False
    threshold: Literal["threshold", "floor"] | None = None
    published: float | None = None
    sees: Literal["embeddings", "scalars"] = "embeddings"
    reward: Literal["published", "margin"] = "published"
    gated: bool = False
    fit_seconds: float = 0.0
    label: str
    summary: str
    reference: str
    colour: str
    marker: str = "o"
    dashes: tuple[float, ...] = ()

    @property
    def look(self) -> dict[str, Any]:
        """The look of its lines in figures, as arguments of matplotlib's ``plot``.

        The markers of a policy that was trained elsewhere are hollow.
        """
        return {
            "color": self.colour,
            "marker": self.marker,
            "markerfacecolor": "white" if self.origin == "given" else self.colour,
            "linestyle": (0, self.dashes) if self.dashes else "-",
        }


# Dashes of lines.
LONG, DASHED, SHORT, DOTTED = (8.0, 2.0), (5.0, 1.5), (2.5, 1.0), (1.0, 1.0)
DASH_DOT, DASH_DOT_DOT = (5.0, 1.5, 1.0, 1.5), (6.0, 1.5, 1.0, 1.5, 1.0, 1.5)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A guard: a limit on the updates of a method (`workflow_src.methods.guarded`).

    Attributes
    ----------
    id
        Its name in the config. A guarded method is named ``<method>+<guard>``.
    label
        What a method is called that has it.
    summary
        One line on what it refuses.
    marker
        The matplotlib marker of a method that has it; the colour stays the method's.
    """

    id: str
    label: str
    summary: str
    marker: str


# The method from which the fitting of other methods starts.
FIXED = "fixed-weight-tuned"
# `Method.starts_from` of methods that start from the pretrained policy.
PRETRAINED = "pretrained"
# The folder of the policy of `ready-made`.
READY_MADE = "resources/ready_made"
# Regular expression of an entry point.
ENTRY = r"([A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*"

QIN = "Qin, Li, Duan and Li, IEEE/ACM T-ASLP 32, 2024, doi:10.1109/TASLP.2024.3428910"
FRENI = "after Freni, Marcialis and Roli, ICIAR 2008"
PRACTICE = "common practice, docs/method.md"
OURS = "this project, docs/method.md"

ADAPTIVE_WEIGHT = Method(
    id="adaptive-weight",
    entry="workflow_src.methods.adaptive_weight:AdaptiveWeight",
    origin="ppo",
    seeded=True,
    settings="adaptive-weight",
    threshold="threshold",
    published=0.51,
    gated=True,
    label="adaptive weight",
    summary="updates whenever the score exceeds a threshold; a trained policy gives the weight",
    reference=QIN,
    colour="#F39A1E",
    marker="^",
    dashes=DASH_DOT,
)
MULTI_HEAD = Method(
    id="multi-head",
    entry="workflow_src.methods.multi_head:MultiHead",
    origin="ppo",
    starts_from=PRETRAINED,
    seeded=True,
    settings="multi-head",
    threshold="floor",
    published=0.4,
    label="multi-head",
    summary="a trained policy decides whether to update, and with which weight",
    reference=QIN,
    colour="#159071",
    marker="D",
    dashes=SHORT,
)
SCALARS = replace(
    MULTI_HEAD,
    id="multi-head-scalars",
    entry="workflow_src.methods.scalar_multi_head:ScalarMultiHead",
    starts_from=None,
    sees="scalars",
    label="multi-head, scalars",
    summary="multi-head that sees scalars of the history of scores, not embeddings",
    reference=OURS,
    colour="#4FB895",
    dashes=DASH_DOT_DOT,
)

# Messages and tables list the methods in this order.
METHODS: tuple[Method, ...] = (
    Method(
        id="baseline",
        entry="workflow_src.methods.baseline:Baseline",
        origin="nothing",
        role="baseline",
        label="baseline",
        summary="never updates",
        reference=QIN,
        colour="#1A1A1A",
        marker="s",
        dashes=DASHED,
    ),
    Method(
        id="fixed-weight",
        entry="workflow_src.methods.fixed_weight:FixedWeight",
        origin="nothing",
        settings="fixed-weight",
        alphas=True,
        threshold="threshold",
        published=0.51,
        label="fixed weight",
        summary="updates with one weight whenever the score exceeds a threshold",
        reference=QIN,
        colour="#0B4F9E",
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
        colour="#0A2A66",
        marker="h",
        dashes=SHORT,
    ),
    Method(
        id="running-mean",
        entry="workflow_src.methods.running_mean:RunningMean",
        origin="nothing",
        settings="running-mean",
        threshold="threshold",
        label="running mean",
        summary="the template is the mean of the enrolment and of all accepted tests",
        reference="Welford, Technometrics 4, 1962",
        colour="#332288",
        marker="p",
        dashes=DASH_DOT_DOT,
    ),
    Method(
        id="anchored",
        entry="workflow_src.methods.anchored:Anchored",
        origin="nothing",
        settings="anchored",
        threshold="threshold",
        label="anchored",
        summary="updates with one weight, and a fixed share of the enrolment stays in the template",
        reference=PRACTICE,
        colour="#117733",
        marker="d",
        dashes=DASH_DOT_DOT,
    ),
    Method(
        id="window",
        entry="workflow_src.methods.window:Window",
        origin="nothing",
        settings="window",
        threshold="threshold",
        label="window",
        summary="the template is the mean of the last accepted tests",
        reference=FRENI,
        colour="#8A8A1E",
        dashes=LONG,
        marker="H",
    ),
    Method(
        id="gallery",
        entry="workflow_src.methods.gallery:Gallery",
        origin="nothing",
        settings="gallery",
        threshold="threshold",
        label="gallery",
        summary="keeps accepted tests beside the enrolment, and scores by those most like the test",
        reference="after Uludag, Ross and Jain, Pattern Recognition 37, 2004",
        colour="#AA4499",
        marker="8",
        dashes=DOTTED,
    ),
    Method(
        id="two-template",
        entry="workflow_src.methods.two_template:TwoTemplate",
        origin="nothing",
        settings="two-template",
        threshold="threshold",
        label="two templates",
        summary="scores by the enrolment and by a template that adapts",
        reference=PRACTICE,
        colour="#DDAA33",
        marker="X",
        dashes=DASHED,
    ),
    ADAPTIVE_WEIGHT,
    MULTI_HEAD,
    replace(
        MULTI_HEAD,
        id="multi-head-margin",
        reward="margin",
        label="multi-head, margin",
        summary="multi-head, rewarded by the margin of the next trial",
        reference=OURS,
        colour="#0B5C48",
        dashes=DOTTED,
    ),
    SCALARS,
    replace(
        SCALARS,
        id="multi-head-scalars-margin",
        reward="margin",
        label="multi-head, scalars, margin",
        summary="multi-head that sees scalars, rewarded by the margin of the next trial",
        colour="#7A9A2E",
        marker="d",
        dashes=DASHED,
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
        colour="#D67FB4",
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
        dashes=DOTTED,
    ),
    Method(
        id="spherical-plda",
        entry="workflow_src.methods.spherical_plda:SphericalPlda",
        origin="fitted",
        fit_seconds=30e-6,
        label="spherical PLDA",
        summary="estimates a voice that does not drift, and scores by its log-likelihood ratio",
        reference="Sholokhov, Kuzmin, Lee and Chng, ICASSP 2023",
        colour="#A8480F",
        marker=">",
        dashes=DASHED,
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
        colour="#7D1D1D",
        marker="P",
        dashes=DASH_DOT,
    ),
    Method(
        id="multi-rate",
        entry="workflow_src.methods.multi_rate:MultiRate",
        origin="fitted",
        seeded=True,
        settings="multi-rate",
        label="multi-rate",
        summary="templates follow at several rates; a network scores by all of them, and updates",
        reference=OURS,
        colour="#E8604C",
        marker="*",
        dashes=DASH_DOT,
    ),
    Method(
        id="ready-made",
        entry="workflow_src.methods.ready_made:ReadyMade",
        origin="fitted",
        shipped=READY_MADE,
        label="ready-made",
        summary="multi-rate, trained in advance on many simulated laws; it needs only a scale",
        reference=OURS,
        colour="#B0307A",
        marker="p",
        dashes=SHORT,
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
        colour="#686868",
        marker="*",
        dashes=LONG,
    ),
    Method(
        id="speaker-mean",
        entry="workflow_src.methods.speaker_mean:SpeakerMean",
        origin="nothing",
        limit=True,
        label="speaker mean",
        summary="the template is the mean of everything that the speaker ever says",
        reference=OURS,
        colour="#A8A8A8",
        marker="*",
        dashes=SHORT,
    ),
    replace(
        ADAPTIVE_WEIGHT,
        id="released-adaptive-weight",
        origin="given",
        seeded=False,
        label="adaptive weight, released",
        summary="adaptive weight with a policy that was trained elsewhere",
        dashes=LONG,
    ),
    replace(
        MULTI_HEAD,
        id="released-multi-head",
        origin="given",
        starts_from=None,
        seeded=False,
        label="multi-head, released",
        summary="multi-head with a policy that was trained elsewhere",
        dashes=(),
    ),
)
BY_ID = {method.id: method for method in METHODS}
# Update rules with guards, and what stands before the name of each guard.
GUARDED, WITH_GUARD = "workflow_src.methods.guarded:Guarded", "+"
GUARDS: tuple[Guard, ...] = (
    Guard(
        id="far-test",
        label="no far test",
        summary="no update with a test that is too far from the enrolment",
        marker="$F$",
    ),
    Guard(
        id="far-template",
        label="near the enrolment",
        summary="no update after which the template is too far from the enrolment",
        marker="$N$",
    ),
    Guard(
        id="way",
        label="short way",
        summary="no update once the moves of the template add up to a way that is too long",
        marker="$W$",
    ),
    Guard(
        id="direction",
        label="no straight way",
        summary="no update that moves the template in the direction of the last update",
        marker="$D$",
    ),
    Guard(
        id="daily",
        label="few a day",
        summary="only some updates on a day",
        marker="$U$",
    ),
    Guard(
        id="low-norm",
        label="no short embedding",
        summary="no update with a test whose embedding is too short",
        marker="$L$",
    ),
)
GUARDS_BY_ID = {guard.id: guard for guard in GUARDS}
# The methods that the config can list under inference.methods. Given policies have their own key.
LISTED = [method.id for method in METHODS if method.origin != "given"]


def split_guards(name: str) -> tuple[str, list[str]]:
    """Split the name of a method into the method without guards, and the ids of its guards."""
    method, *guards = name.split(WITH_GUARD)
    return method, guards


def find_method(name: str) -> Method:
    """Return the row of a method, or a new row: for a guarded method, or a user's own rule.

    Raises
    ------
    ValueError
        The name is neither an id nor ``module:Class``, or its guards are not allowed. The message
        lists what is.
    """
    if name in BY_ID:
        return BY_ID[name]
    inner, guards = split_guards(name)
    if guards:
        return _guard(find_method(inner), name, guards)
    if re.fullmatch(ENTRY, name, re.ASCII) is None:
        raise ValueError(
            f"{name!r} is no method; allowed: {', '.join(LISTED)}; or the entry point of your own "
            f"rule, written package.module:Class{did_you_mean(name, LISTED)}"
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
        dashes=SHORT,
    )


def _guard(method: Method, name: str, guards: list[str]) -> Method:
    """Return the row of a method with guards."""
    if method.role == "baseline" or method.limit:
        what = "looks at the labels" if method.limit else "never updates"
        raise ValueError(f"{name!r} cannot be: {method.id} {what}, and has no guards")
    for guard in guards:
        if guard not in GUARDS_BY_ID:
            raise ValueError(
                f"{name!r} has no guard {guard!r}; allowed: {', '.join(GUARDS_BY_ID)}"
                f"{did_you_mean(guard, list(GUARDS_BY_ID))}"
            )
    if len(set(guards)) < len(guards):
        raise ValueError(f"{name!r} names a guard twice; each may stand there once")
    rows = [GUARDS_BY_ID[guard] for guard in guards]
    return replace(
        method,
        id=name,
        role=None,
        label=", ".join([method.label, *(row.label for row in rows)]),
        summary="; ".join([method.summary, *(row.summary for row in rows)]),
        marker=rows[0].marker,
        dashes=DASH_DOT,
    )


def find_by_role(role: Role) -> Method:
    """Return the method of a role."""
    return next(method for method in METHODS if method.role == role)


def is_own(name: str) -> bool:
    """Whether a method is a user's own rule, with guards or without."""
    return split_guards(name)[0] not in BY_ID


def check_listed(name: str) -> str:
    """Return the name if ``inference.methods`` can list it, else raise a ``ValueError``."""
    # With guards, it stands for a run that the released policy makes.
    if find_method(name).origin == "given" and name in BY_ID:
        raise ValueError(
            f"{name!r} is not listed among the methods; name its policy under inference.released"
        )
    return name
