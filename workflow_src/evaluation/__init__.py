"""Scores to error measures: EER, minDCF, DET."""
