"""Trials to scores, by an update rule."""
