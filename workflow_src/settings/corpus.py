"""Settings of the corpus."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from workflow_src.settings.base import Block, GivenPath, Probability

PUBLISHED_EXTRACTOR = "smiip-tv"
"""What ``corpus.imported.extractor`` calls the speaker model of the paper's authors."""
PUBLISHED_LAW = "resources/laws/smiip-tv.yaml"
"""The law of simulated embeddings with the paper's scale of cosines."""
Range = Annotated[list[int], Field(min_length=2, max_length=2)]
Span = Annotated[list[float], Field(min_length=2, max_length=2)]


class SyntheticCorpus(Block):
    """The size of the demo corpus, and its law."""

    key: ClassVar[str] = "corpus.synthetic"

    speakers: int = Field(44, ge=2, le=9999, description="speakers, half of them female")
    days: int = Field(60, ge=2, le=180, description="days of the corpus, from 1 May")
    missed_days: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.08, description="share of days on which a speaker does not record"
    )
    sessions_per_day: Range = Field(
        [2, 3], description="sessions of a recording day, [least, most], each in its own slot"
    )
    utterances_per_session: Range = Field(
        [1, 3], description="utterances of a session, [least, most]; at most 4"
    )
    seconds: Span = Field([1.5, 4.0], description="length of a recording, [least, most] seconds")
    text_dependent: Probability = Field(
        0.3, description="share of utterances that say one of the five fixed phrases"
    )
    law: GivenPath = Field(
        "resources/laws/demo_voices.yaml",
        description="YAML file that sets how voices change and how they are recorded; the file "
        "explains each number",
    )
    shards: int = Field(
        8, ge=1, le=999, description="parts that are made in parallel; the number changes no result"
    )

    @model_validator(mode="after")
    def _check(self) -> "SyntheticCorpus":
        limits = {"sessions_per_day": (1, 5), "utterances_per_session": (1, 4), "seconds": (1, 20)}
        for key, (least, most) in limits.items():
            low, high = getattr(self, key)
            if not least <= low <= high <= most:
                raise ValueError(
                    f"{key} is {[low, high]}; allowed is [least, most] within [{least}, {most}]"
                )
        return self


# Digits of an archive's digest in the name of its download.
SHORT_SHA256 = 12
ARCHIVE_FORMATS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


def archive_format(url: str) -> str | None:
    """Return the entry of `ARCHIVE_FORMATS` that ends the path of a URL, or None."""
    path = urlsplit(url).path.lower()
    return next((form for form in ARCHIVE_FORMATS if path.endswith(form)), None)


class Archive(Block):
    """An archive to download."""

    url: str = Field(description="http or https URL of the archive")
    sha256: str = Field(pattern="^[0-9a-fA-F]{64}$", description="sha256, 64 hexadecimal digits")

    @field_validator("sha256")
    @classmethod
    def _lower(cls, sha256: str) -> str:
        return sha256.lower()

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            whole = False
        # urlsplit drops line ends and tabs, but a request line must not have any.
        if not whole or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError(f"{url!r} is no http or https URL; write it as in https://host/a.zip")
        if parts.username is not None:
            raise ValueError(f"the URL of {parts.hostname} holds a user name; none is sent")
        if archive_format(url) is None:
            raise ValueError(f"{url!r} ends in none of: {', '.join(ARCHIVE_FORMATS)}")
        return url


class DirectoryCorpus(Block):
    """Recordings in a folder."""

    key: ClassVar[str] = "corpus.directory"

    root: GivenPath | None = Field(
        None,
        description="folder of .wav or .flac files, in subfolders of any depth",
    )
    names: Annotated[str, Field(min_length=1)] = Field(
        "smiip-tv",
        description="how the recordings are named: smiip-tv (<utterance id>.wav), or a pattern "
        'over paths below root, for example "{speaker}/{time:%Y-%m-%dT%H%M}_{take}.wav"; it needs '
        "the speaker, and what counts days needs the time",
    )
    table: GivenPath | None = Field(
        None,
        description="table that names the recordings in place of their names: .csv, .tsv, .parquet "
        "or .jsonl with columns path (below root), speaker, time (ISO 8601; where it is known) and "
        "any others, which results keep; or null",
    )
    kaldi: GivenPath | None = Field(
        None,
        description="Kaldi data directory that names the recordings in place of their names; a "
        "file utt2time there (<utterance> <time in ISO 8601>) tells their times; or null",
    )
    metadata: GivenPath | None = Field(
        None,
        description="table (.csv, .tsv, .parquet, .jsonl) with a column utterance and any others, "
        "which results keep (for example state, noise, device, gender); or null",
    )
    speakers: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="for a first try: use only these speakers; null: all"
    )
    days: Annotated[int, Field(ge=1)] | None = Field(
        None, description="for a first try: use only the first days of each speaker; null: all"
    )
    archives: list[Archive] = Field(
        [],
        description="archives that the target fetch_corpus downloads, verifies and extracts to "
        "root: entries {url: ..., sha256: ...} of .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz or .zip "
        "files",
    )

    @model_validator(mode="after")
    def _check(self) -> "DirectoryCorpus":
        for key in ("url", "sha256"):
            values = [getattr(archive, key) for archive in self.archives]
            if len(set(values)) < len(values):
                raise ValueError(f"archives ({key}) lists a value twice; each may stand there once")
        starts = [archive.sha256[:SHORT_SHA256] for archive in self.archives]
        if len(set(starts)) < len(starts):
            raise ValueError(
                f"archives (sha256) has two digests with the same first {SHORT_SHA256} digits, "
                "which name the downloads; one of the two is mistyped"
            )
        return self


class ImportedCorpus(Block):
    """Embeddings from elsewhere. They replace the recordings and the extractor."""

    key: ClassVar[str] = "corpus.imported"

    embeddings: list[GivenPath] = Field(
        [],
        description="files or glob patterns: .npy (a pickled dict of utterance -> vector), .npz "
        "(utterance [N], embedding [N, D]; or an array for each utterance), or Kaldi's .ark and "
        ".scp",
    )
    names: Annotated[str, Field(min_length=1)] = Field(
        "smiip-tv",
        description="how the utterances are named: smiip-tv, or a pattern over their ids, for "
        'example "{speaker}/{time:%Y-%m-%dT%H%M}_{take}"; it needs the speaker, and what counts '
        "days needs the time",
    )
    table: GivenPath | None = Field(
        None,
        description="table that names the utterances in place of their ids: .csv, .tsv, .parquet "
        "or .jsonl with columns utterance, speaker, time (ISO 8601; where it is known) and any "
        "others, which results keep; or null",
    )
    extractor: Annotated[str, Field(pattern=r"^[!-~]{1,100}$")] | None = Field(
        None,
        description="the speaker model that made the embeddings: the sha256 of its file, or a name "
        f"without blanks. {PUBLISHED_EXTRACTOR} stands for the model of the paper's authors, to "
        "which the published thresholds belong. null: unknown",
    )


class SimulatedListing(Block):
    """Which speakers record at which times."""

    key: ClassVar[str] = "corpus.simulated.listing"

    speakers: int = Field(120, ge=2, le=100_000, description="speakers, half of them female")
    days: int = Field(92, ge=1, le=4000, description="days of the corpus, from 1 May 2020")
    attendance: float = Field(
        0.845,
        gt=0,
        le=1,
        description="mean probability that a speaker records in one of a day's five slots",
    )
    missed_days: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.002, description="share of days on which a speaker does not record at all"
    )
    utterances: GivenPath | None = Field(
        None,
        description="utterances that replace the drawn ones: a text file of ids, one per line; or "
        "a table .csv, .tsv, .parquet or .jsonl with columns utterance, speaker, time (ISO 8601) "
        "and any others, which results keep; or null",
    )
    names: Annotated[str, Field(min_length=1)] = Field(
        "smiip-tv",
        description="how the ids of a text file are named: smiip-tv, or a pattern over them, for "
        'example "{speaker}/{time:%Y-%m-%dT%H%M}_{take}"; it needs speaker and time',
    )


class SimulatedCorpus(Block):
    """Drawn utterance ids and drawn embeddings, without recordings or an extractor."""

    listing: SimulatedListing = Field(default_factory=SimulatedListing)
    law: GivenPath = Field(
        PUBLISHED_LAW,
        description="YAML file with the law of the embeddings, fitted to the paper's figures "
        "(docs/simulation.md); the file explains each number",
    )


class Corpus(Block):
    """The recordings or embeddings, and the test speakers."""

    source: Literal["synthetic", "directory", "imported", "simulated"] = Field(
        "synthetic",
        description="synthetic: the demo corpus, which the workflow makes; directory: recordings "
        "in a folder; imported: embeddings in files; simulated: drawn embeddings, without audio",
    )
    test_speakers: Annotated[int, Field(ge=2)] | GivenPath = Field(
        16,
        description="the number of test speakers, who are drawn by the seed; or a text file with "
        "their ids, one per line. All other speakers are for training",
    )
    replace: bool = Field(
        False,
        description="whether a run may overwrite the results of another corpus in its folder",
    )
    synthetic: SyntheticCorpus = Field(
        default_factory=SyntheticCorpus,
        description="the demo corpus, made by a source-filter speech synthesiser",
    )
    directory: DirectoryCorpus = Field(
        default_factory=DirectoryCorpus, description="recordings in a folder"
    )
    imported: ImportedCorpus = Field(
        default_factory=ImportedCorpus,
        description="embeddings from elsewhere, which replace the recordings and the extractor",
    )
    simulated: SimulatedCorpus = Field(
        default_factory=SimulatedCorpus,
        description="drawn utterance ids and drawn embeddings, to study methods in seconds",
    )

    @model_validator(mode="after")
    def _check(self) -> "Corpus":
        ways = {"directory": ["names", "table", "kaldi"], "imported": ["names", "table"]}
        block = getattr(self, self.source)
        fields = type(block).model_fields
        used = [
            key for key in ways.get(self.source, []) if getattr(block, key) != fields[key].default
        ]
        if len(used) > 1:
            raise ValueError(
                f"{self.source}: {used[0]} and {used[1]} both tell the names; set only one of them"
            )
        return self
