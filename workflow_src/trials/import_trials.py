"""Import the trials of one scenario from lists that were made elsewhere.

The lists are read in one of three forms: as the paper's authors published theirs, as tables of
trials and enrolments, or as pairs (docs/importing.md). They are checked against the corpus. What
does not fit is refused, or left out and counted. A pickle that names anything but defaultdict, list
and dict is refused, and nothing in it runs. Of the scenario only those traits count that give the
published lists their form: a random walk, all or one utterance of a day.
"""

from dataclasses import dataclass

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.passed_over import noted_in
from workflow_src.common.tables import read_split, require_dates
from workflow_src.running.arguments import Input
from workflow_src.settings.imported_trials import ImportedTrials
from workflow_src.trials.arguments import (
    ListArguments,
    note_speakers_without_trials,
    read_rejected,
)
from workflow_src.trials.lists import Lists, read_lists
from workflow_src.trials.orders import shuffle_days
from workflow_src.trials.tabulating import Utterances, tabulate_lists


@dataclass(frozen=True, kw_only=True)
class Arguments(ListArguments):
    """The step's arguments."""

    trial_list: Input
    """The scenario's list of trials."""
    enrolment_list: Input | None = None
    """The scenario's list of enrolments; lists of pairs need none."""
    settings: ImportedTrials = ImportedTrials()
    """The form of the lists, and what is left out; its `root` is ignored."""


def run(args: Arguments) -> None:
    """Read, check and write the tables of a scenario."""
    if args.order == "independent":
        raise InputError(
            "order: is 'independent', but lists do not tell which other trials a day could have; "
            "allowed: published, shuffled"
        )
    settings = args.settings
    lists = Lists(args.trial_list, args.enrolment_list)
    listed, enrolled = read_lists(lists, settings.form, args.scenario)
    manifest = read_parquet(args.manifest, ["utterance", "speaker", "date"])
    split = read_split(args.split)
    pairs = settings.form == "pairs"
    with noted_in(args.passed_over, "trials"):
        trials, enrolment = tabulate_lists(
            listed,
            enrolled,
            Utterances(manifest, read_rejected(args.rejected)),
            split,
            scenario=args.scenario.id,
            leave_out=settings.missing == "leave-out",
            apart=pairs and not settings.sequences,
            spare=pairs,
        )
        if args.order == "shuffled":
            require_dates(trials["day"], f"{args.trial_list}: the order shuffled")
            trials = shuffle_days(trials, args.scenario.id, args.seed)
        note_speakers_without_trials("test", split, enrolment, args.list_id)
        write_parquet(enrolment, args.enrolment)
        write_parquet(trials, args.trials)
    print(
        f"{args.list_id}: {enrolment['speaker'].nunique()} speakers, "
        f"{enrolment['model'].nunique()} models, {len(trials)} trials, "
        f"{int(trials['target'].sum())} of them targets; imported from {args.trial_list}"
    )
