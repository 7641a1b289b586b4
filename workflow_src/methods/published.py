"""Policies in the released form of the paper's authors."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from workflow_src.common.errors import InputError, blamed_on, quoted
from workflow_src.methods.networks import HIDDEN, PolicyNetwork, load_state, network_dimension
from workflow_src.methods.policy_rule import PolicyRule
from workflow_src.methods.state_dicts import is_plain


def from_published(
    state: Mapping[str, Mapping[str, Tensor]],
    rule: type[PolicyRule],
    source: str = "the state dict",
) -> PolicyNetwork:
    """Build a network from a released state dict. Errors name the file `source`.

    Parameters
    ----------
    state
        ``{'pi': ..., 'v': ...}`` of a finetuned policy or ``{'model': ...}`` of a pretrained
        multi-head policy, from ``torch.load(..., weights_only=True)``. Not used are the critic
        ``v``, and ``linear_determine`` and ``sigma`` of an adaptive-weight policy.
    rule
        `MultiHead` or `AdaptiveWeight`.

    Raises
    ------
    InputError
        A part or a tensor is missing, or a tensor has another shape or type.
    """
    if not isinstance(state, Mapping):
        raise InputError(f"{source}: holds a {type(state).__name__}, not the parts of a policy")
    if not rule.published:
        raise InputError(f"{source}: no policies of {rule.__name__} were released; give a folder")
    # The first part that exists. If none does, the error names the last.
    name = next((name for name in rule.published if name in state), [*rule.published][-1])
    part = state.get(name)
    if not isinstance(part, Mapping):
        there = ", ".join(map(quoted, list(state)[:6])) or "nothing"
        raise InputError(
            f"{source}: lacks the part {name!r} of a policy of {rule.__name__}; has {there}"
        )
    released_names = rule.published[name]
    for released in released_names.values():
        if released not in part:
            raise InputError(f"{source}: {name} lacks {released!r} of a policy of {rule.__name__}")
        if not is_plain(part[released]):
            raise InputError(f"{source}: {released} is no plain tensor of floating-point numbers")
    first = part[released_names["trunk.0.weight"]]
    if first.ndim != 2 or first.shape[1] < 2 or first.shape[1] % 2:
        raise InputError(
            f"{source}: linear1.weight has the shape {list(first.shape)}, not [{HIDDEN[0]}, 2 D]"
        )
    tensors = {ours: part[released].float() for ours, released in released_names.items()}
    network = rule.make_network(dimension=network_dimension(tensors))
    tensors.setdefault("log_std", network.log_std.detach())
    if tensors["log_std"].numel() == 1:
        tensors["log_std"] = tensors["log_std"].reshape(1)
    with blamed_on(source):
        load_state(network, tensors, released_names)
    return network
