"""Learned update rules: networks, environment, pretraining, PPO, checkpoints."""
