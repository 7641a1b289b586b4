"""The amount of work of a configuration before a run: utterances, hours, trials."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import AbsentError
from workflow_src.common.files import read_parquet
from workflow_src.common.seeds import generator
from workflow_src.corpus.durations import read_durations
from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.corpus.listing import select_subset
from workflow_src.corpus.naming import describe_utterances, open_naming
from workflow_src.corpus.scan import find_recordings
from workflow_src.corpus.split import read_speaker_list, split_speakers
from workflow_src.embeddings.importing import read_part
from workflow_src.settings.corpus import SyntheticCorpus
from workflow_src.settings.generation import Generation
from workflow_src.settings.laws import VoiceLaw, read_law
from workflow_src.settings.orders import TrialList
from workflow_src.settings.schema import Config
from workflow_src.synthetic.listing import make_listing, read_utterance_list
from workflow_src.synthetic.voices import POPULATION, draw_recordings, speaker_ids
from workflow_src.trials.generate_development_trials import (
    adapt_generation,
    choose_development_speakers,
)
from workflow_src.trials.lists import find_lists, read_lists
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario

# Headers to read where the lengths of recordings are not known yet.
SAMPLE = 200


@dataclass(frozen=True)
class Survey:
    """The corpus.

    Attributes
    ----------
    table
        One row per utterance, with the columns that ids give.
    source
        The source of the table.
    seconds
        Seconds of all recordings; None without recordings, or where no header could be read.
    seconds_source
        The source of the seconds; it begins with "about" where they are an estimate.
    dim
        The dimension of imported embeddings, else None.
    """

    table: pd.DataFrame
    source: str
    seconds: float | None = None
    seconds_source: str = ""
    dim: int | None = None

    @property
    def mean_seconds(self) -> float:
        """Mean length of a recording; 3 s where it is unknown."""
        return 3.0 if self.seconds is None else self.seconds / len(self.table)


def survey_manifest(path: Path) -> Survey:
    """Survey a corpus from the manifest of an earlier run."""
    table = read_parquet(path, ["utterance", "speaker", "date"])
    if "seconds" not in table or table["seconds"].isna().all():
        return Survey(table, "the manifest")
    return Survey(table, "the manifest", _total(table["seconds"].to_numpy()), "the manifest")


def survey_corpus(
    config: Config, imported: list[str], listed: str | None, law: Path | None
) -> Survey:
    """Survey a corpus that has no manifest yet.

    Parameters
    ----------
    config
        All settings.
    imported
        Files of imported embeddings.
    listed
        Text file of the utterance ids of a simulated corpus, or None where they are drawn.
    law
        The law of a synthetic corpus; ignored for other corpora.

    Raises
    ------
    InputError
        The source ``corpus.source`` is missing or invalid.
    """
    corpus = config.corpus
    match corpus.source:
        case "synthetic":
            assert law is not None
            return _survey_synthetic(corpus.synthetic, read_law(law, VoiceLaw), config.seed)
        case "directory":
            given = corpus.directory
            assert given.root is not None  # the settings need one
            table = open_naming(given, given.root).describe(find_recordings(given.root), given.root)
            table = select_subset(table, given.speakers, given.days)
            return _survey_recordings(table, given.root, config.seed)
        case "imported":
            parts = [(path, read_part(Path(path))) for path in imported]
            named = [(part.utterances, path) for path, part in parts]
            dim = parts[0][1].embeddings.shape[1]
            return Survey(
                describe_utterances(named, corpus.imported), "the embeddings' ids", dim=dim
            )
        case _:
            if listed:
                names = corpus.simulated.listing.names
                return Survey(read_utterance_list(listed, names), listed)
            return Survey(make_listing(corpus.simulated.listing, config.seed), "the settings")


def count_trials(
    config: Config, table: pd.DataFrame, test_speakers: str | int
) -> tuple[dict[str, int], dict[str, int]]:
    """Count the trials of test speakers by list, and the development trials by scenario.

    The trials are made as their steps make them, as if no recording were rejected. With fewer than
    two training speakers there are no development trials, nor where nothing is fitted or tuned.
    `test_speakers` is a number, or the file of their ids.
    """
    test: int | list[str]
    if isinstance(test_speakers, int):
        test, source = test_speakers, "corpus.test_speakers"
    else:
        test, source = read_speaker_list(test_speakers), test_speakers
    speakers = table["speaker"].unique().tolist()
    split = split_speakers(speakers, test, config.trials.nontarget_only, config.seed, source)
    generation = config.trials.generation
    if config.trials.source == "import":
        root = config.trials.imported.root
        assert root is not None  # the settings need one
        of_scenario = {}
        for name in config.trials.scenarios:
            form, scenario = config.trials.imported.form, config.trials.find(name)
            listed, _ = read_lists(find_lists(root, form, name), form, scenario)
            of_scenario[name] = len(listed.table)
        trials = {one.id: of_scenario[one.scenario] for one in config.trials.lists}
    else:
        trials = _count_made(table, split, config, config.trials.lists, generation)
    if (split["part"] == "train").sum() < 2:
        return trials, {}
    tuning = config.tuning.development
    lists = [TrialList(scenario=name, order=tuning.order) for name in tuning.scenarios]
    generation = adapt_generation(generation, tuning)
    split = choose_development_speakers(split, tuning.speakers, config.seed)
    return trials, _count_made(table, split, config, lists, generation)


def _count_made(
    table: pd.DataFrame,
    split: pd.DataFrame,
    config: Config,
    lists: list[TrialList],
    settings: Generation,
) -> dict[str, int]:
    counts, pools = {}, {}
    for one in lists:
        row = config.trials.find(one.scenario)
        try:
            if row.unit not in pools:
                pools[row.unit] = build_pool(table, split, [], settings, row.unit)
            made = make_scenario(pools[row.unit], row, settings, config.seed, one.order)
        except AbsentError:
            # Of test trials, the run then says it.
            counts[one.id] = 0
        else:
            counts[one.id] = len(made.trials)
    return counts


def _survey_synthetic(settings: SyntheticCorpus, law: VoiceLaw, seed: int) -> Survey:
    drawn = [
        recording.utterance
        for speaker in speaker_ids(settings.speakers)
        for recording in draw_recordings(seed, POPULATION, speaker, settings, law)
    ]
    least, most = settings.seconds
    table = parse_utterance_ids(drawn, "corpus.synthetic")
    return Survey(table, "the settings", len(drawn) * (least + most) / 2, "about, by the settings")


def _survey_recordings(table: pd.DataFrame, root: str | Path, seed: int) -> Survey:
    """Estimate the seconds of recordings from the headers of some of them."""
    count = min(SAMPLE, len(table))
    rows = generator(seed, "plan", "headers").choice(len(table), count, replace=False)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress
        seconds = read_durations(table["path"].iloc[np.sort(rows)].tolist(), root)
    read = np.isfinite(seconds)
    source = f"the names of files under {root}"
    if not read.any():
        return Survey(table, source)
    said = f"{'about, ' * (count < len(table))}from {count} headers"
    return Survey(table, source, _total(seconds) / read.sum() * len(table), said)


def _total(seconds: np.ndarray) -> float:
    return float(np.nansum(seconds.astype(np.float64)))
