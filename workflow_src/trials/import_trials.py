"""Import the trials of one scenario from the published layout.

Reads <root>/<scenario>/trial.pkl and enroll_model (or enrol_model), and checks them against the
corpus: a list that does not fit is refused, not trimmed. A pickle that names anything but
defaultdict, list and dict is refused, and nothing in it is run.
"""

from __future__ import annotations

from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, read_parquet, write_parquet
from workflow_src.common.tables import read_split
from workflow_src.common.unpickling import read_plain_pickle
from workflow_src.running.steps import run_step, step_parser
from workflow_src.settings.trials import SCENARIOS
from workflow_src.trials.published_layout import (
    TRIAL_FILE,
    check_lists,
    find_enrolment_list,
    tabulate_enrolments,
    tabulate_trials,
)


def main(argv: list[str] | None = None) -> None:
    """Run the step."""
    parser = step_parser(__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the scenarios' folders")
    parser.add_argument("--scenario", required=True, choices=SCENARIOS)
    parser.add_argument(
        "--manifest", type=Path, required=True, help="table of utterances (parquet)"
    )
    parser.add_argument("--split", type=Path, required=True, help="table of speaker and part (CSV)")
    parser.add_argument(
        "--rejected", type=Path, help="table of utterances without an embedding (CSV)"
    )
    parser.add_argument("--out", type=Path, required=True, help="trials (parquet)")
    parser.add_argument("--enrolment", type=Path, required=True, help="enrolments (parquet)")
    args = parser.parse_args(argv)

    folder = args.root / args.scenario
    trials = tabulate_trials(
        read_plain_pickle(folder / TRIAL_FILE), args.scenario, folder / TRIAL_FILE
    )
    path = find_enrolment_list(folder)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"{path}: cannot be read ({reason})") from error
    enrolment = tabulate_enrolments(lines, args.scenario, path)
    rejected: list[str] = []
    if args.rejected:
        rejected = read_csv(args.rejected, ["utterance"], text=["utterance"])["utterance"].tolist()
    check_lists(
        trials=trials,
        enrolment=enrolment,
        manifest=read_parquet(args.manifest, ["utterance"])["utterance"],
        split=read_split(args.split),
        rejected=rejected,
        source=folder,
    )
    write_parquet(enrolment, args.enrolment)
    write_parquet(trials, args.out)
    print(
        f"{args.scenario}: {enrolment['speaker'].nunique()} speakers, "
        f"{enrolment['model'].nunique()} models, {len(trials)} trials, "
        f"{int(trials['target'].sum())} of them targets; imported from {folder}"
    )


if __name__ == "__main__":
    run_step(main)
