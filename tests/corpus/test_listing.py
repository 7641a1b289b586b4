import numpy as np
import pandas as pd
import pytest
import soundfile

from workflow_src.common.errors import InputError
from workflow_src.corpus import durations
from workflow_src.corpus.ids import sort_in_corpus_order
from workflow_src.corpus.listing import list_recordings
from workflow_src.settings.corpus import DirectoryCorpus

SHARDS = 5
NAMES = [
    f"{speaker}_{moment}_1_1_ti_0"
    for speaker in ("0001", "0002", "0006", "0013")
    for moment in ("05010700", "05020700", "05031300")
]


@pytest.fixture
def root(tmp_path):
    for i, name in enumerate(NAMES):
        folder = tmp_path / "audio" / str(i % 3)
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{name}.wav", np.zeros(1000 * (i + 1), np.float32), 16000)
    return tmp_path / "audio"


@pytest.mark.parametrize(
    "settings",
    [DirectoryCorpus(), DirectoryCorpus(days=2), DirectoryCorpus(speakers=["0006", "0002"])],
)
def test_the_shards_are_the_whole_list(root, settings):
    whole = list_recordings(root, settings)
    parts = [list_recordings(root, settings, shard, SHARDS) for shard in range(SHARDS)]
    assert parts[0].empty
    for shard, part in enumerate(parts):
        assert set(part["speaker"].astype(int) % SHARDS) <= {shard}
    together = sort_in_corpus_order(pd.concat(parts))
    pd.testing.assert_frame_equal(together, whole)


def test_a_name_of_no_speaker_is_in_no_shard_and_in_no_list(root):
    (root / "holiday.wav").write_bytes(b"")
    parts = [list_recordings(root, DirectoryCorpus(), shard, SHARDS) for shard in range(SHARDS)]
    assert sorted(pd.concat(parts)["utterance"]) == sorted(NAMES)
    with pytest.raises(InputError, match=r"holiday\.wav"):
        list_recordings(root, DirectoryCorpus())


def test_a_shard_reads_the_headers_of_its_recordings_only(root, monkeypatch):
    read = []
    opened = durations.open_sound
    monkeypatch.setattr(durations, "open_sound", lambda path: (read.append(path), opened(path))[1])
    assert list_recordings(root, DirectoryCorpus(), 2, SHARDS)["speaker"].unique() == ["0002"]
    assert len(read) == 3
