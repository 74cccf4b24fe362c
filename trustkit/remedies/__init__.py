"""Remedies: what would pass, tried and audited again, and what it costs whom."""
