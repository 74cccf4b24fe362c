"""Checks of inclusion: whether the system serves people alike wherever they are."""
