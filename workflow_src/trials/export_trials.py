"""Export the trials of all scenarios in the published layout.

Writes <out>/<scenario>/trial.pkl and enroll_model from <trials>/<scenario>.parquet and
<scenario>.enrolment.parquet, for programs that read the lists as the paper's authors published
them. import_trials reads them back to the same tables.
"""

from __future__ import annotations

import pickle
from pathlib import Path

from workflow_src.common.files import write_text, written_whole
from workflow_src.common.tables import read_scenario
from workflow_src.running.steps import run_step, step_parser
from workflow_src.settings.trials import SCENARIOS
from workflow_src.trials.published_layout import (
    ENROLMENT_FILES,
    TRIAL_FILE,
    list_enrolments,
    nest_trials,
)

# The protocol of the published files; any Python 3 reads it.
PICKLE_PROTOCOL = 3


def main(argv: list[str] | None = None) -> None:
    """Run the step."""
    parser = step_parser(__doc__)
    parser.add_argument("--trials", type=Path, required=True, help="folder of the trial tables")
    parser.add_argument("--scenarios", nargs="+", required=True, choices=SCENARIOS)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)

    for scenario in args.scenarios:
        trials, enrolment = read_scenario(args.trials, scenario)
        nested = nest_trials(trials, scenario)
        lines = list_enrolments(enrolment, scenario, trials["round"].nunique())
        folder = args.out / scenario
        with written_whole(folder / TRIAL_FILE) as part:
            part.write_bytes(pickle.dumps(nested, protocol=PICKLE_PROTOCOL))
        write_text("".join(f"{line}\n" for line in lines), folder / ENROLMENT_FILES[0])
        print(f"{scenario}: {enrolment['model'].nunique()} models, {len(trials)} trials")


if __name__ == "__main__":
    run_step(main)
