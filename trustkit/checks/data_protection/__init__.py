"""Checks of data protection: whether the data are known, rightly held, and no longer than declared."""
