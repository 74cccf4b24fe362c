"""Checks of bias: do groups fare alike?"""
