"""Reading and checking embeddings that were made elsewhere.

Formats, by the end of the name: ``.npy``, a pickled dict of utterance -> float (D,) or (1, D);
``.npz`` with arrays utterance [N] and embedding [N, D], or with an array (D,) for each utterance;
Kaldi's binary ``.ark``, and ``.scp``.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError, first_line, printable
from workflow_src.common.files import read_all_npz, read_npz
from workflow_src.common.limits import plain_size, read_apart, within_budget
from workflow_src.corpus.ids import sort_in_corpus_order
from workflow_src.corpus.naming import describe_utterances
from workflow_src.embeddings.numpy_pickles import read_pickled_vectors
from workflow_src.embeddings.stacking import and_more, blame, stack_vectors
from workflow_src.settings.base import check_path
from workflow_src.settings.corpus import ImportedCorpus

# The longest utterance id in an archive, in bytes, with the space after it.
MAX_KEY = 1024
SMIIP_TV = ImportedCorpus()


class Part(NamedTuple):
    """The embeddings of one file: N utterance ids, and float32 [N, D]."""

    path: Path
    utterances: list[str]
    embeddings: np.ndarray


def find_files(patterns: Iterable[str]) -> list[str]:
    """List the files that paths and glob patterns name, each once, sorted within a pattern.

    Raises
    ------
    InputError
        A pattern names no file, or one whose name no command can have.
    """
    found: list[str] = []
    for pattern in patterns:
        if Path(pattern).is_file():  # a file's name may look like a pattern
            files = [pattern]
        else:
            # Not Path.glob, which takes no absolute patterns.
            named = glob.glob(pattern, recursive=True)  # noqa: PTH207
            files = sorted(path for path in named if Path(path).is_file())
        if not files:
            raise InputError(f"corpus.imported.embeddings: no file is named {pattern!r}")
        found += [_check_name(str(Path(path))) for path in files]
    return list(dict.fromkeys(found))


def _check_name(path: str) -> str:
    """Return a path that a rule and the command of its step can have."""
    try:
        check_path(path)
        if path.startswith("-"):
            raise ValueError(f"{path!r} begins with a hyphen, as an option does; rename it")
    except ValueError as error:
        raise InputError(f"corpus.imported.embeddings: {error}") from error
    return path


def read_part(path: Path) -> Part:
    """Read the embeddings of one file.

    Raises
    ------
    InputError
        The file has another form, or holds a bad embedding: the error names file and utterance.
    """
    readers = {".npy": _read_npy, ".npz": _read_npz, ".ark": _read_ark, ".scp": _read_scp}
    if path.suffix not in readers:
        raise InputError(f"{path}: is of no known form; allowed are: {', '.join(readers)}")
    with within_budget(path):
        utterances, embeddings = readers[path.suffix](path)
    check_embeddings(path, utterances, embeddings)
    return Part(path, utterances, embeddings)


def check_embeddings(path: Path, utterances: list[str], embeddings: np.ndarray) -> None:
    """Refuse a file without embeddings, and an embedding without a direction."""
    if not utterances:
        raise InputError(f"{path}: holds no embedding")
    wrong = ~have_directions(embeddings)
    if wrong.any():
        raise InputError(blame(path, utterances[wrong.argmax()], NO_DIRECTION, int(wrong.sum())))


def merge_parts(
    parts: list[Part], settings: ImportedCorpus = SMIIP_TV
) -> tuple[pd.DataFrame, np.ndarray]:
    """Merge the parts in corpus order.

    Parameters
    ----------
    parts
        At least one. The list is emptied, so that memory holds few embeddings twice.
    settings
        How the utterances are named.

    Returns
    -------
    manifest
        What the names say, and seconds (float32, NaN where unknown), N rows.
    embeddings
        float32 [N, D].

    Raises
    ------
    InputError
        An id is invalid, an utterance comes twice, or parts differ in D.
    """
    named = [(part.utterances, str(part.path)) for part in parts]
    manifest = describe_utterances(named, settings)
    del named
    first, dim = parts[0].path, parts[0].embeddings.shape[1]
    for part in parts:
        if part.embeddings.shape[1] != dim:
            raise InputError(
                f"{part.path}: has embeddings of {part.embeddings.shape[1]} numbers (first "
                f"{part.utterances[0]}), but {first} of {dim}"
            )
    sizes = [len(part.utterances) for part in parts]
    twice = manifest["utterance"].duplicated()
    if twice.any():
        name = manifest["utterance"][twice].iloc[0]
        files = [
            str(part.path) for part in parts for utterance in part.utterances if utterance == name
        ]
        places = files[0] if files[0] == files[1] else f"{files[0]} and in {files[1]}"
        raise InputError(
            f"{files[1]}: the embedding of {name} comes twice, in {places}"
            + and_more(int(twice.sum()))
        )
    manifest["place"] = np.arange(len(manifest))
    manifest = sort_in_corpus_order(manifest)
    row_of = np.empty(len(manifest), np.int64)
    row_of[manifest.pop("place").to_numpy()] = np.arange(len(manifest))
    embeddings = np.empty((len(manifest), dim), np.float32)
    for rows in reversed(np.split(row_of, np.cumsum(sizes)[:-1])):
        embeddings[rows] = parts.pop().embeddings
    unknown = pd.Series(np.nan, manifest.index)
    manifest["seconds"] = manifest.get("seconds", unknown).astype("float32")
    return manifest, embeddings


def _read_npy(path: Path) -> tuple[list[str], np.ndarray]:
    # The content of a pickle can be nested as deeply as it likes, which ends a process.
    utterances, (embeddings,) = read_apart(read_pickled_vectors, path)
    return utterances, embeddings


def _read_npz(path: Path) -> tuple[list[str], np.ndarray]:
    arrays = read_all_npz(path)
    wanted = ["utterance", "embedding"]
    if not arrays.keys() & set(wanted):
        return stack_vectors(path, len(arrays), _named_vectors(path, arrays))
    if not arrays.keys() >= set(wanted):
        read_npz(path, wanted)  # says which is missing
    utterances, embeddings = (arrays[name] for name in wanted)
    if utterances.dtype.kind != "U" or utterances.ndim != 1:
        raise InputError(
            f"{path}: utterance is {utterances.dtype} {list(utterances.shape)}; text [N] is needed"
        )
    if embeddings.dtype.kind != "f" or embeddings.ndim != 2 or len(embeddings) != len(utterances):
        raise InputError(
            f"{path}: embedding is {embeddings.dtype} {list(embeddings.shape)}; floats "
            f"[{len(utterances)}, D] are needed"
        )
    codes = np.ascontiguousarray(utterances).view(utterances.dtype.byteorder + "u4")
    if codes.size and codes.max() > sys.maxunicode:
        raise InputError(f"{path}: utterance is no text, but holds numbers beyond Unicode")
    names = utterances.tolist()
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and are refused
        return names, embeddings.astype(np.float32)


def _named_vectors(path: Path, arrays: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Give the arrays of a file that has one for each utterance."""
    for utterance, vector in arrays.items():
        if vector.dtype.kind != "f" or vector.shape not in {(vector.size,), (1, vector.size)}:
            said = f"is {vector.dtype} {list(vector.shape)}; floats [D] or [1, D] are needed"
            raise InputError(blame(path, utterance, said))
        yield utterance, vector.ravel()


def _read_ark(path: Path) -> tuple[list[str], np.ndarray]:
    with path.open("rb") as file:
        vectors = list(_ark_vectors(path, file))
    return stack_vectors(path, len(vectors), vectors)


def _ark_vectors(path: Path, file: BinaryIO) -> Iterator[tuple[str, np.ndarray]]:
    while key := file.read(MAX_KEY):
        name, space, rest = key.partition(b" ")
        file.seek(-len(rest), os.SEEK_CUR)
        try:
            utterance = name.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: is not a Kaldi archive") from error
        if not space or not utterance:
            raise InputError(f"{path}: is not a Kaldi archive, or is cut short")
        yield utterance, _read_kaldi_vector(file, path, utterance)


def _read_scp(path: Path) -> tuple[list[str], np.ndarray]:
    """Read the vectors to which a script file points, ``<utterance> <archive>:<offset>`` a line.

    kaldiio does not parse the lines: by Kaldi's rules, a line may be a command.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError as error:
        raise InputError(f"{path}: is not text (UTF-8)") from error
    entries = _scp_entries(path, text)
    archives = {entry[1]: entry[0] for entry in entries}
    size = sum(_archive_size(path, archive, utterance) for archive, utterance in archives.items())
    with within_budget(path, size):
        return stack_vectors(path, len(entries), _scp_vectors(path, entries))


def _scp_entries(path: Path, text: str) -> list[tuple[str, str, str]]:
    """Split the lines of a script file into utterance, archive and offset."""
    entries = []
    for number, line in enumerate(filter(str.strip, text.split("\n")), 1):
        fields = line.split(maxsplit=1)
        if len(fields) < 2:
            raise InputError(f"{path}: entry {number} is not <utterance> <archive>:<offset>")
        utterance, target = fields[0], fields[1].strip()
        if target.startswith("|") or target.endswith("|") or target == "-":
            raise InputError(blame(path, utterance, "comes from a command; only files may"))
        archive, _, offset = target.rpartition(":")
        if not archive or not (offset.isascii() and offset.isdecimal()):
            archive, offset = target, "0"  # a file that holds nothing else
        entries.append((utterance, archive, offset))
    return entries


def _archive_size(path: Path, archive: str, utterance: str) -> int:
    try:
        return plain_size(archive)
    except InputError as error:
        said = f"is to be in {printable(archive)}, which is no plain file"
        raise InputError(blame(path, utterance, said)) from error


def _scp_vectors(
    path: Path, entries: list[tuple[str, str, str]]
) -> Iterator[tuple[str, np.ndarray]]:
    opened, file = "", None
    with ExitStack() as stack:
        for utterance, archive, offset in entries:
            if archive != opened or file is None:
                stack.close()
                try:
                    file = stack.enter_context(Path(archive).open("rb"))
                except (OSError, ValueError) as error:
                    reason = first_line(error)
                    said = f"is to be in {printable(archive)}, which cannot be read ({reason})"
                    raise InputError(blame(path, utterance, said)) from error
                opened = archive
            try:
                file.seek(int(offset))
            except (OSError, ValueError, OverflowError) as error:
                said = f"is at no place: {printable(f'{archive}:{offset}')}"
                raise InputError(blame(path, utterance, said)) from error
            yield utterance, _read_kaldi_vector(file, Path(archive), utterance)


def _read_kaldi_vector(file: BinaryIO, path: Path, utterance: str) -> np.ndarray:
    from kaldiio.matio import read_matrix_or_vector

    # kaldiio's general reader would also run a pickle. So only vectors and matrices of floats are
    # read, by the function that reads nothing else.
    start = file.tell()
    kind = file.read(5)
    if kind not in {b"\0BFV ", b"\0BDV ", b"\0BFM ", b"\0BDM "}:
        raise InputError(blame(path, utterance, "is no binary float vector of Kaldi"))
    file.seek(start)
    try:
        vector, size = read_matrix_or_vector(file, return_size=True)
    except Exception as error:  # damaged bytes can raise any exception
        raise InputError(blame(path, utterance, "is damaged")) from error
    if file.tell() - start != size:
        raise InputError(blame(path, utterance, "is cut short"))
    if vector.ndim == 2 and len(vector) != 1:
        said = f"has the shape {vector.shape}, not (D,) or (1, D)"
        raise InputError(blame(path, utterance, said))
    return vector.ravel()
