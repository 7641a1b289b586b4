"""Reading the file of a speaker model."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.common.limits import plain_size


def read_model(path: str | Path, sha256: str | None) -> tuple[bytes, str]:
    """Return the bytes of a model's file and their sha256.

    Raises
    ------
    InputError
        The file cannot be read, or has another digest than `sha256`.
    """
    plain_size(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the extractor cannot be read ({error.strerror}); extractor.model names it"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 and sha256.strip().lower() != found:
        raise InputError(
            f"{path}: has the sha256 {found}, but extractor.sha256 asks for {sha256.strip()}"
        )
    return content, found
