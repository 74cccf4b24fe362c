"""Engines: tables larger than memory, counted where they are or read batch by batch."""
