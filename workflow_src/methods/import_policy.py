"""Convert a policy from elsewhere into the workflow's own format.

The step reads a state dict that the paper's authors released (.pkl, .pt, .pth), or a folder with
policy.safetensors and policy.json. It writes policy.safetensors and policy.json to --out-dir. It
executes no pickle: it refuses a file with anything other than tensors and plain containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.tables import read_embeddings
from workflow_src.methods.entries import load_entry
from workflow_src.methods.networks import PolicyNetwork, network_dimension
from workflow_src.methods.policy_rule import PolicyRule
from workflow_src.methods.published import from_published
from workflow_src.methods.state_dicts import read_state_dict
from workflow_src.methods.storage import DESCRIPTION, read_policy, restoring, write_policy
from workflow_src.running.arguments import Input
from workflow_src.settings.policy_paths import policy_files


def read_given_policy(
    source: Path, method: str, rule: type[PolicyRule]
) -> tuple[PolicyNetwork, dict[str, Any]]:
    """Read a policy from a state dict or a folder.

    Return the network, which takes raw states, and the entries for ``policy.json``: the sha256 of
    each file, and the content of the folder's own ``policy.json``.

    Raises
    ------
    InputError
        A file is missing or damaged, is no policy of the method, or is refused.
    """
    files = [Path(file) for file in policy_files(str(source))]
    if len(files) == 1:
        network = from_published(read_state_dict(source), rule, str(source))
        origin = None
    else:
        tensors, origin = read_policy(source)
        if origin["method"] != method:
            raise InputError(
                f"{source / DESCRIPTION}: method is {origin['method']!r}; needed is {method!r}"
            )
        with restoring(source, rule):
            network = rule.restore_network(tensors, origin)
    digests = {file.name: digest_file(file) for file in files}
    return network, {"training": "given", "source": digests, "origin": origin}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    source: Path
    """The file or folder."""
    method: str
    """The method that the policy must belong to."""
    entry: str
    """The class of the method's update rule, module:Class."""
    embeddings: Input | None = None
    """The embeddings, .npy. The policy must have their dimension."""
    out_dir: Path
    """The policy's folder."""


def run(args: Arguments) -> None:
    """Read, check and write one policy."""
    rule = load_entry(args.entry)
    if not issubclass(rule, PolicyRule):
        raise InputError(f"{args.entry}: is no rule of a trained policy")
    network, description = read_given_policy(args.source, args.method, rule)
    own = network_dimension(network.state_dict())
    if args.embeddings is not None:
        dimension = read_embeddings(args.embeddings, mmap=True).shape[1]
        if own != dimension:
            raise InputError(
                f"{args.source}: the policy is for embeddings of {own} dimensions; those in "
                f"{args.embeddings} have {dimension}"
            )
    described = {"method": args.method, **network.describe(), **description}
    write_policy(args.out_dir, network.state_dict(), described)
    print(f"{args.source}: {args.method}, for embeddings of {own} dimensions")
