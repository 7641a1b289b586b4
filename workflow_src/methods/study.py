"""The data for fitting a method, and the base class of fitted methods."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.common.tables import read_split, require_dates
from workflow_src.methods.development import Partition
from workflow_src.running.checkpoint import Checkpoint
from workflow_src.settings.base import Block
from workflow_src.settings.tuning import Tuning
from workflow_src.updating.interface import UpdateRule

OwnBlock = TypeVar("OwnBlock", bound=Block)


@dataclass(frozen=True)
class TrainingSpeech:
    """The embeddings of the training speakers.

    Attributes
    ----------
    embeddings
        float32 [N, D], raw.
    speakers
        int64 [N]: speaker numbers.
    days
        int64 [N]: days since 1970.
    """

    embeddings: np.ndarray
    speakers: np.ndarray
    days: np.ndarray

    def rows_by_speaker(self) -> list[np.ndarray]:
        """List the rows of each speaker, int64 [n], in the order of time."""
        order = np.lexsort((np.arange(len(self.days)), self.days, self.speakers))
        return np.split(order, np.cumsum(np.bincount(self.speakers))[:-1])


@dataclass(frozen=True, kw_only=True)
class Study:
    """The data for fitting a method. It has nothing of test speakers.

    Attributes
    ----------
    partition
        The development trials.
    tuning
        The config's block ``tuning``, which has the grids to choose from.
    own
        The method's own block of the config, see `read_own`.
    seed, policy_seed
        The seeds of the config and of this policy.
    enrolled
        Enrolment utterances per template.
    read_training
        Reads the embeddings of all training speakers, with and without development trials.
    starts_from
        The rule from which fitting starts, see `start`.
    open_checkpoint
        Returns the checkpoint of a long fit.
    """

    partition: Partition
    tuning: Tuning
    own: Mapping[str, Any] = field(default_factory=dict)
    seed: int
    policy_seed: int = 0
    enrolled: int
    read_training: Callable[[], TrainingSpeech]
    starts_from: UpdateRule | None = None
    open_checkpoint: Callable[[], Checkpoint | None] = lambda: None

    @property
    def dimension(self) -> int:
        """D of the embeddings."""
        return next(iter(self.partition.every.tasks.values())).templates.shape[1]

    @functools.cached_property
    def thresholds(self) -> list[float]:
        """The update thresholds (cosine) to choose from."""
        return self.tuning.thresholds or self.partition.every.candidate_thresholds()

    @property
    def start(self) -> UpdateRule:
        """The rule from which fitting starts; raises `InputError` if there is none."""
        if self.starts_from is None:
            raise InputError(
                "--start is missing: the folder of the policy that fitting starts from"
            )
        return self.starts_from

    def read_own(self, block: type[OwnBlock]) -> OwnBlock:
        """Return the method's own settings; raises `InputError` if they do not fit the block."""
        try:
            return block.model_validate(self.own)
        except ValidationError as error:
            raise InputError(describe_validation_error(error, "--own")) from error


class FittedRule(UpdateRule):
    """An update rule that is fitted on development trials."""

    @classmethod
    @abstractmethod
    def fit(cls, study: Study) -> tuple[Self, pd.DataFrame]:
        """Fit a rule.

        Returns
        -------
        UpdateRule
            The rule with a single variant.
        DataFrame
            The table ``training.csv``: all candidates with their costs, or the learning curve.
        """


def fit(kind: type[UpdateRule], study: Study) -> tuple[UpdateRule, pd.DataFrame]:
    """Fit a rule. A rule without `fit` is made as it is, with an empty table."""
    if issubclass(kind, FittedRule):
        return kind.fit(study)
    return kind(), pd.DataFrame({"cost": []})


def read_training(embeddings: np.ndarray, index: pd.DataFrame, split: Path) -> TrainingSpeech:
    """Read the embeddings of all training speakers from a matrix [N, D], memory-mapped or not.

    Raises
    ------
    InputError
        There is no training speaker, an utterance has no date, or an embedding is not finite.
    """
    parts = read_split(split)
    training = set(parts.loc[parts["part"] == "train", "speaker"])
    own = index["speaker"].isin(training).to_numpy()
    if not own.any():
        raise InputError(f"{split}: no speaker of part 'train' has an embedding")
    table = index[own]
    require_dates(table["date"], "embedding index: fitting a method")
    days = table["date"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    vectors = np.asarray(embeddings[table["row"].to_numpy()], dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise InputError("embeddings: one of a training speaker is not finite")
    return TrainingSpeech(vectors, pd.factorize(table["speaker"])[0], days)
