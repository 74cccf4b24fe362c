"""Checks of transparency: whether what is said of the system is there, and true."""
