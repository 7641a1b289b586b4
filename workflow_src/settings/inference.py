"""Settings of inference: the methods that are scored."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from workflow_src.settings.base import Block, Distinct, GivenPath
from workflow_src.settings.catalogue import ENTRY, GUARDS_BY_ID, LISTED, METHODS, check_listed
from workflow_src.settings.policy_paths import PolicyPaths

NAMES = "|".join(method.id for method in METHODS)
GUARDED_BY = f"[+]({'|'.join(GUARDS_BY_ID)})"
MethodId = Annotated[
    str,
    AfterValidator(check_listed),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": LISTED},
                {"type": "string", "pattern": f"^({NAMES}|{ENTRY})({GUARDED_BY})*$"},
            ]
        }
    ),
]
"""The id of a method, or the entry point of a user's own rule; the ids of guards can follow."""

LIMITS = [method.id for method in METHODS if method.limit]


class Inference(Block):
    """The methods that are scored."""

    methods: Distinct[MethodId] = Field(
        ["baseline", "fixed-weight", "adaptive-weight", "multi-head"],
        description=f"methods that are scored: any of {', '.join(LISTED)}; or rules of your own, "
        f"each as package.module:Class. {' and '.join(LIMITS)} look at the labels and mark what "
        "no method can reach. Guards follow a method's name, as in fixed-weight-tuned+far-test: "
        f"{', '.join(GUARDS_BY_ID)}; the method without guards must be listed, too. The list can "
        "be empty if released policies are given",
    )
    folders: list[GivenPath] = Field(
        [],
        description="folders with the modules of your own rules; installed packages need none",
    )
    released: PolicyPaths = Field(
        default_factory=PolicyPaths,
        description="policies that were trained elsewhere. They are scored as the methods "
        "released-multi-head and released-adaptive-weight, with the floor and the threshold of "
        "methods.multi-head and methods.adaptive-weight",
    )

    @model_validator(mode="after")
    def _check(self) -> Inference:
        if not self.methods and not self.released.given():
            raise ValueError("methods is empty; name at least one, or give a policy under released")
        return self
