"""The manifest to embeddings, one float32 row per utterance."""
