"""Manifest and split to one tidy table of trials a scenario, and its enrolments."""
