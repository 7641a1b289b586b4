"""`gallery`: the enrolment and up to K accepted tests are all kept, and none is averaged.

    score = mean of the `best` highest cosines of the test with the enrolment and the K

The enrolment never leaves. It also takes all K places at first, and these go before anything else.
Then an accepted test takes the place

- of the oldest test (``oldest``), or
- of the most redundant one (``redundant``): the one with the highest cosine with another vector of
  the gallery or with the new test. Of the closest pair, the first goes.

Galleries of templates, chosen by the similarity of their members, are due to Uludag, Ross and Jain
(*Biometric template selection and update*, Pattern Recognition 37, 2004). Freni, Marcialis and Roli
compare ways of replacing their members (ICIAR 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from workflow_src.methods.gated import Gated
from workflow_src.methods.held_vectors import multiply_held, put_at
from workflow_src.updating.interface import HELD, Decision, Memory, Trials

# Stands for the cosine of a vector with itself, and is below all others.
SELF = -2.0


class Gallery(Gated):
    """The rule with S variants. The template is the enrolment and stays as it is.

    Parameters
    ----------
    thresholds
        S thresholds, or one.
    size
        K.
    best
        The number of highest cosines whose mean is the score, at most K + 1; 1: the maximum.
    replace
        Which vector an accepted test replaces.

    Raises
    ------
    ValueError
        `best` is out of range.
    """

    def __init__(
        self,
        thresholds: float | Sequence[float],
        size: int,
        best: int,
        replace: Literal["oldest", "redundant"],
    ) -> None:
        super().__init__(thresholds)
        if not 1 <= best <= size + 1:
            raise ValueError(f"best is {best}, of {size + 1} vectors")
        self.held, self.best, self.replace = size, best, replace

    def begin(self, templates: int) -> Memory:
        """Remember the place of the oldest vector, or the cosines of all with all."""
        shape = (self.variants, templates)
        if self.replace == "oldest":
            return Memory({"oldest": torch.zeros(shape, dtype=torch.int64)})
        # At first all vectors are the enrolment, whose column is the last.
        alike = torch.ones(self.held, self.held + 1).fill_diagonal_(SELF)
        return Memory({"alike": alike.repeat(*shape, 1, 1)})

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Score by the best of the gallery, and hold the accepted test."""
        held = memory.tensors[HELD]
        # Tests are held at the length of the enrolment, so one norm is that of all.
        norms = trials.template_norms * trials.test_norms
        cosines = multiply_held(held, trials.tests) / norms[..., None]
        gallery = torch.cat([cosines, trials.scores[..., None]], -1)
        scores = gallery.topk(self.best).values.mean(-1)
        updated = self.accepts(scores)
        if self.replace == "oldest":
            oldest = memory.tensors["oldest"]
            place = oldest.clone()
            oldest.copy_((oldest + updated) % self.held)
        else:
            place = _find_redundant(memory.tensors["alike"], gallery, updated)
        scale = trials.template_norms / trials.test_norms
        put_at(held, place, trials.tests * scale[..., None], updated)
        share = torch.full((), 1 / (self.held + 1))
        return Decision(updated, share, scores, trials.templates)


def _find_redundant(alike: Tensor, gallery: Tensor, updated: Tensor) -> Tensor:
    """Find the most redundant of each gallery, and note its successor's cosines.

    Parameters
    ----------
    alike
        float32 [S, n, K, K + 1]: cosines of the K with the K and with the enrolment; changed where
        updated.
    gallery
        float32 [S, n, K + 1]: those of the test.
    updated
        bool [S, n].

    Returns
    -------
    Tensor
        int64 [S, n]: the place. Of equals, the first.
    """
    size = alike.shape[2]
    place = torch.maximum(alike.amax(-1), gallery[..., :-1]).argmax(-1)
    own = torch.arange(size + 1) == place[..., None]
    row = put_at(alike, place, gallery.masked_fill(own, SELF), updated)
    # The cosines of the K are symmetric.
    column = torch.where(own[..., None, :-1], row[..., :-1, None], alike[..., :-1])
    alike[..., :-1] = column
    return place
