"""Scores to tables, breakdowns and figures."""
