"""Checks of sustainability: what the system is declared to contribute, and at what cost."""
