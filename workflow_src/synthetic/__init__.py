"""Synthetic data: the demo corpus, its extractor, drawn listings, drawn embeddings."""
