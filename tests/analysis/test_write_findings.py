"""The page of findings: its parts; and, slowly, the page in a browser."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.workflow.forked_runs import run_snakemake
from workflow_src.analysis.write_findings import Cost, add_up_costs, show_notebook, tabulate
from workflow_src.common.errors import InputError

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write_job(path, seconds, memory):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}" + "\t-" * 7 + "\n")


def test_costs_are_added_up_by_step(tmp_path):
    write_job(tmp_path / "split_speakers.benchmark.tsv", 1.5, "-")
    write_job(tmp_path / "run_inference/a.benchmark.tsv", 10, 300)
    write_job(tmp_path / "run_inference/b.benchmark.tsv", 20, 200)
    (tmp_path / "run_inference/a.log").write_text("nothing")
    assert add_up_costs(tmp_path) == [
        Cost("run_inference", 2, 30, 20, 300), Cost("split_speakers", 1, 1.5, 1.5, 0),
    ]  # fmt: skip
    (tmp_path / "a.benchmark.tsv").write_text("x\n1\n")
    with pytest.raises(InputError, match=r"a\.benchmark\.tsv: cannot be read as times of a job"):
        add_up_costs(tmp_path)


def test_the_table_shows_rounded_numbers_and_sorts_by_the_full_ones():
    row = {"scenario": "1das", "order": "published", "method": "soft", "eer_percent": 2.126,
           "eer_low": np.nan, "eer_high": 3.0, "min_dcf": 0.1234, "frr_at_far_1": 5.55,
           "frr_at_far_0.1": 10.0}  # fmt: skip
    ((scenario, _, _, eer, low, *_, last),) = tabulate(pd.DataFrame([row]))
    assert (scenario.shown, scenario.value, scenario.text) == ("1das", "1das", True)
    assert (eer.shown, eer.value, eer.text) == ("2.13", "2.126", False)
    assert (low.shown, low.value) == ("", "")
    assert last.shown == "10.0"


@pytest.mark.parametrize("content", ["{", '{"cells": 1}'])
def test_what_is_no_notebook_is_refused(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    with pytest.raises(InputError, match=r"a\.ipynb: is no notebook"):
        show_notebook(path)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; a function of options and an address, which returns what it prints."""
    done = subprocess.run(
        [Path(__file__).with_name("install_browser.sh")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        # CI must not pass by leaving this out.
        assert "CI" not in os.environ, done.stderr
        pytest.skip(done.stderr.strip())
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--virtual-time-budget=5000"]  # fmt: skip

    def open_page(address, *options):
        command = [shutil.which("chromium"), *quiet, *options, address]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=300
        ).stdout

    return open_page


@pytest.mark.slow
@pytest.mark.xdist_group("workflow")
def test_the_page_opens_sorts_and_links_in_a_browser(finished, browser):
    run_snakemake(finished, "--", "report")
    page = finished / "findings.html"
    text = page.read_text()
    # Nothing is fetched, and every link leads to a file or to a part of the page.
    assert not re.findall(
        r'(?:src|href)="(?:https?:)?//', re.sub(r"<details.*?</details>", "", text, flags=re.S)
    )
    links = set(re.findall(r"<nav>.*</nav>", text)[0].split('href="')[1:])
    assert len(links) == 3
    for link in links:
        assert (finished / link.split('"')[0]).exists(), link
    for width in (1400, 420):
        picture = finished / f"findings_{width}.png"
        browser(page.as_uri(), f"--window-size={width},2000", f"--screenshot={picture}")
        assert picture.stat().st_size > 20_000
    shown = browser(f"{page.as_uri()}#sort=3", "--dump-dom")
    assert shown.count('aria-sort="ascending"') == 1
    body = re.search(r'<table id="methods">.*?<tbody>(.*?)</tbody>', shown, re.S)[1]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.S)
    rates = [float(re.findall(r'data-value="([^"]*)"', row)[3]) for row in rows]
    methods = pd.read_csv(finished / "results/analysis/tables/methods.csv")
    assert rates == sorted(methods["eer_percent"]) and rates[0] < rates[-1]
