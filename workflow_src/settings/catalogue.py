"""The catalogue of methods: a row a method, with all that is said of it outside of its own file.

Light: the Snakefile, the config, the figures and the planner read it, none of which imports torch.
A row's entry point names the class of the method's update rule, which is imported by the step that
needs it. Lists of methods are queries on the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
        How a rule of it comes about: from ``nothing`` but its settings, ``fitted`` on development
        trials, trained by ``ppo``. A ``given`` one was trained elsewhere.
    starts_from
        The method whose fitted rule fitting starts from, or ``pretrained``, the policy of
        supervised pretraining from which PPO starts; None where it starts from nothing.
    seeded
        Whether it is trained once for each of several seeds.
    limit
        Whether it looks at the labels: then it marks what no method can do.
    threshold
        The setting that decides above which score a template may be updated: ``threshold``,
        ``floor``, or None where the method has none or holds its own.
    sees
        What its policy sees: ``embeddings`` or ``scalars`` of the history of scores.
    reward
        What PPO rewards: ``published`` or the ``margin`` of the next trial.
    gated
        Whether the threshold alone decides on updates, so that the policy gives the weight only.
    label
        Its name in a sentence.
    summary
        What it does, in one line.
    reference
        Where it comes from.
    colour, marker
        How figures show it: a matplotlib colour and marker.
    """

    id: str
    entry: str
    origin: Literal["nothing", "fitted", "ppo", "given"]
    starts_from: str | None = None
    seeded: bool = False
    limit: bool = False
    threshold: Literal["threshold", "floor"] | None = None
    sees: Literal["embeddings", "scalars"] = "embeddings"
    reward: Literal["published", "margin"] = "published"
    gated: bool = False
    label: str
    summary: str
    reference: str
    colour: str
    marker: str = "o"


QIN = "Qin, Li, Duan and Li, IEEE/ACM T-ASLP 32, 2024, doi:10.1109/TASLP.2024.3428910"
OURS = "this project, docs/method.md"

# In the order in which messages and tables list them.
METHODS: tuple[Method, ...] = (
    Method(
        id="baseline",
        entry="workflow_src.methods.baseline:Baseline",
        origin="nothing",
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
        threshold="threshold",
        label="fixed weight",
        summary="updates with one weight where the score exceeds a threshold",
        reference=QIN,
        colour="#0072B2",
    ),
    Method(
        id="fixed-weight-tuned",
        entry="workflow_src.methods.fixed_weight_tuned:TunedFixedWeight",
        origin="fitted",
        label="tuned fixed weight",
        summary="the fixed weight whose weight and threshold are chosen on training speakers",
        reference=OURS,
        colour="#00395C",
    ),
    Method(
        id="adaptive-weight",
        entry="workflow_src.methods.adaptive_weight:AdaptiveWeight",
        origin="ppo",
        seeded=True,
        threshold="threshold",
        gated=True,
        label="adaptive weight",
        summary="a trained policy gives the weight where the score exceeds a threshold",
        reference=QIN,
        colour="#D55E00",
        marker="^",
    ),
    Method(
        id="multi-head",
        entry="workflow_src.methods.multi_head:MultiHead",
        origin="ppo",
        starts_from="pretrained",
        seeded=True,
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
        starts_from="pretrained",
        seeded=True,
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
        threshold="floor",
        sees="scalars",
        label="multi-head, scalars",
        summary="multi-head on scalars of the history of scores",
        reference=OURS,
        colour="#009E73",
        marker="D",
    ),
    Method(
        id="multi-head-scalars-margin",
        entry="workflow_src.methods.scalar_multi_head:ScalarMultiHead",
        origin="ppo",
        seeded=True,
        threshold="floor",
        sees="scalars",
        reward="margin",
        label="multi-head, scalars, margin",
        summary="multi-head on scalars, rewarded by the margin of the next trial",
        reference=OURS,
        colour="#009E73",
        marker="D",
    ),
    Method(
        id="soft",
        entry="workflow_src.methods.soft:Soft",
        origin="fitted",
        starts_from="fixed-weight-tuned",
        label="soft",
        summary="a weight that follows the posterior of a target",
        reference="after Barras, Meignier and Gauvain, Odyssey 2004",
        colour="#CC79A7",
        marker="v",
    ),
    Method(
        id="kalman",
        entry="workflow_src.methods.kalman:Kalman",
        origin="fitted",
        starts_from="fixed-weight-tuned",
        label="Kalman",
        summary="the template as an estimate of a drifting voice, with a variance",
        reference=OURS,
        colour="#56B4E9",
        marker="<",
    ),
    Method(
        id="spherical-plda",
        entry="workflow_src.methods.spherical_plda:SphericalPlda",
        origin="fitted",
        starts_from="fixed-weight-tuned",
        label="spherical PLDA",
        summary="the static estimate of a voice, scored by its own log-likelihood ratio",
        reference="Sholokhov, Kuzmin, Lee and Chng, ICASSP 2023",
        colour="#B58900",
        marker=">",
    ),
    Method(
        id="through-time",
        entry="workflow_src.methods.through_time:ThroughTime",
        origin="fitted",
        starts_from="fixed-weight-tuned",
        seeded=True,
        label="through time",
        summary="a small network trained by gradient through the template's own recursion",
        reference=OURS,
        colour="#222222",
        marker="P",
    ),
    Method(
        id="oracle",
        entry="workflow_src.methods.oracle:Oracle",
        origin="fitted",
        limit=True,
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
        summary="the template is the mean of all that the speaker ever says",
        reference=OURS,
        colour="#BBBBBB",
        marker="*",
    ),
)
BY_ID = {method.id: method for method in METHODS}
