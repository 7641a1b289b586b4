"""The attackers of an attack on templates: who they are, and what they play.

All but the last speak with their own voice:

- ``random``: somebody else at each attempt.
- ``same``: one other speaker at all attempts.
- ``nearest``: the speaker whose mean voice is nearest to the victim's enrolment.
- ``gradual``: that speaker, with the recordings that move the template best.
- ``replay``: whoever plays the victim's last accepted test again.

Lovisotto, Eberz and Martinovic (Biometric Backdoors, EuroS&P 2020) attack templates of faces step
by step, as ``gradual`` does; there, most victims fall within ten attempts.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workflow_src.attacks.simulation import Attacker, adapt, play, replay
from workflow_src.common.seeds import generator

# Speakers whose recordings are averaged at a time.
SPEAKERS_AT_ONCE = 1 << 10


def draw_recordings(
    rows: np.ndarray, speakers: np.ndarray, names: np.ndarray, most: int, seed: int
) -> np.ndarray:
    """Draw the recordings that each speaker has as an attacker.

    Parameters
    ----------
    rows, speakers
        int64 [T]: embedding rows of tests, and who speaks, a place in `names`.
    names
        str [S]: all speakers.
    most
        The most recordings of a speaker.
    seed
        The config's seed.

    Returns
    -------
    ndarray
        int64 [S, most]: rows; those of a speaker who has fewer are repeated.
    """
    drawn = np.empty((len(names), most), dtype=np.int64)
    for place, name in enumerate(names):
        own = np.unique(rows[speakers == place])
        order = generator(seed, "attacks", "recordings", str(name)).permutation(len(own))
        drawn[place] = np.resize(own[order[:most]], most)
    return drawn


def mean_voices(recordings: np.ndarray, embeddings: Tensor) -> Tensor:
    """Return the mean voice of each speaker's recordings, float32 [S, D], of unit length.

    `recordings` is int64 [S, M], `embeddings` float32 [N, D].
    """
    unit = torch.nn.functional.normalize
    # All recordings of many speakers would not fit into memory.
    parts = torch.from_numpy(recordings).split(SPEAKERS_AT_ONCE)
    means = [unit(embeddings[part], dim=2).mean(dim=1) for part in parts]
    return unit(torch.cat(means), dim=1)


def list_attackers(
    templates: Tensor,
    victims: np.ndarray,
    recordings: np.ndarray,
    voices: Tensor,
    attempts: int,
    seed: int,
    part: int,
) -> dict[str, Attacker]:
    """Return the attackers of V templates: name -> attacker.

    Parameters
    ----------
    templates
        float32 [V, D]: enrolment templates.
    victims
        int64 [V]: their speakers, 0..S-1.
    recordings
        int64 [S, M], of `draw_recordings`.
    voices
        float32 [S, D], of `mean_voices`.
    attempts
        The most attempts on a template.
    seed
        The config's seed.
    part
        The number of these templates among those of a trial list; each has its own draws.
    """
    count, most = recordings.shape
    near = torch.nn.functional.normalize(templates, dim=1) @ voices.T
    near[torch.arange(len(victims)), torch.from_numpy(victims)] = -torch.inf
    nearest = near.argmax(dim=1).numpy()
    shape = (len(victims), attempts)

    def others(name: str, draws: int) -> np.ndarray:
        away = generator(seed, "attacks", name, part).integers(1, count, (len(victims), draws))
        return (victims[:, None] + away) % count

    chosen = generator(seed, "attacks", "attempts", part).integers(0, most, shape)
    return {
        "random": play(recordings[others("random", attempts), chosen]),
        "same": play(recordings[others("same", 1), chosen]),
        "nearest": play(recordings[nearest[:, None], chosen]),
        "gradual": adapt(recordings[nearest], voices[torch.from_numpy(nearest)]),
        "replay": replay,
    }
