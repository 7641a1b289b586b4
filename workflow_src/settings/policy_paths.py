"""Paths of policies that the user gives."""

from pathlib import Path

from pydantic import Field

from workflow_src.settings.base import Block, GivenPath

PolicyPath = GivenPath | None
POLICY_PATH = (
    "a released state dict (.pkl, .pt, .pth), a folder with policy.safetensors and policy.json, "
    "or null"
)
# Files of torch.save. Any other path of a policy is a folder of this workflow.
STATE_DICT_ENDINGS = {".pkl", ".pt", ".pth"}


def policy_files(path: str) -> list[str]:
    """List the files of a policy: one state dict, or the two files of a folder."""
    if Path(path).suffix in STATE_DICT_ENDINGS:
        return [path]
    return [str(Path(path) / name) for name in ("policy.safetensors", "policy.json")]


class PolicyPaths(Block):
    """The path of a policy for each trained method, or None."""

    multi_head: PolicyPath = Field(None, alias="multi-head", description=POLICY_PATH)
    adaptive_weight: PolicyPath = Field(None, alias="adaptive-weight", description=POLICY_PATH)

    def given(self) -> dict[str, str]:
        """Return method -> path for the policies that are given."""
        paths = self.model_dump()
        return {method: paths[method] for method in sorted(paths) if paths[method] is not None}
