"""Bring a policy that was trained elsewhere into the workflow's own format.

Reads a state dict as the paper's authors released them (.pkl, .pt, .pth) or a folder with
policy.safetensors and policy.json, and writes those two to --out-dir. No pickle is executed: a file
that asks for anything but tensors and plain containers is refused.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import torch

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json
from workflow_src.common.tables import read_embeddings
from workflow_src.methods.networks import PolicyNetwork, from_published, network_dimension
from workflow_src.methods.storage import DESCRIPTION, read_policy, write_policy
from workflow_src.running.steps import run_step, step_parser
from workflow_src.settings.policies import TRAINED_METHODS
from workflow_src.settings.policy_paths import policy_files


def read_state_dict(path: Path) -> Any:
    """Read what ``torch.save`` wrote, if it is made of tensors and plain containers.

    Raises
    ------
    InputError
        The file is missing, damaged, or asks for more; none of it has been executed then.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on what is about to be refused
            return torch.load(path, map_location="cpu", weights_only=True)
    # Damaged files end in a dozen kinds of errors, hostile ones in more.
    except Exception as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = f"it asks for {found[1]}" if found else "damaged, or of another kind"
        raise InputError(
            f"{path}: refused, not a torch file of tensors alone ({reason})"
        ) from error


def read_given_policy(source: Path, method: str) -> tuple[PolicyNetwork, dict[str, Any]]:
    """Read a policy of either form.

    Parameters
    ----------
    source
        A state dict or a folder.
    method
        ``multi-head`` or ``adaptive-weight``, which it must be of.

    Returns
    -------
    PolicyNetwork
        For raw states.
    dict
        For ``policy.json``: the sha256 of each file, and what a folder's own ``policy.json`` says.

    Raises
    ------
    InputError
        A file is missing or damaged, is no policy of the method, or is refused.
    """
    files = [Path(file) for file in policy_files(str(source))]
    if len(files) == 1:
        network = from_published(read_state_dict(source), method, str(source))
        origin = None
    else:
        network = read_policy(source)
        if network.method != method:
            raise InputError(f"{source}: a policy of {network.method}; needed is one of {method}")
        origin = read_json(source / DESCRIPTION)
    digests = {file.name: digest_file(file) for file in files}
    return network, {"training": "given", "source": digests, "origin": origin}


def main(argv: list[str] | None = None) -> None:
    """Read, check and write one policy."""
    parser = step_parser(__doc__)
    parser.add_argument("--source", type=Path, required=True, help="the file or folder")
    parser.add_argument("--method", choices=TRAINED_METHODS, required=True)
    parser.add_argument(
        "--embeddings", type=Path, help="embeddings.npy, whose dimension the policy must have"
    )
    parser.add_argument("--out-dir", type=Path, required=True, help="the policy's folder")
    args = parser.parse_args(argv)
    network, description = read_given_policy(args.source, args.method)
    own = network_dimension(network.state_dict())
    if args.embeddings is not None:
        dimension = read_embeddings(args.embeddings, mmap=True).shape[1]
        if own != dimension:
            raise InputError(
                f"{args.source}: the policy is for embeddings of {own} dimensions; those in "
                f"{args.embeddings} have {dimension}"
            )
    write_policy(args.out_dir, network, description)
    print(f"{args.source}: {args.method}, for embeddings of {own} dimensions")


if __name__ == "__main__":
    run_step(main)
