"""Embeddings, trials and an update rule to a score for every trial."""
