"""The record of a run, which says how its results came about."""
