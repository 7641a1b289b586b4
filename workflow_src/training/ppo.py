"""The formulas of proximal policy optimisation."""

from __future__ import annotations

import torch
from torch import Tensor


def generalised_advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    done: Tensor,
    discount: float,
    gae_lambda: float,
) -> Tensor:
    """Return generalised advantage estimates, float32 [T, E] (Schulman et al. 2016, eq. 16).

    Parameters
    ----------
    rewards, values
        float32 [T, E]: rewards and V(s_t).
    next_values
        float32 [T, E]: V of the next state *in the same episode*: V of the final state if the time
        limit truncated the episode, 0 if it terminated.
    done
        bool [T, E]: whether the episode ended in either way. Nothing flows back over that border.
    discount, gae_lambda
        gamma and lambda.
    """
    deltas = rewards + discount * next_values - values
    carry = discount * gae_lambda * (~done).to(rewards.dtype)
    advantages = torch.empty_like(deltas)
    following = torch.zeros_like(deltas[0])
    for t in reversed(range(len(deltas))):
        following = deltas[t] + carry[t] * following
        advantages[t] = following
    return advantages


def clipped_policy_loss(ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """Return the clipped surrogate loss, a scalar (Schulman et al. 2017, eq. 7, negated)."""
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages).mean()


def explained_variance(predicted: Tensor, observed: Tensor) -> Tensor:
    """Return 1 - Var(observed - predicted) / Var(observed); 0 if nothing varies."""
    variance = observed.var(unbiased=False)
    share = 1 - (observed - predicted).var(unbiased=False) / variance.clamp(min=1e-12)
    return share.where(variance > 1e-12, 0.0)
