"""Export the trials of scenarios in the published layout.

The step writes a trial.pkl and an enroll_model for each scenario, for programs that read the lists
as the paper's authors published them. import_trials turns them back into the same tables.
"""

import pickle
from dataclasses import dataclass

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_text, written_whole
from workflow_src.common.tables import ENROLMENT_COLUMNS, TRIAL_COLUMNS
from workflow_src.running.arguments import Inputs, Outputs
from workflow_src.settings.generation import Scenario
from workflow_src.trials.published_layout import list_enrolments, nest_trials

# The protocol of the published files; any Python 3 reads it.
PICKLE_PROTOCOL = 3


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments; every list has one entry per scenario, in the order of `scenarios`."""

    scenarios: list[Scenario]
    """The scenarios' rows."""
    trials: Inputs
    """Tables of trials, parquet."""
    enrolments: Inputs
    """Tables of enrolments, parquet."""
    trial_lists: Outputs
    """Each scenario's trial.pkl."""
    enrolment_lists: Outputs
    """Each scenario's enroll_model."""


def run(args: Arguments) -> None:
    """Read the tables of each scenario and write its lists."""
    files = (args.trials, args.enrolments, args.trial_lists, args.enrolment_lists)
    if any(len(paths) != len(args.scenarios) for paths in files):
        raise InputError(
            f"trials, enrolments, trial-lists, enrolment-lists: there are "
            f"{', '.join(str(len(paths)) for paths in files)} files for {len(args.scenarios)} "
            "scenarios; each needs one of each scenario"
        )
    for scenario, trials_path, enrolment_path, trial_list, enrolment_list in zip(
        args.scenarios, *files, strict=True
    ):
        trials = read_parquet(trials_path, TRIAL_COLUMNS)
        enrolment = read_parquet(enrolment_path, ENROLMENT_COLUMNS)
        nested = nest_trials(trials, scenario)
        lines = list_enrolments(enrolment, scenario, trials["round"].nunique())
        with written_whole(trial_list) as part:
            part.write_bytes(pickle.dumps(nested, protocol=PICKLE_PROTOCOL))
        write_text("".join(f"{line}\n" for line in lines), enrolment_list)
        print(f"{scenario.id}: {enrolment['model'].nunique()} models, {len(trials)} trials")
