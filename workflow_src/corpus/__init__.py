"""Recordings, found or synthesised, to a manifest of utterances and a split of speakers."""
