"""The commands, and the options and output that they share."""
