"""The ``clu`` command: one module or package per subcommand, and shared code in ``common``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click
from click_default_group import DefaultGroup

from clu._version import __version__
from clu.cli.common.options import complete_site

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["main"]

#: The subcommands: each is the object ``command`` of a module, which is imported when needed.
SUBCOMMANDS = {
    "completion": "clu.cli.completion",
    "demo": "clu.cli.demo.command",
    "describe": "clu.cli.describe",
    "hz": "clu.cli.hz",
    "info": "clu.cli.info",
    "list": "clu.cli.list",
    "new": "clu.cli.new.command",
    "ping": "clu.cli.ping",
    "run": "clu.cli.run.command",
    "send": "clu.cli.send",
    "shell": "clu.cli.shell.command",
    "site": "clu.cli.site",
    "stubs": "clu.cli.stubs.command",
    "talk": "clu.cli.talk.command",
    "wait": "clu.cli.wait",
    "watch": "clu.cli.watch.command",
    "websocket": "clu.cli.websocket",
}
#: The subcommand that runs if none is given, and its name in sdss-clu.
DEFAULT = "shell"
DEFAULT_ALIAS = "cli"


class LazyGroup(DefaultGroup):  # type: ignore[misc]
    """A group that imports subcommands when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands."""
        return sorted({*SUBCOMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, or None if it does not exist."""
        name = DEFAULT if cmd_name == DEFAULT_ALIAS else cmd_name
        if name not in SUBCOMMANDS:
            return click.Group.get_command(self, ctx, name)
        command: click.Command = importlib.import_module(SUBCOMMANDS[name]).command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the subcommands, without importing each for its help."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name) for name in self.list_commands(ctx) if name.startswith(incomplete)
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Run the shell unless the first argument is a subcommand or an option of this group.

        The options of the shell must not be parsed here: the ``h`` in ``-Hlocalhost`` is not
        ``-h``.
        """
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        head, rest = _split_site(args)
        if ctx.resilient_parsing and not rest:  # a subcommand is being typed
            return click.Group.parse_args(self, ctx, head)
        if not rest or not (rest[0] in own or self.get_command(ctx, rest[0])):
            rest = [DEFAULT, *rest]
        return click.Group.parse_args(self, ctx, [*head, *rest])


def _split_site(args: list[str]) -> tuple[list[str], list[str]]:
    """Split off the option ``--site`` at the beginning."""
    if args and args[0].startswith("--site="):
        return args[:1], args[1:]
    return (args[:2], args[2:]) if args and args[0] == "--site" else ([], args)


@click.group(
    cls=LazyGroup, default=DEFAULT, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="clu", message="%(prog)s %(version)s")
@click.option(
    "--site",
    metavar="SITE",
    shell_complete=complete_site,
    help="The site to work with: see clu site --help.",
)
def main(site: str | None) -> None:
    """Actors that accept commands and stream keywords.

    Without a subcommand, clu [OPTIONS] [ACTORS]... runs the shell: see clu shell --help.
    """
