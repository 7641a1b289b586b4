"""One folder holds the results of one corpus, unless the user says otherwise."""

from __future__ import annotations

from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.common.whole_files import written_whole


def keep_corpus(note: Path, results: Path, corpus: str, replace: bool) -> None:
    """Refuse to overwrite the results of another corpus, and note the corpus of this run.

    Parameters
    ----------
    note
        File with the description of the corpus whose results the folder holds.
    results
        The results folder.
    corpus
        The description of this run's corpus.
    replace
        Whether this run may overwrite the results of another corpus.

    Raises
    ------
    InputError
        The folder holds the results of another corpus, and `replace` is false.
    """
    held = note.read_text(encoding="utf-8") if note.exists() else corpus
    if held != corpus and not replace and (results / "corpus").exists():
        raise InputError(
            f"{results} holds the results of another corpus ({held}, now {corpus}), which this run "
            "would overwrite; run in another folder (--directory PATH), or set corpus.replace: true"
        )
    if held != corpus or not note.exists():
        with written_whole(note) as part:
            part.write_text(corpus, encoding="utf-8")
