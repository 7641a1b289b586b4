"""The update rule: what a method of template updating has to say at each trial.

A template t meets a test embedding x and is scored by their cosine; then the rule decides
whether to update and with which weight w, and the template becomes ``(1 - w) t + w x``. The
sequence scorer (`workflow_src.updating.scorer`) does this for all templates of a scenario in
lockstep and for several variants of a rule at once, so every quantity here is a batch: S variants
(mostly 1), n templates that are still being tested, D dimensions.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pandas as pd
from torch import Tensor


@dataclass(frozen=True)
class Encoded:
    """What a rule wants to know of each embedding, computed once before scoring.

    Attributes
    ----------
    carried
        float32 [N, K]. A linear map (without bias) of the embeddings. Since an update is a
        weighted mean, the same map of the template follows by the same recursion, so the scorer
        carries it along: a first layer's product with the template costs nothing at a trial.
        K may be 0.
    offered
        float32 [N, L]. Any function of the embedding as a test. L may be 0.
    """

    carried: Tensor
    offered: Tensor


@dataclass(frozen=True)
class Trials:
    """One trial of each of n templates, under S variants of a rule.

    The tensors are views of the scorer's memory, overwritten at the next trial: a rule that
    wants to remember a value copies it into its `Memory`, and changes none of them.

    Attributes
    ----------
    scores
        float32 [S, n]: cosine of template and test, before any update.
    template_norms, test_norms
        float32 [S, n] and [n]: L2 norms of template and test.
    template_carried
        float32 [S, n, K]: the rule's linear map of the template, as it is now.
    test_carried, test_offered
        float32 [n, K] and [n, L]: the rule's `Encoded` rows of the test.
    days
        float32 [n]: days since the template's enrolment; 0 where the trials have no dates.
    targets
        bool [n]: the labels, for rules that mark a limit; no method may look at them. None
        where they aren't known.
    """

    scores: Tensor
    template_norms: Tensor
    test_norms: Tensor
    template_carried: Tensor
    test_carried: Tensor
    test_offered: Tensor
    days: Tensor
    targets: Tensor | None


@dataclass(frozen=True)
class Decision:
    """What a rule decides at one trial of each template.

    Attributes
    ----------
    updated
        bool [S, n]: whether the template is updated.
    weights
        float32 [S, n], or what broadcasts to it: the weight w of the test; without meaning
        where not updated.
    scores
        float32 [S, n]: scores that take the cosines' place in what is reported, of a rule with
        a scoring back-end of its own; None keeps the cosines.
    """

    updated: Tensor
    weights: Tensor
    scores: Tensor | None = None


@dataclass
class Memory:
    """What a rule remembers of each template between trials: named tensors [S, B, ...].

    The scorer keeps the rows of templates that are still tested (the first n of the B) in view;
    a rule writes its tensors in place.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def first(self, n: int) -> Memory:
        """Return views of the first `n` templates."""
        return Memory({name: tensor[:, :n] for name, tensor in self.tensors.items()})


class UpdateRule(ABC):
    """A method of template updating. `decide` is all that a rule must say; the rest has defaults.

    Attributes
    ----------
    variants
        How many variants of itself (S) the rule holds side by side, with other numbers each.
    updates
        False for a rule that never updates: its trials are scored all at once.
    normalises
        Whether an update first scales template and test to unit length (the published adaptive
        weight does); the mean of the two is not scaled again until the next update.
    """

    variants: int = 1
    updates: bool = True
    normalises: bool = False

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return what the rule needs of the embeddings, float32 [N, D]; by default nothing."""
        nothing = embeddings.new_zeros((len(embeddings), 0))
        return Encoded(carried=nothing, offered=nothing)

    def begin(self, templates: int) -> Memory:
        """Return the memory at enrolment of `templates` templates; empty by default."""
        return Memory()

    @abstractmethod
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Decide for one trial of each template; may write to `memory`."""

    def choose_enrolment(self, enrolment: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
        """Return the utterances that make the templates; by default those that enrolled.

        Parameters
        ----------
        enrolment
            Columns model, speaker, order, utterance.
        index
            Column utterance: all that have an embedding.

        Returns
        -------
        DataFrame
            Columns model, utterance. `enrolment` itself where nothing else is chosen.
        """
        return enrolment

    def take_threshold(self, threshold: float) -> None:  # noqa: B027 - most rules need none
        """Take the score that a trial must exceed before an update, from the settings of a run.

        By default nothing happens: most rules have no threshold, or hold their own.
        """

    def shift_scale(self, shift: float) -> Self:
        """Return a rule whose idea of the scores' scale lies off by `shift` (cosine).

        By default the scale of the rule is shifted, where it has one: a `ScoreScale` named
        ``scale``.
        """
        shifted = copy.copy(self)
        if (scale := getattr(self, "scale", None)) is not None:
            shifted.scale = replace(scale, centre=scale.centre + shift, mean=scale.mean + shift)
        return shifted

    def tensors(self) -> dict[str, Tensor]:
        """Return the numbers of the rule that are stored as tensors, by name; none by default."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return what is stored of the rule as JSON, by name; nothing by default."""
        return {}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Self:
        """Return the rule of which `tensors` and `describe` were stored.

        Parameters
        ----------
        tensors
            What `tensors` returned.
        about
            What `describe` returned, and besides ``method`` and ``dimension`` (D of the
            embeddings that the rule was fitted on).
        """
        return cls()
