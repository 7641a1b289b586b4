"""The target fetch_corpus, and that its list of archives concerns nothing else."""

import hashlib
import io
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile

from tests.workflow.forked_runs import run_snakemake


@pytest.fixture
def url(tmp_path, monkeypatch):
    """The URL of a folder ``served`` on loopback."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "served").mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "served")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_fetched_corpus_becomes_a_manifest_and_its_list_reruns_nothing(tmp_path, url):
    with zipfile.ZipFile(tmp_path / "served/a.zip", "w") as archive:
        for speaker in range(6):
            wav = io.BytesIO()
            noise = np.random.default_rng(speaker).normal(0, 0.1, 8000)
            soundfile.write(wav, noise, 16000, format="WAV")
            archive.writestr(f"wav/{speaker:04d}_05011209_3_1_ti_0.wav", wav.getvalue())
    digest = hashlib.sha256((tmp_path / "served/a.zip").read_bytes()).hexdigest()
    directory = {"root": "my data/corpus", "archives": [{"url": f"{url}/a.zip", "sha256": digest}]}
    overlay = {
        "corpus": {"source": "directory", "directory": directory},
        "extractor": {"allow_demo": True},
    }
    folder = tmp_path / "run"
    folder.mkdir()
    code, said = run_snakemake(folder, "corpus", overlay=overlay, check=False)
    assert code != 0
    assert "my data/corpus: there is no such folder; corpus.directory.root names it" in said
    run_snakemake(folder, "fetch_corpus", overlay=overlay)
    run_snakemake(folder, "corpus", overlay=overlay)
    directory["archives"] = [{"url": f"{url}/b.zip", "sha256": "0" * 64}]
    assert "Nothing to be done" in run_snakemake(folder, "corpus", overlay=overlay)
