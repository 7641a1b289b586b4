"""The initial policy of training."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import nn

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json
from workflow_src.methods.networks import PolicyNetwork, network_dimension
from workflow_src.methods.policy_rule import PolicyRule
from workflow_src.methods.storage import DESCRIPTION, read_policy, restoring


def read_initial(folder: Path, rule: type[PolicyRule], dimension: int) -> PolicyNetwork:
    """Read the network of a policy folder for a rule and embeddings of dimension D.

    Raises
    ------
    InputError
        A file is missing or broken, or the policy has another class or another D.
    """
    tensors, about = read_policy(folder)
    with restoring(folder, rule):
        network = rule.restore_network(tensors, about)
    if "dimension" in about and network_dimension(tensors) != dimension:
        raise InputError(
            f"{folder / DESCRIPTION}: the policy is for embeddings of {about['dimension']} "
            f"dimensions; these have {dimension}"
        )
    return network


def describe_initial(folder: Path | None) -> str:
    """Return the entry ``initial`` of ``policy.json``."""
    if folder is None:
        return "random weights"
    given = read_json(folder / DESCRIPTION).get("training") == "given"
    return "given policy" if given else "pretrained policy"


def digest_network(network: nn.Module | None) -> str | None:
    """Return the sha256 of a network's weights, or None without a network."""
    if network is None:
        return None
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
