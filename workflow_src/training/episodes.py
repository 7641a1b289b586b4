"""Drawing episodes of the training environment: the enrolled speaker and the trials.

The trials do not depend on the policy's actions, so many whole episodes are drawn at once. Both
environments replay such episodes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from workflow_src.common.errors import InputError
from workflow_src.settings.finetuning import Episode
from workflow_src.training.population import Population


@dataclass(frozen=True)
class Episodes:
    """n drawn episodes of L = max_steps + 1 trials.

    Attributes
    ----------
    speakers
        int64 [n]: the enrolled speakers.
    templates
        float32 [n, D]: the template at enrolment, the raw mean of one day's embeddings.
    offers
        int64 [n, L]: the utterance of each trial, a row of `Population.embeddings`. Step i (from
        0) acts on trial i and offers trial i + 1.
    targets
        bool [n, L]: whether the trial is a target.
    days
        float32 [n, L]: days since enrolment of each trial. A non-target has the day of the next
        target, so the days up to a trial do not tell its label.
    lengths
        int64 [n]: the number of steps until one target is left and the episode ends; L if the
        time limit comes first.
    """

    speakers: Tensor
    templates: Tensor
    offers: Tensor
    targets: Tensor
    days: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.speakers)

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class EpisodeSampler:
    """Draws episodes from a population, on the population's device.

    Attributes
    ----------
    left_out : list of str
        The speakers without episodes, who have too few utterances or one day.

    Raises
    ------
    InputError
        No speaker has enough utterances and a later day, or there is no other speaker.
    """

    def __init__(self, population: Population, settings: Episode) -> None:
        self.population = population
        self.settings = settings
        days = population.speaker_days.diff()
        enough = (population.utterances > settings.min_utterances) & (days > 1)
        if not enough.any() or len(population.names) < 2:
            raise InputError(
                "finetuning.episode: no training speaker has more than min_utterances, which is "
                f"{settings.min_utterances}, on two days or more, and another to test against; "
                f"speakers: {len(population.names)}, most utterances of one: "
                f"{int(population.utterances.max())}, most days: {int(days.max())}; "
                "lower min_utterances or min_seconds"
            )
        self._qualified = enough.nonzero().squeeze(1)
        self.left_out = [population.names[i] for i in (~enough).nonzero().flatten().tolist()]
        self._widest = int(population.utterances[self._qualified].max())
        self._most_days = int(days[self._qualified].max())
        self._a_day = torch.tensor(settings.targets_a_day, device=population.embeddings.device)

    @property
    def speakers(self) -> int:
        """The number of speakers with episodes."""
        return len(self._qualified)

    def draw(self, n: int, generator: torch.Generator) -> Episodes:
        """Draw `n` episodes (docs/method.md, "Training").

        The speaker is uniform. The enrolment utterances are all utterances of one day, out of the
        first ``enrolment_share`` of the speaker's days. Each later day is kept with
        ``day_probability``. It gives 3, 5 or 10 (drawn for the episode) random utterances, or all
        that it has, in corpus order. Each trial is with ``target_share`` the next target, else a
        non-target: a uniform other speaker, then a uniform day, then a uniform utterance. So the
        label of a trial is a coin flip, whatever came before and on whatever day it takes place.
        """
        population, settings = self.population, self.settings
        device = population.embeddings.device

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator, device=device)

        def choose(count: Tensor, *shape: int) -> Tensor:
            """Draw uniformly from 0 .. count - 1. The product can round up to count."""
            return torch.minimum((uniform(*shape) * count).long(), count - 1)

        speakers = self._qualified[choose(torch.tensor(self.speakers, device=device), n)]
        first_day = population.speaker_days[speakers]
        days = population.speaker_days[speakers + 1] - first_day
        early = (days * settings.enrolment_share).long().clamp(min=1)
        early = torch.minimum(early, days - 1)
        enrolment_day = choose(early, n)

        # The columns are the speaker's utterances in corpus order. The utterances of a day get a
        # random order, and the first few of each kept day are taken.
        start = population.speaker_starts[speakers]
        end = population.speaker_starts[speakers + 1]
        column = start[:, None] + torch.arange(self._widest, device=device)
        valid = column < end[:, None]
        column = torch.minimum(column, end[:, None] - 1)
        day = population.day_of[column]
        day_in_speaker = day - first_day[:, None]
        kept = uniform(n, self._most_days) < settings.day_probability
        kept = kept.gather(1, day_in_speaker) & valid & (day_in_speaker > enrolment_day[:, None])
        shuffled = (day_in_speaker + uniform(n, self._widest)).where(valid, torch.inf).argsort(1)
        # Sorting by day + random key keeps the place of each day. So the rank of a column within
        # its day is its distance from the start of the day.
        rank = column - population.day_starts[day]
        a_day = self._a_day[choose(torch.tensor(len(self._a_day), device=device), n)]
        taken = kept & (rank < a_day[:, None])
        taken = torch.zeros_like(taken).scatter(1, shuffled, taken)

        length = settings.max_steps + 1
        place = (taken.cumsum(1) - 1).where(taken, length).clamp(max=length)
        queue = torch.zeros(n, length + 1, dtype=torch.int64, device=device)
        queue = queue.scatter(1, place, column)
        queued = taken.sum(1, keepdim=True)

        coins = uniform(n, length) < settings.target_share
        offered = coins.cumsum(1)
        targets = coins & (offered <= queued)
        left = queued - offered
        ends = 1 + (left[:, 1:] > 1).sum(1)

        # Non-targets: first the speaker, then the day, then the utterance.
        others = len(population.names) - 1
        shift = 1 + choose(torch.tensor(others, device=device), n, length)
        other = (speakers[:, None] + shift) % len(population.names)
        other_first = population.speaker_days[other]
        other_days = population.speaker_days[other + 1] - other_first
        other_day = other_first + choose(other_days, n, length)
        first = population.day_starts[other_day]
        nontarget = first + choose(population.day_starts[other_day + 1] - first, n, length)

        enrolled = first_day + enrolment_day
        # Of a target this is its own place in the queue; of a non-target that of the next target.
        place = torch.minimum(offered - coins.long(), queued - 1).clamp(min=0)
        upcoming = queue.gather(1, place)
        since = population.day_dates[population.day_of[upcoming]]
        since = since - population.day_dates[enrolled][:, None]
        return Episodes(
            speakers=speakers,
            templates=population.day_means[enrolled],
            offers=upcoming.where(targets, nontarget),
            targets=targets,
            # Without a target, there is no day.
            days=since.where(queued > 0, 0).float(),
            lengths=ends,
        )
