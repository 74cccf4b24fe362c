"""Run the command as ``python -m trustkit``."""

from trustkit.cli import main

main()
