"""Settings of the import of trial lists."""

from typing import ClassVar, Literal

from pydantic import Field

from workflow_src.settings.base import Block, GivenPath

ListForm = Literal["published", "tables", "pairs"]


class ImportedTrials(Block):
    """Trial lists that were made elsewhere."""

    key: ClassVar[str] = "trials.imported"

    root: GivenPath | None = Field(None, description="folder of the lists")
    form: ListForm = Field(
        "published",
        description="published: <scenario>/trial.pkl and <scenario>/enroll_model (or enrol_model); "
        "tables: <scenario>.parquet and <scenario>.enrolment.parquet, or .csv, as in "
        "results/trials; pairs: <scenario>.txt with a line <enrol> <test> <label> or <label> "
        "<enrol> <test> for each trial, and <scenario>.enrolment.txt with lines <model> "
        "<utterance> <utterance> ... if <enrol> is a model",
    )
    sequences: bool = Field(
        False,
        description="pairs only. false: each trial is scored with the template of the enrolment; "
        "true: the trials of a model are a sequence in the order of the list, along which its "
        "template is updated",
    )
    missing: Literal["refuse", "leave-out"] = Field(
        "refuse",
        description="a listed utterance that is not in the corpus or has no embedding. refuse: the "
        "run stops; leave-out: what is listed of it is left out and counted in passed_over.csv",
    )
