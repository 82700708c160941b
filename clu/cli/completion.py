"""``clu completion``: what makes the shell of the user complete commands, options and actors."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]

_NAME = "clu"
#: The variable with which click is asked for completions of the program of this name.
_VARIABLE = "_CLU_COMPLETE"


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that makes Tab complete in a shell.

    Add the line for your shell to its configuration:

    \b
    bash   eval "$(clu completion bash)"        in ~/.bashrc
    zsh    eval "$(clu completion zsh)"         in ~/.zshrc
    fish   clu completion fish | source         in ~/.config/fish/config.fish

    Subcommands, options, sites, actors and their commands are completed. What actors say is kept
    for a minute in the directory for caches, and then asked again in the background.
    """  # noqa: D301
    found = get_completion_class(shell)
    assert found is not None
    # Its own check of the version of bash runs bash, which this need not wait for.
    complete = found(command, {}, _NAME, _VARIABLE)
    click.echo(complete.source_template % complete.source_vars())
