"""Kaldi data directories, read as a table of recordings.

``wav.scp`` names the recordings, ``utt2spk`` the speakers, and ``segments``, if it is there, the
parts of recordings. ``utt2dur``, ``spk2gender`` and ``utt2time`` are read if they are there.
``utt2time`` is this project's own file: it has a line ``<utterance> <time in ISO 8601>`` for each
utterance.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError, printable
from workflow_src.common.files import read_text

FILES = ("wav.scp", "utt2spk", "utt2time", "segments", "utt2dur", "spk2gender")
NEEDED = FILES[:2]


def list_files(folder: Path) -> list[Path]:
    """List the files of a data directory that are read.

    Raises
    ------
    InputError
        A needed file is missing.
    """
    for name in NEEDED:
        if not (folder / name).is_file():
            raise InputError(
                f"{folder}: there is no file {name}; corpus.directory.kaldi names the folder"
            )
    return [folder / name for name in FILES if (folder / name).is_file()]


def read_data_directory(folder: Path) -> pd.DataFrame:
    """Read a data directory.

    Returns
    -------
    DataFrame
        utterance, path, speaker; start and end where there are segments, time, seconds and gender
        where they are known.

    Raises
    ------
    InputError
        A file is missing or invalid, or the files do not fit together.
    """
    there = {path.name for path in list_files(folder)}
    recordings = _read_map(folder / "wav.scp")
    for name, target in recordings.items():
        if target.endswith("|") or target.startswith("|") or target == "-":
            raise InputError(
                f"{folder / 'wav.scp'}: {printable(name)} comes from a command; only files may be "
                "named there. Convert the recordings to files first"
            )
    speakers = _read_map(folder / "utt2spk")
    table = pd.DataFrame({"utterance": list(speakers), "speaker": list(speakers.values())})
    if "segments" in there:
        parts = {u: text.split() for u, text in _read_map(folder / "segments").items()}
        for name, part in parts.items():
            if len(part) != 3:
                raise InputError(
                    f"{folder / 'segments'}: the line of {printable(name)} is not "
                    "<utterance> <recording> <start> <end>"
                )
        columns = list(
            zip(*(_look_up(parts, table["utterance"], folder / "segments")), strict=True)
        )
        recording, start, end = (list(column) for column in columns)
        table = table.assign(start=_seconds(start, folder), end=_seconds(end, folder))
        table["path"] = _look_up(recordings, pd.Series(recording), folder / "wav.scp")
    else:
        table["path"] = _look_up(recordings, table["utterance"], folder / "wav.scp")
    if "utt2time" in there:
        times = _read_map(folder / "utt2time")
        table["time"] = _look_up(times, table["utterance"], folder / "utt2time")
    if "utt2dur" in there:
        lengths = _look_up(_read_map(folder / "utt2dur"), table["utterance"], folder / "utt2dur")
        table["seconds"] = _seconds(lengths, folder)
    if "spk2gender" in there:
        genders = _read_map(folder / "spk2gender")
        table["gender"] = table["speaker"].map(genders).astype("str")
    return table


def _read_map(path: Path) -> dict[str, str]:
    """Read lines ``<key> <value>``."""
    found: dict[str, str] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        key, _, value = line.strip().replace("\t", " ", 1).partition(" ")
        if not value.strip():
            raise InputError(f"{path}:{number}: is not <key> <value>")
        if key in found:
            raise InputError(f"{path}:{number}: {printable(key)} stands there twice")
        found[key] = value.strip()
    if not found:
        raise InputError(f"{path}: has no line")
    return found


def _look_up(values: dict, keys: pd.Series, path: Path) -> list:
    missing = [key for key in keys if key not in values]
    if missing:
        more = f" (nor of {len(missing) - 1:,} more)" if len(missing) > 1 else ""
        raise InputError(f"{path}: has no line of {printable(missing[0])}{more}")
    return [values[key] for key in keys]


def _seconds(texts: list[str], folder: Path) -> list[float]:
    try:
        return [float(text) for text in texts]
    except ValueError as error:
        raise InputError(f"{folder}: a start, end or duration is no number ({error})") from error
