"""The looks of methods and the files for print: legible in grey, for any eye, and on paper."""

import re
import zlib
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image

from tests.workflow.running import CLONE
from workflow_src.analysis import figures
from workflow_src.analysis.breakdowns import Shown, rates_of_runs, scores_over_time, stack
from workflow_src.common.plotting import (
    KINDS,
    LARGE,
    METADATA,
    SMALL,
    WIDTHS,
    save_figure,
    use_style,
)
from workflow_src.settings.catalogue import METHODS, find_method
from workflow_src.settings.schema import Config

# sRGB to XYZ at white D65 (IEC 61966-2-1), and how a deuteranope sees linear sRGB (Machado,
# Oliveira and Fernandes, IEEE TVCG 15, 2009, severity 1).
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
)
SAME = np.eye(3)
# Differences in CIELAB that are seen at once.
LIGHTER, OTHER_COLOUR = 10, 25


def lab(colour, seen=SAME):
    """Return the CIELAB coordinates of a colour, seen by an eye."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    share = TO_XYZ @ np.clip(seen @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / 3 * (29 / 6) ** 2 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_measure_is_cielab():
    assert lab("white") == pytest.approx([100, 0, 0], abs=0.05)
    # Of sRGB red, at D65.
    assert lab("red") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


def test_any_two_methods_differ_in_two_of_lightness_marker_and_dashes():
    rows = [*METHODS, find_method("my_lab.rules:Decay")]
    for one, other in combinations(rows, 2):
        lighter = abs(lab(one.colour)[0] - lab(other.colour)[0]) >= LIGHTER
        markers = {(row.marker, row.look["markerfacecolor"] == "white") for row in (one, other)}
        differ = [lighter, len(markers) == 2, one.dashes != other.dashes]
        assert sum(differ) >= 2, (one.id, other.id, differ)


def test_the_colours_of_a_default_run_differ_in_lightness_and_for_a_deuteranope():
    colours = [find_method(name).colour for name in Config().inference.methods]
    assert len(colours) == 4
    pairs = [*combinations(colours, 2), tuple(look["color"] for _, look, _ in KINDS)]
    for one, other in pairs:
        assert abs(lab(one)[0] - lab(other)[0]) >= LIGHTER, (one, other)
        for eye in (SAME, DEUTERANOPIA):
            assert np.linalg.norm(lab(one, eye) - lab(other, eye)) >= OTHER_COLOUR, (one, other)
    # None is so light that it is lost on white.
    assert max(lab(row.colour)[0] for row in METHODS) < 75


def made_up_tables():
    """Tables of two figures: of nine scenarios, and of scores over time."""
    rows = [
        (run, method, alpha, f"{scenario}das", order, 2.0 + scenario / 5)
        for run, method, alpha in (
            ("baseline", "baseline", np.nan),
            *((f"fixed-weight-{alpha}", "fixed-weight", alpha) for alpha in (0.1, 0.3, 0.5)),
            *((f"multi-head-seed{seed}", "multi-head", np.nan) for seed in range(3)),
        )
        for scenario in range(1, 10)
        for order in ("published", "independent")
    ]
    columns = ["run", "method", "alpha", "scenario", "order", "eer_percent"]
    summary = pd.DataFrame(rows, columns=columns)
    methods = summary.assign(method=summary["run"].str.replace(r"-seed\d", "", regex=True))
    methods = methods.drop_duplicates(["method", "scenario", "order"])
    rng = np.random.default_rng(1)
    trials = pd.DataFrame({"days": np.arange(400) // 8, "target": np.arange(400) % 2 == 0})
    trials["score"] = rng.normal(size=400) + 2 * trials["target"]
    over_time = scores_over_time(trials)
    shown = [Shown(row.id, row.id) for row in METHODS[:4]]
    return {
        "error_rates": rates_of_runs(summary, methods.assign(eer_low=1.0, eer_high=4.0)),
        "scores_over_time": stack(dict.fromkeys(shown, over_time)),
    }


@pytest.mark.parametrize("name", ["error_rates", "scores_over_time"])
@pytest.mark.parametrize("width", WIDTHS)
def test_files_for_print_have_their_width_and_text_that_can_be_read(name, width, tmp_path):
    table, wide = made_up_tables()[name], WIDTHS[width]
    drawn = []
    for folder in ("a", "b"):
        use_style(wide)
        figure = getattr(figures, name)(table)
        save_figure(figure, tmp_path / folder, name, METADATA)
        sizes = {
            text.get_fontsize() for text in figure.findobj(Text)
            if text.get_text() and text.get_visible()
        }  # fmt: skip
        assert sizes <= {SMALL, LARGE}
        # Nothing leaves the paper.
        box = figure.get_tightbbox()
        assert box.x0 >= -0.01 and box.x1 <= wide + 0.01
        plt.close(figure)
        drawn.append({end: (tmp_path / folder / f"{name}.{end}").read_bytes() for end in METADATA})
    assert drawn[0] == drawn[1]
    image = Image.open(tmp_path / f"a/{name}.png")
    assert image.width == int(300 * wide) and image.info["dpi"] == pytest.approx((300, 300), abs=1)
    svg, pdf = drawn[0]["svg"].decode(), drawn[0]["pdf"]
    assert ">baseline<" in svg.replace("<tspan>", "") and f'width="{72 * wide:g}pt"' in svg
    page = rb"MediaBox \[ ?0 0 (\S+) (\S+) ?\]"
    assert float(re.search(page, pdf)[1]) == pytest.approx(72 * wide)
    # Fonts are embedded as TrueType, and the text is text.
    assert b"/CIDFontType2" in pdf
    streams = re.findall(rb"stream\n(.*?)endstream", pdf, re.S)
    texts = [zlib.decompressobj().decompress(part) for part in streams if part[:1] == b"x"]
    assert any(b"Tj" in part or b"TJ" in part for part in texts)


def test_the_pictures_of_the_docs_are_of_figures():
    names = {path.stem for path in (CLONE / "docs/demo").glob("*.png")}
    assert names and names <= {*vars(figures)}
