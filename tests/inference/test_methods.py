"""What the run table leaves open: tuned numbers, and the templates of the limit speaker-mean."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from tests.manifests import index_of
from workflow_src.common.errors import InputError
from workflow_src.inference.methods import build_rule
from workflow_src.inference.tuned import describe_threshold, resolve_tuned
from workflow_src.methods.baseline import Baseline
from workflow_src.settings.runs import Run


def test_speaker_mean_enrols_all_that_the_speaker_says():
    utterances = [f"000{s}_0501120{t}_3_{t}_ti_0" for s in (1, 2) for t in (1, 2, 3)]
    index = index_of(utterances)
    enrolment = pd.DataFrame(
        {"model": ["a", "b"], "speaker": ["0001", "0001"], "order": 0, "utterance": utterances[:2]}
    )
    limit = Run("speaker-mean", "speaker-mean")
    chosen = build_rule(limit).choose_enrolment(enrolment, index)
    for model in ("a", "b"):
        assert sorted(chosen.loc[chosen["model"] == model, "utterance"]) == utterances[:3]
    assert isinstance(build_rule(limit), Baseline)
    assert Baseline().choose_enrolment(enrolment, index) is enrolment


def test_tuned_numbers_are_read(tmp_path):
    (tmp_path / "threshold.json").write_text('{"threshold": 0.425}')
    run = Run("fixed-weight-0.1", "fixed-weight", 0.1, tuned=str(tmp_path / "threshold.json"))
    assert resolve_tuned(run).threshold == 0.425
    assert "0.425. It was chosen on training speakers" in describe_threshold(
        replace(resolve_tuned(run), threshold_from="tuned")
    )
    (tmp_path / "policy.json").write_text(json.dumps({"alpha": 0.15, "threshold": 0.4}))
    tuned = resolve_tuned(Run("x", "fixed-weight-tuned", checkpoint=str(tmp_path)))
    assert (tuned.alpha, tuned.threshold, tuned.threshold_from) == (0.15, 0.4, "tuned")
    # A run whose threshold is given keeps it, and one whose policy holds none has none.
    given = Run("y", "multi-head", threshold=0.2, checkpoint=str(tmp_path))
    assert resolve_tuned(given) == given
    (tmp_path / "policy.json").write_text("{}")
    assert resolve_tuned(Run("x", "soft", checkpoint=str(tmp_path))).threshold is None
    assert resolve_tuned(Run("baseline", "baseline")) == Run("baseline", "baseline")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("given", "threshold is 0.4, the number of the setting methods.multi-head.floor."),
        ("paper", "threshold is 0.4, as in the paper. The cosines have the scale"),
        ("paper (another model)", "this is another one, .* methods.multi-head.floor: tuned choose"),
    ],
)
def test_the_notebook_says_where_a_threshold_comes_from(source, said):
    run = Run("y", "multi-head", threshold=0.4, checkpoint="p", threshold_from=source)
    assert re.search(said, describe_threshold(run))
    assert describe_threshold(Run("a", "baseline")) == "The method has no update threshold."


@pytest.mark.parametrize("content", ["{}", "[]", '{"threshold": "high"}'])
def test_a_file_without_the_number_is_refused(tmp_path, content):
    path = tmp_path / "threshold.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"threshold\.json: threshold is .*must be a number"):
        resolve_tuned(Run("a", "multi-head", tuned=str(path)))
