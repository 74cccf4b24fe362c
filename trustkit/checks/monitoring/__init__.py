"""Checks of monitoring: whether the system is watched in use, and is still the one that was audited."""
