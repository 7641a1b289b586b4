"""Which part of the corpus a speaker belongs to, where the parts are worked on side by side."""


def shard_of_speaker(speaker: str, shards: int) -> int:
    """Return the shard of a speaker, by the id alone: a new speaker moves nobody else.

    Ids are numbers, mostly without gaps, so that counting them off makes shards of one size; a
    digest would make some twice as large as others.
    """
    return int(speaker) % shards
