"""The folder of the house's policies: every .toml in it is one, by the name of its file."""
