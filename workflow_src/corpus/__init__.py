"""Recordings to a manifest of utterances, split by speaker."""
