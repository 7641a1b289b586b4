"""Shards: parts of the corpus that are processed side by side."""


def shard_of_speaker(speaker: str, shards: int) -> int:
    """Return the shard of a speaker, from the id alone: a new speaker moves no other.

    Ids are numbers, mostly without gaps, so the remainders give shards of equal size. Shards by a
    digest of the id would differ in size by a factor of two.
    """
    return int(speaker) % shards


def shard_of_name(name: str, shards: int) -> int | None:
    """Return the shard of the speaker in a file's name; None where the name begins with no speaker.

    The speaker is the first four digits of an utterance id; the rest is ignored.
    """
    speaker = name[:4]
    named = len(speaker) == 4 and speaker.isascii() and speaker.isdecimal()
    return shard_of_speaker(speaker, shards) if named else None
