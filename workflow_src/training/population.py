"""The training embeddings of policies, grouped by speaker and day."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet
from workflow_src.common.passed_over import note
from workflow_src.common.tables import read_embeddings, read_index, read_split, require_dates


@dataclass(frozen=True)
class Population:
    """N utterances of S speakers on K speaker-days, by speaker in corpus order.

    Attributes
    ----------
    names
        The S speakers' ids, sorted.
    embeddings
        float32 [N, D], raw.
    speaker_means
        float32 [S, D]: raw mean of all embeddings of each speaker, also of short utterances.
    day_means
        float32 [K, D]: raw mean of the embeddings of each speaker-day.
    day_of
        int64 [N]: the speaker-day (0..K-1) of each utterance.
    speaker_starts
        int64 [S + 1]: speaker s has the utterances ``speaker_starts[s]:speaker_starts[s + 1]``.
    day_starts
        int64 [K + 1]: the same for speaker-days.
    speaker_days
        int64 [S + 1]: speaker s has the speaker-days ``speaker_days[s]:speaker_days[s + 1]``.
    day_dates
        int64 [K]: the date of each speaker-day, in days since 1970.
    """

    names: tuple[str, ...]
    embeddings: Tensor
    speaker_means: Tensor
    day_means: Tensor
    day_of: Tensor
    speaker_starts: Tensor
    day_starts: Tensor
    speaker_days: Tensor
    day_dates: Tensor

    @property
    def dimension(self) -> int:
        """D."""
        return self.embeddings.shape[1]

    @property
    def utterances(self) -> Tensor:
        """int64 [S]: the number of utterances of each speaker."""
        return self.speaker_starts.diff()

    @property
    def scale(self) -> float:
        """The factor that gives the components of embeddings a mean square of 1.

        Networks are trained on scaled inputs. The factor then goes into the first layer, so a
        stored policy takes raw embeddings.
        """
        return float(1.0 / self.embeddings.square().mean().sqrt())

    def to(self, device: torch.device | str) -> Population:
        """Return the population on another device."""
        moved = {
            field.name: getattr(self, field.name).to(device)
            for field in fields(self)
            if field.name != "names"
        }
        return replace(self, **moved)


def group_embeddings(
    embeddings: np.ndarray,
    speakers: pd.Series,
    dates: pd.Series,
    usable: np.ndarray | None = None,
) -> Population:
    """Group embeddings by speaker and day, for the speakers with a usable utterance.

    Parameters
    ----------
    embeddings
        float32 [N, D], in corpus order within each speaker and day.
    speakers, dates
        N ids and N ISO dates.
    usable
        bool [N]: utterances for training. The others count only in the speakers' means. The
        default is all.
    """
    keep = np.ones(len(embeddings), bool) if usable is None else np.asarray(usable, bool)
    table = pd.DataFrame(
        {"speaker": speakers.to_numpy(), "date": dates.to_numpy(), "row": np.arange(len(keep))}
    ).sort_values(["speaker", "date", "row"], kind="stable", ignore_index=True)
    every = torch.from_numpy(np.ascontiguousarray(embeddings, dtype=np.float32))
    table["keep"] = keep[table["row"]]
    kept = table[table["keep"]]
    names = sorted(kept["speaker"].unique())
    used = table[table["speaker"].isin(names)]
    means = _group_means(
        every[used["row"].to_numpy(copy=True)], used["speaker"].factorize(sort=True)[0]
    )

    speaker = kept["speaker"].factorize(sort=True)[0]
    day = kept.groupby(["speaker", "date"], sort=True).ngroup().to_numpy()
    vectors = every[kept["row"].to_numpy(copy=True)]
    first_of_day = np.unique(day, return_index=True)[1]
    date_of_day = kept["date"].to_numpy()[first_of_day]
    return Population(
        names=tuple(names),
        embeddings=vectors,
        speaker_means=means,
        day_means=_group_means(vectors, day),
        day_of=torch.from_numpy(np.array(day, dtype=np.int64)),
        speaker_starts=_starts(speaker),
        day_starts=_starts(day),
        speaker_days=_starts(speaker[first_of_day]),
        day_dates=torch.from_numpy(date_of_day.astype("datetime64[D]").astype(np.int64)),
    )


def load_training_population(
    embeddings: Path, index: Path, manifest: Path, split: Path, min_seconds: float
) -> Population:
    """Read the training speakers' embeddings.

    Utterances up to `min_seconds` are not used, and are noted as passed over. If the manifest has
    no durations (no column ``seconds``, or an empty one), all utterances are used, and a printed
    line says so.

    Raises
    ------
    InputError
        A file cannot be read, index and matrix disagree, an embedding of a training speaker has
        no direction, an utterance has no date, or there are fewer than two training speakers.
    """
    matrix = read_embeddings(embeddings, mmap=True)
    rows = read_index(index)
    if not np.array_equal(np.sort(rows["row"]), np.arange(len(matrix))):
        raise InputError(f"{index}: has not each of the {len(matrix)} rows of {embeddings} once")
    utterances = read_parquet(manifest, ["utterance", "speaker", "date"])
    parts = read_split(split)
    training = parts.loc[parts["part"] == "train", "speaker"]
    table = utterances[utterances["speaker"].isin(training)].merge(
        rows[["row", "utterance"]], on="utterance"
    )
    if table["speaker"].nunique() < 2:
        raise InputError(
            f"{split}: training needs at least two speakers of part 'train' with embeddings in "
            f"{index}; there are {table['speaker'].nunique()}"
        )
    require_dates(table["date"], f"{manifest}: training a policy")
    vectors = matrix[table["row"].to_numpy()]
    wrong = ~have_directions(vectors.astype(np.float32, copy=False))
    if wrong.any():
        name = table["utterance"].to_numpy()[wrong][0]
        raise InputError(f"{embeddings}: the embedding of {name} {NO_DIRECTION}")
    usable = np.ones(len(table), bool)
    if "seconds" in table.columns and table["seconds"].notna().any():
        seconds = table["seconds"].to_numpy(np.float64, na_value=np.inf)
        usable = seconds > min_seconds
        short = table.loc[~usable, "utterance"]
        note(f"training utterances of at most {min_seconds:g} s", len(short), *short[:1])
    else:
        print(
            f"{manifest} knows no durations: min_seconds ({min_seconds:g}) does not apply, no "
            "utterance is left out for being short"
        )
    population = group_embeddings(vectors, table["speaker"], table["date"], usable)
    unheard = sorted(set(training) - set(population.names))
    note("training speakers without an utterance to train on", len(unheard), *unheard[:1])
    print(f"training speakers: {len(population.names)}, utterances: {len(population.embeddings)}")
    if len(population.names) < 2:
        raise InputError(
            f"{manifest}: fewer than two training speakers have an utterance longer than "
            f"min_seconds, which is {min_seconds:g}"
        )
    return population


def _starts(groups: np.ndarray) -> Tensor:
    counts = np.bincount(groups)
    return torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _group_means(vectors: Tensor, groups: np.ndarray) -> Tensor:
    index = torch.from_numpy(np.array(groups, dtype=np.int64))
    counts = torch.bincount(index)
    sums = torch.zeros(len(counts), vectors.shape[1], dtype=torch.float64)
    sums.index_add_(0, index, vectors.double())
    return (sums / counts[:, None]).float()


def digest_training(population: Population, *settings: Any) -> str:
    """Return a digest of everything that training depends on: embeddings and JSON settings."""
    digest = hashlib.sha256()
    for name in ("embeddings", "speaker_means", "day_starts", "day_dates"):
        digest.update(getattr(population, name).cpu().numpy().tobytes())
    versions = [torch.__version__, population.embeddings.device.type, population.names]
    digest.update(json.dumps([versions, settings], sort_keys=True).encode())
    return digest.hexdigest()
