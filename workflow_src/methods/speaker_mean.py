"""`speaker-mean`, a limit: the template is the mean of all utterances of the speaker.

They include the tests, so no method can know this template.
"""

from __future__ import annotations

import pandas as pd

from workflow_src.methods.baseline import Baseline


class SpeakerMean(Baseline):
    """Never update. A template is made of all utterances of its speaker."""

    def choose_enrolment(self, enrolment: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
        """Return all utterances of each model's speaker: columns model, speaker, utterance."""
        models = enrolment[["model", "speaker"]].drop_duplicates()
        return models.merge(index[["speaker", "utterance"]], on="speaker")
