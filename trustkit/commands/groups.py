"""Groups of commands that tell the nearest name of one that does not exist."""

from __future__ import annotations

import click

from trustkit.errors import ConfigError, Problem, nearest


class Group(click.Group):
    """A group whose unknown commands are problems as any other."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, or raise `ConfigError` with the nearest one."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            raise ConfigError([Problem(cmd_name, "no such command", nearest(cmd_name, self.commands))])
        return found
