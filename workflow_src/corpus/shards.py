"""Which part of the corpus a speaker belongs to, where the parts are worked on side by side."""


def shard_of_speaker(speaker: str, shards: int) -> int:
    """Return the shard of a speaker, by the id alone: a new speaker moves nobody else.

    Ids are numbers, mostly without gaps, so that counting them off makes shards of one size; a
    digest would make some twice as large as others.
    """
    return int(speaker) % shards


def shard_of_name(name: str, shards: int) -> int | None:
    """Return the shard of the speaker that a file is named by; None where it is named by none.

    An utterance id begins with the four digits of its speaker; the rest is not looked at.
    """
    speaker = name[:4]
    named = len(speaker) == 4 and speaker.isascii() and speaker.isdecimal()
    return shard_of_speaker(speaker, shards) if named else None
