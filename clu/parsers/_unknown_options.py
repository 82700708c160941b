"""Options that a command does not have, to which click gives the blame of an argument."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["unknown_option"]

#: What is no number, and hardly a word: ``--speed``, ``--speed=3`` or ``-s``.
_OPTION = re.compile(r"(--[A-Za-z][\w-]*|-[A-Za-z])(=.*)?", re.DOTALL)


def unknown_option(error: click.ClickException, words: list[str]) -> str | None:
    """Return what to say about the first unknown option of a command that cannot be parsed.

    Commands take unknown options for arguments, as negative numbers look like them: it is then the
    argument that is not valid, or one too many.

    Parameters
    ----------
    error
        The error of click.
    words
        The words of the command.
    """
    if not isinstance(error, click.UsageError) or isinstance(error, click.NoSuchOption):
        return None
    ctx = error.ctx
    if ctx is None or isinstance(ctx.command, click.Group) or not ctx.ignore_unknown_options:
        return None
    known = [*_options_of(ctx)]
    # The words include those of the groups before the command.
    others = {name for parent in _parents(ctx) for name in _options_of(parent)}
    for word in words[: words.index("--")] if "--" in words else words:
        found = _OPTION.fullmatch(word)
        if found is not None and found[1] not in {*known, *others}:
            close = difflib.get_close_matches(found[1], known, 1)
            hint = f" Did you mean {close[0]}?" if close else ""
            return f"NoSuchOption: No such option: {found[1]}.{hint}"
    return None


def _options_of(ctx: click.Context) -> Iterator[str]:
    for parameter in ctx.command.get_params(ctx):
        if isinstance(parameter, click.Option):
            yield from (*parameter.opts, *parameter.secondary_opts)


def _parents(ctx: click.Context) -> Iterator[click.Context]:
    while ctx.parent is not None:
        ctx = ctx.parent
        yield ctx
