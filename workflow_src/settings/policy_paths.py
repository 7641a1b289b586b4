"""Policies that the user gives: a path a trained method."""

from pathlib import Path

from pydantic import Field

from workflow_src.settings.base import Block, GivenPath

PolicyPath = GivenPath | None
POLICY_PATH = (
    "a released state dict (.pkl, .pt, .pth), a folder with policy.safetensors and policy.json, "
    "or null"
)
# torch.save writes one file. Any other path of a policy is a folder of this workflow.
STATE_DICT_ENDINGS = {".pkl", ".pt", ".pth"}


def policy_files(path: str) -> list[str]:
    """List the files of a policy: one state dict, or the two of a folder."""
    if Path(path).suffix in STATE_DICT_ENDINGS:
        return [path]
    return [str(Path(path) / name) for name in ("policy.safetensors", "policy.json")]


class PolicyPaths(Block):
    """A policy for each trained method, or none."""

    multi_head: PolicyPath = Field(None, alias="multi-head", description=POLICY_PATH)
    adaptive_weight: PolicyPath = Field(None, alias="adaptive-weight", description=POLICY_PATH)

    def given(self) -> dict[str, str]:
        """Return method -> path of those that are given."""
        paths = self.model_dump()
        return {method: paths[method] for method in sorted(paths) if paths[method] is not None}
