import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_src.common.errors import InputError
from workflow_src.corpus.ids import (
    ID_COLUMNS,
    format_utterance_id,
    parse_utterance_ids,
    sort_in_corpus_order,
)

moments = st.datetimes(datetime.datetime(2020, 1, 1), datetime.datetime(2020, 12, 31, 23, 59))
fields = st.tuples(
    st.integers(0, 9999).map("{:04d}".format),
    moments,
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["ti", "td"]),
    st.integers(0, 9),
)


@given(st.lists(fields, min_size=1, max_size=5))
def test_parsing_undoes_formatting(rows):
    table = parse_utterance_ids([format_utterance_id(*row) for row in rows], "test")
    assert list(table.columns) == ID_COLUMNS
    for row, (speaker, moment, slot, take, kind, phrase) in zip(
        table.itertuples(), rows, strict=True
    ):
        assert row.speaker == speaker
        assert row.date == moment.date().isoformat()
        assert row.time == f"{moment:%H:%M}"
        assert (row.slot, row.take, row.kind, row.phrase) == (slot, take, kind, phrase)


near_ids = st.from_regex(r"[0-9]{3,5}_[0-9]{7,9}_[0-9]_[0-9]_t[dix]_[0-9]\n?", fullmatch=True)


@given(st.one_of(st.text(st.characters(codec=None)), near_ids))
def test_arbitrary_text_parses_or_is_refused(text):
    try:
        table = parse_utterance_ids([text], "somewhere")
    except InputError as error:
        assert str(error).startswith("somewhere: ")
        assert "\n" not in str(error)
    else:
        assert table["utterance"].tolist() == [text]


@pytest.mark.parametrize(
    "utterance",
    [
        "",
        "0073_05011209_3_1_ti_0\n",
        "073_05011209_3_1_ti_0",
        "0073_05011209_3_1_tx_0",
        "0073_05011209_0_1_ti_0",
        "0073_02301209_3_1_ti_0",
        "0073_05012409_3_1_ti_0",
        "0073_05011260_3_1_ti_0",
        "٠٠٧٣_05011209_3_1_ti_0",
        "0073_05011209_3_1_ti_0 copy",
        "0073\udc80",
    ],
)
def test_no_utterance_id(utterance):
    with pytest.raises(InputError, match="somewhere"):
        parse_utterance_ids(["0073_05011209_3_1_ti_0", utterance], "somewhere")


def test_corpus_order_is_not_the_order_of_the_clock():
    ids = [
        "0002_05010700_1_1_ti_0",
        "0001_05020700_1_1_ti_0",
        "0001_05011300_2_2_td_1",
        "0001_05011305_2_1_td_1",
        "0001_05011301_2_1_td_1",
        "0001_05011400_1_1_ti_0",
    ]
    assert sort_in_corpus_order(parse_utterance_ids(ids, "test"))["utterance"].tolist() == [
        "0001_05011400_1_1_ti_0",
        "0001_05011301_2_1_td_1",
        "0001_05011305_2_1_td_1",
        "0001_05011300_2_2_td_1",
        "0001_05020700_1_1_ti_0",
        "0002_05010700_1_1_ti_0",
    ]
