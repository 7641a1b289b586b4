"""The training of policies: environment, pretraining, PPO."""
