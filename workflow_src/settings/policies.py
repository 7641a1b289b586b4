"""The old place of the settings of pretraining and finetuning, and lists of the methods."""

from workflow_src.settings.catalogue import METHODS
from workflow_src.settings.finetuning import Episode, Finetuning, Ppo
from workflow_src.settings.policy_paths import PolicyPaths
from workflow_src.settings.pretraining import Pretraining

__all__ = ["Episode", "Finetuning", "Ppo", "Pretraining"]
PPO_METHODS = [method.id for method in METHODS if method.origin == "ppo"]
SCALAR_METHODS = [
    method.id for method in METHODS if method.origin == "ppo" and method.sees == "scalars"
]
MARGIN_METHODS = [method.id for method in METHODS if method.reward == "margin"]
TRAINED_METHODS = sorted(field.alias for field in PolicyPaths.model_fields.values())
