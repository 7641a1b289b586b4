"""Settings of the corpus."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from workflow_src.settings.base import Block, GivenPath, Probability, distinct

Range = Annotated[list[int], Field(min_length=2, max_length=2)]
Span = Annotated[list[float], Field(min_length=2, max_length=2)]


class SyntheticCorpus(Block):
    """Sizes of the demo corpus, and its law."""

    key: ClassVar[str] = "corpus.synthetic"

    speakers: int = Field(44, ge=2, le=9999, description="speakers, half of them female")
    days: int = Field(60, ge=2, le=180, description="days of the corpus, from 1 May")
    missed_days: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.08, description="share of its days on which a speaker does not record"
    )
    sessions_per_day: Range = Field(
        [2, 3], description="a recording day has [least, most] sessions, each in a slot of its own"
    )
    utterances_per_session: Range = Field(
        [1, 3], description="a session has [least, most] utterances; at most 4"
    )
    seconds: Span = Field([1.5, 4.0], description="length of a recording, [least, most] seconds")
    text_dependent: Probability = Field(
        0.3, description="share of utterances that say one of the five fixed phrases"
    )
    law: GivenPath = Field(
        "resources/laws/demo_voices.yaml",
        description="YAML file of how voices change and how they are recorded; the file says what "
        "each number means",
    )
    shards: int = Field(
        8, ge=1, le=999, description="parts made side by side; changes no recording"
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


ARCHIVE_FORMATS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


def archive_format(url: str) -> str | None:
    """Return which of `ARCHIVE_FORMATS` the path of a URL ends in, or None."""
    path = urlsplit(url).path.lower()
    return next((form for form in ARCHIVE_FORMATS if path.endswith(form)), None)


class Archive(Block):
    """An archive to download."""

    url: str = Field(description="where it is, http or https")
    sha256: str = Field(pattern="^[0-9a-fA-F]{64}$", description="its digest, 64 hex digits")

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
        # urlsplit drops line ends and tabs; a request line may hold no such thing.
        if not whole or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError(f"{url!r} is no http or https URL; write it as in https://host/a.zip")
        if parts.username is not None:
            raise ValueError(f"the URL of {parts.hostname} holds a user name; none is sent")
        if archive_format(url) is None:
            raise ValueError(f"{url!r} ends in none of: {', '.join(ARCHIVE_FORMATS)}")
        return url


class DirectoryCorpus(Block):
    """Recordings that lie in a folder."""

    key: ClassVar[str] = "corpus.directory"

    root: GivenPath | None = Field(
        None,
        description="folder of <utterance id>.wav or .flac files, nested in any way",
    )
    metadata: GivenPath | None = Field(
        None,
        description="CSV table with a column utterance and more columns to carry along (for "
        "example state, noise, device, gender), or null",
    )
    speakers: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="use only these speakers, for a first try, or null for all"
    )
    days: Annotated[int, Field(ge=1)] | None = Field(
        None, description="use only the first days of each speaker, or null for all"
    )
    archives: list[Archive] = Field(
        [],
        description="what the target fetch_corpus downloads, verifies and extracts to root: "
        "entries {url: ..., sha256: ...}, of .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz or .zip files",
    )

    @model_validator(mode="after")
    def _check(self) -> "DirectoryCorpus":
        distinct([archive.url for archive in self.archives], "archives (url)")
        distinct([archive.sha256 for archive in self.archives], "archives (sha256)")
        return self


class ImportedCorpus(Block):
    """Embeddings that were made elsewhere, in place of recordings and an extractor."""

    embeddings: list[GivenPath] = Field(
        [],
        description="files, or glob patterns of files: .npy (a pickled dict of utterance -> "
        "vector), .npz (utterance [N], embedding [N, D]), Kaldi's .ark or .scp",
    )


class SimulatedListing(Block):
    """Who records when."""

    key: ClassVar[str] = "corpus.simulated.listing"

    speakers: int = Field(120, ge=2, le=9999, description="speakers, half of them female")
    days: int = Field(92, ge=1, le=245, description="days of the corpus, from 1 May")
    attendance: float = Field(
        0.845,
        gt=0,
        le=1,
        description="mean probability that a speaker records in one of a day's five slots",
    )
    missed_days: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.002, description="share of its days on which a speaker does not record at all"
    )
    utterances: GivenPath | None = Field(
        None,
        description="text file of utterance ids, one a line, to use in place of a made listing; "
        "or null",
    )


class SimulatedCorpus(Block):
    """Utterance ids and embeddings that are drawn: neither recordings nor an extractor."""

    listing: SimulatedListing = Field(default_factory=SimulatedListing)
    law: GivenPath = Field(
        "resources/laws/smiip-tv.yaml",
        description="YAML file of the law of the embeddings, fitted to the paper's figures "
        "(docs/simulation.md); the file says what each number means",
    )


class Corpus(Block):
    """Which recordings there are, and who of the speakers is tested."""

    source: Literal["synthetic", "directory", "imported", "simulated"] = Field(
        "synthetic",
        description="synthetic: a demo corpus made here; directory: recordings in a folder; "
        "imported: embeddings in files; simulated: drawn embeddings, without audio",
    )
    test_speakers: Annotated[int, Field(ge=2)] | GivenPath = Field(
        16,
        description="how many speakers are tested, drawn by the seed; or a text file of their ids, "
        "one a line; all others train",
    )
    synthetic: SyntheticCorpus = Field(
        default_factory=SyntheticCorpus,
        description="the demo corpus: a source-filter speech synthesiser",
    )
    directory: DirectoryCorpus = Field(
        default_factory=DirectoryCorpus, description="recordings in a folder"
    )
    imported: ImportedCorpus = Field(
        default_factory=ImportedCorpus,
        description="embeddings that were made elsewhere, in place of recordings and an extractor",
    )
    simulated: SimulatedCorpus = Field(
        default_factory=SimulatedCorpus,
        description="utterance ids and embeddings that are drawn, to study methods in seconds",
    )
