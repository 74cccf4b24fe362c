"""Hooks: what brings decisions to a monitor, and what carries its figures, alarms and events elsewhere."""
