"""The catalogue of bad input: a module a room, a row a case."""

from tests.bad_input.catalogue import (
    analysis,
    config,
    controls,
    corpus,
    embeddings,
    inference,
    naming,
    policies,
    provenance,
)
from tests.bad_input.catalogue import trials as trials_

CATALOGUE = [
    *config.CASES,
    *corpus.CASES,
    *naming.CASES,
    *embeddings.CASES,
    *trials_.CASES,
    *policies.CASES,
    *inference.CASES,
    *controls.CASES,
    *analysis.CASES,
    *provenance.CASES,
]
