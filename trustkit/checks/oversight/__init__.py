"""Checks of oversight: whether people can review, overrule and stop the system."""
