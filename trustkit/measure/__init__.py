"""Rates, confidence limits, metrics and the error budget: the formulas, and nothing else."""
