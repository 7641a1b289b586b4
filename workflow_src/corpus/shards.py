"""Shards: parts of the corpus that are processed side by side."""

import zlib

# The ids of SMIIP-TV's speakers have as many digits.
SMIIP_SPEAKER = 4


def shard_of_speaker(speaker: str, shards: int) -> int:
    """Return the shard of a speaker, from the id alone: a new speaker moves no other.

    Ids that are numbers are mostly without gaps, so the remainders give shards of equal size. Any
    other id is in the shard of its checksum.
    """
    number = int(speaker) if _is_number(speaker) else zlib.crc32(speaker.encode())
    return number % shards


def _is_number(speaker: str) -> bool:
    return speaker.isascii() and speaker.isdecimal() and len(speaker) < 19
