"""The update rule: the interface of a method of template updating.

A template t meets a test embedding x and is scored by their cosine. Then the rule decides whether
to update and with which weight w, and the template becomes ``(1 - w) t + w x``. The scorer
(`workflow_src.updating.scorer`) does this for all templates of a scenario in lockstep and for
several variants of a rule at once. So every quantity here is a batch: S variants (mostly 1), n
templates that still have trials, D dimensions.

A rule may score by itself (`Decision.scores`), compute the new template itself
(`Decision.templates`), and hold further vectors beside the template (`UpdateRule.held`). So a
template can be a gallery of recordings.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pandas as pd
import torch
from torch import Tensor

HELD = "held"
"""The name under which a rule's memory has the vectors that it holds."""


@dataclass(frozen=True)
class Encoded:
    """What a rule computes from each embedding, once before scoring.

    Attributes
    ----------
    carried
        float32 [N, K]: a linear map (without bias) of the embeddings. An update is a weighted mean,
        so the same recursion gives the map of the template, and the scorer carries it along. Then a
        first layer's product with the template costs nothing at a trial. K may be 0.
    offered
        float32 [N, L]: any function of the embedding as a test. L may be 0.
    """

    carried: Tensor
    offered: Tensor


@dataclass(frozen=True)
class Trials:
    """One trial of each of n templates, under S variants of a rule.

    The tensors are views of the scorer's memory, overwritten at the next trial. A rule changes none
    of them, and copies into its `Memory` what it wants to remember.

    Attributes
    ----------
    scores
        float32 [S, n]: cosine of template and test, before any update.
    template_norms, test_norms
        float32 [S, n] and [n]: L2 norms of template and test.
    template_carried
        float32 [S, n, K]: the rule's linear map of the current template.
    test_carried, test_offered
        float32 [n, K] and [n, L]: the rule's `Encoded` rows of the test.
    days
        float32 [n]: days since the template's enrolment; 0 where the trials have no dates.
    targets
        bool [n]: the labels, for rules that mark a limit; no method may read them. None where
        unknown.
    templates, tests
        float32 [S, n, D] and [n, D]: the vectors themselves. A rule that needs only linear maps of
        them is faster with `Encoded`.
    """

    scores: Tensor
    template_norms: Tensor
    test_norms: Tensor
    template_carried: Tensor
    test_carried: Tensor
    test_offered: Tensor
    days: Tensor
    targets: Tensor | None
    templates: Tensor
    tests: Tensor


@dataclass(frozen=True)
class Decision:
    """The decision of a rule at one trial of each template.

    Attributes
    ----------
    updated
        bool [S, n]: whether the template is updated.
    weights
        float32 [S, n], or what broadcasts to it: the weight w of the test; ignored where not
        updated.
    scores
        float32 [S, n]: scores to report instead of the cosines, for a rule with its own scoring
        back-end; None keeps the cosines.
    templates
        float32 [S, n, D]: the new templates, taken where updated, of a rule that computes them
        itself; `weights` then only tell how much the test counts. Such a rule carries nothing and
        does not normalise. None: the weighted mean of template and test.
    """

    updated: Tensor
    weights: Tensor
    scores: Tensor | None = None
    templates: Tensor | None = None


@dataclass
class Memory:
    """What a rule remembers of each template between trials: named tensors [S, B, ...].

    The scorer passes views of the first n of the B rows, the templates that still have trials. A
    rule writes to its tensors in place.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def first(self, n: int) -> Memory:
        """Return views of the first `n` templates."""
        return Memory({name: tensor[:, :n] for name, tensor in self.tensors.items()})

    def copy(self) -> Memory:
        """Return a copy, which later writes do not change."""
        return Memory({name: tensor.clone() for name, tensor in self.tensors.items()})

    def take_back(self, before: Memory, which: Tensor) -> None:
        """Let some templates, bool [n] or [S, n], remember what a copy of this memory holds."""
        for name, tensor in self.tensors.items():
            both = tensor.shape[:2]
            chosen = which.expand(both).reshape(*both, *[1] * (tensor.ndim - 2))
            tensor.copy_(torch.where(chosen, before.tensors[name], tensor))


class UpdateRule(ABC):
    """A method of template updating. Only `decide` is required; the rest has defaults.

    Attributes
    ----------
    variants
        The number of variants (S) that the rule holds side by side, with different parameters.
    updates
        False for a rule that never updates: its trials are scored all at once.
    normalises
        Whether an update first scales template and test to unit length, as the published adaptive
        weight does. Their mean is not scaled again until the next update.
    held
        The number (H) of vectors that the rule holds beside each template. The memory has them as
        ``held``, float32 [S, B, H, D], all equal to the template at enrolment.
    """

    variants: int = 1
    updates: bool = True
    normalises: bool = False
    held: int = 0

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return what the rule needs of the embeddings, float32 [N, D]; by default nothing."""
        nothing = embeddings.new_zeros((len(embeddings), 0))
        return Encoded(carried=nothing, offered=nothing)

    def begin(self, templates: int) -> Memory:
        """Return the memory of `templates` templates at enrolment; empty by default."""
        return Memory()

    def enrol(self, templates: Tensor) -> Memory:
        """Return the whole memory of templates at enrolment, float32 [B, D]: with what is held."""
        memory = self.begin(len(templates))
        if not self.held:
            return memory
        held = templates[:, None].repeat(self.variants, 1, self.held, 1)
        return Memory({HELD: held, **memory.tensors})

    @abstractmethod
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Decide for one trial of each template; may write to `memory`."""

    def choose_enrolment(self, enrolment: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
        """Return the utterances of the templates; by default the enrolment utterances.

        Parameters
        ----------
        enrolment
            Columns model, speaker, order, utterance.
        index
            Columns utterance, speaker, date (ISO): all that have an embedding.

        Returns
        -------
        DataFrame
            Columns model, utterance. `enrolment` itself where nothing else is chosen.
        """
        return enrolment

    @property
    def chooses(self) -> bool:
        """Whether it chooses the utterances of the templates itself."""
        return type(self).choose_enrolment is not UpdateRule.choose_enrolment

    def take_threshold(self, threshold: float) -> None:  # noqa: B027 - most rules need none
        """Take the threshold of a run's settings, which a score must exceed before an update.

        By default nothing happens: most rules have no threshold, or hold their own.
        """

    def shift_scale(self, shift: float) -> Self:
        """Return a rule whose scale of scores is off by `shift` (cosine).

        By default this shifts the `ScoreScale` named ``scale`` of the rule, where it has one.
        """
        shifted: Any = copy.copy(self)  # not every rule has a scale
        if (scale := getattr(self, "scale", None)) is not None:
            shifted.scale = replace(scale, centre=scale.centre + shift, mean=scale.mean + shift)
        return shifted

    def tensors(self) -> dict[str, Tensor]:
        """Return what is stored of the rule as tensors, by name; by default nothing."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return what is stored of the rule as JSON, by name; by default nothing."""
        return {}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Self:
        """Return the rule that was stored.

        Parameters
        ----------
        tensors
            The result of `tensors`.
        about
            The result of `describe`, with ``method`` and ``dimension`` (D of the embeddings on
            which the rule was fitted).
        """
        return cls()
