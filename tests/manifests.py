"""Manifests and indexes of made-up utterances."""

from workflow_src.corpus.ids import parse_utterance_ids, sort_in_corpus_order


def manifest_of(ids):
    """Return the manifest of utterance ids, in corpus order."""
    return sort_in_corpus_order(parse_utterance_ids(list(ids), "test"))


def index_of(ids, rows=None):
    """Return an index of embeddings, whose row of each utterance id is its place by default."""
    table = parse_utterance_ids(list(ids), "test")[["utterance", "speaker", "date"]]
    table.insert(0, "row", range(len(table)) if rows is None else rows)
    return table
