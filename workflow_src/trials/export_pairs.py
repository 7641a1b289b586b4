"""Export the trials of scenarios as lists of pairs, for programs that score or calibrate pairs.

The step writes a list of pairs and an enrolment map for each scenario. import_trials reads them
back, as single trials or, in scenarios without rounds, as sequences.
"""

from dataclasses import dataclass

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_text
from workflow_src.common.tables import ENROLMENT_COLUMNS, TRIAL_COLUMNS
from workflow_src.running.arguments import Inputs, Outputs
from workflow_src.trials.pair_lists import list_enrolment_map, list_pairs


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments; the lists of files have one entry for each scenario."""

    trials: Inputs
    """Tables of trials, parquet."""
    enrolments: Inputs
    """Tables of enrolments, parquet."""
    pair_lists: Outputs
    """Lists of pairs, text: <model> <utterance> target|nontarget."""
    enrolment_maps: Outputs
    """Enrolment maps, text: <model> <utterance> <utterance> ..."""


def run(args: Arguments) -> None:
    """Read the tables of each scenario and write its lists."""
    files = (args.trials, args.enrolments, args.pair_lists, args.enrolment_maps)
    if len(set(map(len, files))) > 1:
        raise InputError(
            "trials, enrolments, pair-lists, enrolment-maps: there are "
            f"{', '.join(str(len(paths)) for paths in files)} files; each needs one of each "
            "scenario"
        )
    for trials_path, enrolment_path, pair_list, enrolment_map in zip(*files, strict=True):
        trials = read_parquet(trials_path, TRIAL_COLUMNS)
        enrolment = read_parquet(enrolment_path, ENROLMENT_COLUMNS)
        pairs = list_pairs(trials, str(trials_path))
        models = list_enrolment_map(enrolment, str(enrolment_path))
        write_text("".join(f"{line}\n" for line in pairs), pair_list)
        write_text("".join(f"{line}\n" for line in models), enrolment_map)
        print(f"{pair_list}: {len(pairs)} pairs of {len(models)} models")
        if trials["round"].nunique() > 1 and trials["step"].max() > 0:
            print(f"{pair_list}: its sequences have rounds, which a list of pairs does not tell")
