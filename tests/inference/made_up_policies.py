"""Made-up policies in the layout of the released ones."""

import collections

import numpy as np
import torch

SHARED = {"linear1": (256, None), "linear2": (128, 256)}
HEADS = {
    "mh_final": {
        "action_heads.0.distribution.linear": (2, 128),
        "action_heads.1.distribution.fc_mean": (1, 129),
    },
    "mh_pretrain": {"linear3": (2, 128), "linear4": (1, 129)},
    "adw_final": {"linear_determine": (2, 128), "mu": (1, 128), "sigma": (1, 128)},
}


def made_up_state_dict(file, dimension, seed=1):
    """A state dict in the released layout; its decisions are mixed and its weights spread."""
    rng = np.random.default_rng(seed)
    part = collections.OrderedDict()
    for name, (rows, columns) in (SHARED | HEADS[file]).items():
        columns = columns or 2 * dimension
        weight = rng.normal(size=(rows, columns)) * np.sqrt(2 / columns)
        if file == "adw_final" and name == "linear1":
            weight *= dimension**0.5  # its inputs are of unit length
        bias = 0.1 * rng.normal(size=rows)
        if name in {"action_heads.1.distribution.fc_mean", "linear4"}:
            weight, bias = weight * 0.05, bias * 0.5 + 0.1
        if name == "mu":
            weight, bias = weight * 0.4, bias - 1.0
        part[f"{name}.weight"], part[f"{name}.bias"] = (
            torch.tensor(values, dtype=torch.float32) for values in (weight, bias)
        )
    if file == "mh_final":
        part["action_heads.1.distribution.logstd._bias"] = torch.full((1, 1), -1.6)
    if file == "mh_pretrain":
        return {"model": part}
    return {"pi": part, "v": collections.OrderedDict({"linear1.bias": torch.zeros(256)})}
