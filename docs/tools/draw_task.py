"""Draw the task in a picture: what happens to the scores of one simulated speaker over weeks.

    python docs/tools/draw_task.py

The voices are drawn by the law of simulated embeddings (docs/simulation.md), and scored by the
update rules of this workflow. The speaker, the impostor and the days were chosen to show each thing
that can happen; they are not typical.
"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_src.common.plotting import use_style
from workflow_src.common.whole_files import written_whole
from workflow_src.inference.scoring import score_scenario
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.synthetic.listing import make_listing
from workflow_src.synthetic.simulation import simulate
from workflow_src.updating.interface import UpdateRule

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parent / "pictures"
LAW = HERE.parents[1] / "resources/laws/smiip-tv.yaml"
SEED = 1
SPEAKER, IMPOSTOR = "0052", "0044"
WEIGHT, THRESHOLD = 0.1, 0.51
ENROLLED, TARGETS_A_DAY, ATTEMPTS_A_DAY = 5, 2, 5
FIRST_ATTEMPT, FEW_DAYS, MANY_DAYS = 40, 5, 7

ALONE = "template not updated"
UPDATED = "template updated"
RECOVERS = f"an impostor accepted for {FEW_DAYS} days: it recovers"
LOST = f"for {MANY_DAYS} days: the template is lost"
ATTACKER = "the impostor"


def compute_scores() -> dict[str, pd.Series]:
    """Score both speakers; return the mean score of each day, by line of the picture."""
    manifest = make_listing(SimulatedListing(speakers=int(max(SPEAKER, IMPOSTOR))), SEED)
    manifest = manifest[manifest["speaker"].isin([SPEAKER, IMPOSTOR])].reset_index(drop=True)
    law = read_law(LAW, EmbeddingLaw)
    embeddings = np.empty((len(manifest), law.dimension), np.float32)
    for rows, drawn in simulate(manifest, law, SEED):
        embeddings[rows] = drawn
    dates = pd.to_datetime(manifest["date"])
    manifest["day"] = (dates - dates.min()).dt.days
    manifest["row"] = manifest.index

    def score(rule: UpdateRule, days: int) -> pd.DataFrame:
        trials = list_trials(manifest, days)
        own = manifest[manifest["speaker"] == SPEAKER]
        enrolment = pd.DataFrame({"model": SPEAKER, "utterance": own["utterance"][:ENROLLED]})
        return score_scenario(rule, trials, enrolment, embeddings, manifest)

    rule = FixedWeight(WEIGHT, THRESHOLD)
    few, many = score(rule, FEW_DAYS), score(rule, MANY_DAYS)
    return {
        ALONE: mean_by_day(score(Baseline(), 0), True),
        UPDATED: mean_by_day(score(rule, 0), True),
        RECOVERS: mean_by_day(few, True),
        LOST: mean_by_day(many, True),
        ATTACKER: mean_by_day(many, False),
    }


def list_trials(manifest: pd.DataFrame, days: int) -> pd.DataFrame:
    """List the speaker's trials on all days after the first, and the impostor's on some days."""
    after = manifest[manifest["day"] > 0]
    targets = after[after["speaker"] == SPEAKER].groupby("day").head(TARGETS_A_DAY)
    attack = range(FIRST_ATTEMPT, FIRST_ATTEMPT + days)
    others = after[(after["speaker"] == IMPOSTOR) & after["day"].isin(attack)]
    others = others.groupby("day").head(ATTEMPTS_A_DAY)
    trials = pd.concat([targets.assign(target=True), others.assign(target=False)])
    # On a day the speaker comes first.
    trials = trials.sort_values(["day", "target"], ascending=[True, False], kind="stable")
    return trials.assign(model=SPEAKER, round=0, step=range(len(trials)))


def mean_by_day(scored: pd.DataFrame, target: bool) -> pd.Series:
    """Return the mean score of each day, of the speaker or of the impostor."""
    return scored[scored["target"] == target].groupby("day")["score"].mean()


def draw(scores: dict[str, pd.Series], labels: list, width: float, height: float) -> Figure:
    """Draw the lines; `width` and `height` are in inches, `labels` as of `write_wide`."""
    figure, axes = plt.subplots(figsize=(width, height))
    looks = {
        ALONE: {"color": "#000000", "linestyle": (0, (4, 2))},
        LOST: {"color": "#D55E00", "linestyle": (0, (5, 1.5, 1, 1.5))},
        RECOVERS: {"color": "#E69F00", "linestyle": "-"},
        UPDATED: {"color": "#0072B2", "linestyle": "-"},
    }
    for name, look in looks.items():
        # Lines begin where they part.
        first = {RECOVERS: FIRST_ATTEMPT, LOST: FIRST_ATTEMPT + FEW_DAYS - 1}.get(name, 0)
        part = scores[name].loc[first:]
        axes.plot(part.index, part, linewidth=1.4, **look)
    attacker = scores[ATTACKER]
    axes.plot(attacker.index, attacker, "x", color="#000000", ms=4, mew=0.9)
    axes.axvspan(
        FIRST_ATTEMPT - 0.5, FIRST_ATTEMPT + MANY_DAYS - 0.5, color="#ececec", linewidth=0, zorder=0
    )
    axes.axhline(THRESHOLD, color="#777777", linewidth=0.8, linestyle=":")
    axes.set(
        xlim=(0, 92),
        ylim=(0.2, 0.98),
        xlabel="days since enrolment",
        ylabel="score (cosine, mean of a day)",
    )
    axes.grid(visible=False)
    for text, x, y, colour in labels:
        axes.text(x, y, text, color=colour, va="center", linespacing=1.15)
    return figure


# Darker than the lines, for text on white.
BLACK, BLUE, AMBER, RED, GREY = "#000000", "#00578a", "#8a5f00", "#a34700", "#5a5a5a"


def write_wide() -> list[tuple[str, float, float, str]]:
    """Return the labels of the wide picture: text, day, score, colour."""
    return [
        ("1  Five utterances make the template", 1, 0.95, BLACK),
        ("2  The voice drifts,\nand the score falls", 9, 0.565, BLACK),
        ("3  The template follows the voice, and the score stays", 49, 0.9, BLUE),
        ("4  An impostor (x) is accepted,\nand moves the template", 15, 0.31, BLACK),
        ("for 5 days: the template recovers", 51, 0.69, AMBER),
        ("for 7 days: the template is lost", 63.5, 0.26, RED),
        ("never updated", 78, 0.595, BLACK),
        ("threshold of an update", 1, 0.485, GREY),
    ]


def write_narrow() -> list[tuple[str, float, float, str]]:
    """Return the labels of the narrow picture."""
    return [
        ("1 Enrolment", 1, 0.95, BLACK),
        ("2 The score\nfalls", 2, 0.585, BLACK),
        ("3 The template follows", 48, 0.91, BLUE),
        ("4 An impostor (x)\nis accepted", 4, 0.3, BLACK),
        ("5 days: it recovers", 52, 0.68, AMBER),
        ("7 days:\nit is lost", 65, 0.255, RED),
        ("never updated", 66, 0.6, BLACK),
        ("threshold", 1, 0.485, GREY),
    ]


def main() -> None:
    """Draw both sizes: a page's width, and a phone's."""
    use_style()
    mpl.rcParams.update({"font.size": 8, "axes.linewidth": 0.6, "svg.fonttype": "none"})
    mpl.rcParams.update({"xtick.labelsize": 8, "ytick.labelsize": 8, "axes.labelsize": 8})
    scores = compute_scores()
    sizes = {"task": (write_wide(), 7.16, 3.3), "task_narrow": (write_narrow(), 3.5, 3.6)}
    for name, (labels, width, height) in sizes.items():
        figure = draw(scores, labels, width, height)
        with written_whole(PICTURES / f"{name}.svg") as part:
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
