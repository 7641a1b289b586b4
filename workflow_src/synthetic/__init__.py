"""What is made up: the demo corpus and its extractor, drawn listings, drawn embeddings."""
