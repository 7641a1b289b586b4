"""A folder with the results of a corpus does not take those of another."""

import pytest

from workflow_src.common.errors import InputError
from workflow_src.running.held_corpus import keep_corpus


@pytest.fixture
def keep(tmp_path):
    note, results = tmp_path / "corpus", tmp_path / "results"
    return lambda corpus, replace=False: keep_corpus(note, results, corpus, replace)


def test_another_corpus_is_refused_once_there_are_results(keep, tmp_path):
    keep("synthetic")
    keep("simulated")
    (tmp_path / "results/corpus").mkdir(parents=True)
    keep("simulated")
    with pytest.raises(InputError, match=r"another corpus \(simulated, now directory a\)"):
        keep("directory a")
    keep("simulated")


def test_it_is_replaced_where_the_user_says_so(keep, tmp_path):
    keep("synthetic")
    (tmp_path / "results/corpus").mkdir(parents=True)
    keep("simulated", replace=True)
    keep("simulated")
    with pytest.raises(InputError, match="another corpus"):
        keep("synthetic")
