"""Checks of security: whether what runs is what was made, and holds against attack."""
