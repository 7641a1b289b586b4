"""Import the trials of one scenario from the published layout, in their order or shuffled.

The step reads trial.pkl and enroll_model (or enrol_model), and checks them against the corpus.
Lists that do not fit are refused, not trimmed. A pickle that names anything but defaultdict, list
and dict is refused, and nothing in it runs. Only those traits of the scenario count that give the
lists their form: a random walk, all or one utterance of a day.
"""

from dataclasses import dataclass

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, read_text, write_parquet
from workflow_src.common.passed_over import noted_in
from workflow_src.common.tables import read_split
from workflow_src.common.unpickling import read_plain_pickle
from workflow_src.running.arguments import Input
from workflow_src.trials.arguments import (
    ListArguments,
    note_speakers_without_trials,
    read_rejected,
)
from workflow_src.trials.orders import shuffle_days
from workflow_src.trials.published_layout import (
    check_lists,
    tabulate_enrolments,
    tabulate_trials,
)


@dataclass(frozen=True, kw_only=True)
class Arguments(ListArguments):
    """The step's arguments."""

    trial_list: Input
    """The scenario's trial.pkl."""
    enrolment_list: Input
    """The scenario's enroll_model."""


def run(args: Arguments) -> None:
    """Read, check and write the tables of a scenario."""
    if args.order == "independent":
        raise InputError(
            "order: is 'independent', but lists do not tell which other trials a day could have; "
            "allowed: published, shuffled"
        )
    corpus = read_parquet(args.manifest, ["utterance", "speaker", "date"])
    trials = tabulate_trials(
        read_plain_pickle(args.trial_list), args.scenario, corpus, args.trial_list
    )
    lines = read_text(args.enrolment_list).splitlines()
    enrolment = tabulate_enrolments(lines, args.scenario, corpus, args.enrolment_list)
    folder = args.trial_list.parent
    split = read_split(args.split)
    check_lists(
        trials=trials,
        enrolment=enrolment,
        corpus=corpus,
        split=split,
        rejected=read_rejected(args.rejected),
        source=folder,
    )
    if args.order == "shuffled":
        trials = shuffle_days(trials, args.scenario.id, args.seed)
    with noted_in(args.passed_over, "trials"):
        note_speakers_without_trials(split, enrolment, args.list_id)
        write_parquet(enrolment, args.enrolment)
        write_parquet(trials, args.trials)
    print(
        f"{args.list_id}: {enrolment['speaker'].nunique()} speakers, "
        f"{enrolment['model'].nunique()} models, {len(trials)} trials, "
        f"{int(trials['target'].sum())} of them targets; imported from {folder}"
    )
