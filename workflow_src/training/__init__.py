"""Reinforcement learning: the environment, pretraining and PPO."""
