"""The ``clu`` command, one module a subcommand."""

from __future__ import annotations

import importlib

import click

from clu._version import __version__

__all__ = ["main"]

#: The subcommands: each is the object ``command`` of a module that is imported when needed.
SUBCOMMANDS = {
    "demo": "clu.cli.demo",
    "info": "clu.cli.info",
    "websocket": "clu.cli.websocket",
}


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands."""
        return sorted({*SUBCOMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, or None if there is none of the name."""
        if cmd_name not in SUBCOMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(SUBCOMMANDS[cmd_name]).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clu", message="%(prog)s %(version)s")
def main() -> None:
    """Actors that accept commands and stream keywords."""
