"""The demo's extractor is not for people: it has only ever heard synthetic voices."""

from pathlib import Path

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError

# The size is compared first, so that no large model is read whenever the rules are.
SIZE, SHA256 = 1_589_524, "5389d971cb1c5d4b0a8f07adb2ac02fd368c93cfbd9a6d7c68dd76eeb19cc5ef"


def check_not_demo(model: str) -> str:
    """Return the path of the extractor of recordings in a folder.

    Raises
    ------
    InputError
        It is the extractor of the demo, under any name.
    """
    if Path(model).stat().st_size == SIZE and digest_file(model) == SHA256:
        raise InputError(
            f"{model}: is the extractor of the demo, which has only ever heard synthetic voices; "
            "name a model that was trained on real speech in extractor.model "
            "(docs/extractors.md), or set extractor.allow_demo: true to use it all the same"
        )
    return model
