"""Checks of safety: does the system work, and does it know when it does not?"""
