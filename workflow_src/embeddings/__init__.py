"""Manifest and pretrained extractor to one float32 matrix and its utterance index."""
