"""Made-up embeddings that behave like speech: speakers drift, days and utterances differ."""

import datetime

import numpy as np
import pandas as pd

from workflow_src.training.population import group_embeddings


def draw_embeddings(speakers, days, a_day, seed, dimension=128, scale=1.0, tau=22.0, noise=1.0):
    """x = speaker + drift + day + session + utterance x log-normal level; tables with it.

    Spectra fall as exp(-k / tau) between speakers; directions are the same for every seed.
    """
    axes = np.linalg.qr(np.random.default_rng(7).standard_normal((dimension, dimension)))[0]
    rng = np.random.default_rng(seed)

    def draw(tau, *shape):
        spectrum = np.exp(-np.arange(dimension) / tau)
        spectrum /= spectrum.sum()
        return rng.standard_normal((*shape, dimension)) * np.sqrt(spectrum)

    clusters = draw(tau, 12)
    gender = draw(tau, 2)
    who = rng.integers(0, 12, speakers)
    voices = np.sqrt(0.6) * draw(tau, speakers) + np.sqrt(0.4) * clusters[who]
    voices = (voices + 0.56 * gender[np.arange(speakers) % 2]) / np.sqrt(1 + 0.56**2)
    drift = np.zeros((speakers, days, dimension))
    steps = draw(167, speakers, days)
    size = 0.19 * np.exp(0.32 * rng.standard_normal((speakers, 1)))
    drift[:, 0] = steps[:, 0]
    for day in range(1, days):
        drift[:, day] = 0.985 * drift[:, day - 1] + np.sqrt(1 - 0.985**2) * steps[:, day]
    day_offset = 0.41 * draw(167, speakers, days)
    level = np.exp(0.46 * rng.standard_normal((speakers, days, a_day, 1)))
    level *= np.exp(0.44 * rng.standard_normal((speakers, 1, 1, 1)))
    x = (
        voices[:, None, None]
        + 2 * (size[..., None] * drift)[:, :, None]
        + noise * day_offset[:, :, None]
        + noise * 0.51 * level * draw(167, speakers, days, a_day)
    )
    x = scale * (x @ axes.T).astype(np.float32)
    first = datetime.date(2020, 5, 1)
    table = pd.DataFrame(
        {
            "speaker": np.repeat([f"{s:04d}" for s in range(speakers)], days * a_day),
            "date": np.tile(
                np.repeat(
                    [(first + datetime.timedelta(d)).isoformat() for d in range(days)], a_day
                ),
                speakers,
            ),
        }
    )
    return x.reshape(-1, dimension), table


def draw_population(speakers=6, days=12, a_day=6, seed=0, **law):
    x, table = draw_embeddings(speakers, days, a_day, seed, **law)
    return group_embeddings(x, table["speaker"], table["date"])
