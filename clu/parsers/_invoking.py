"""From the words of a command to its callback, where nothing of it needs the contexts of click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu.parsers._commands import CluCommand, CluGroup, call_within, invoke_within
from clu.parsers._context import Entered
from clu.parsers._lazy import LazyContext

if TYPE_CHECKING:
    import click

__all__ = ["invoke", "resolve"]


def resolve(
    parser: click.Command,
    name: str,
    words: list[str],
    obj: dict[str, Any],
    meta: dict[str, Any],
) -> list[LazyContext] | None:
    """Return what stands for the contexts of a line, or None if click has to parse it.

    Parameters
    ----------
    parser
        The group of all commands.
    name
        Its name.
    words
        The words of the line.
    obj, meta
        The dictionaries of the contexts.
    """
    contexts: list[LazyContext] = []
    parent = None
    found: click.Command | None = parser
    while type(found) is CluGroup and found.has_only_subcommand(words):
        parent = LazyContext(found, name, words, obj, meta, parent, {})
        contexts.append(parent)
        name = words[0]
        words = words[1:]
        found = found.commands.get(found._aliases.get(name, name))
    if type(found) is not CluCommand or parent is None:
        return None
    values = found.values_of(words)
    if values is None:
        return None
    contexts.append(LazyContext(found, name, words, obj, meta, parent, values))
    return contexts


def invoke(contexts: list[LazyContext]) -> Any:
    """Call the callbacks of the groups, then that of the command.

    Parameters
    ----------
    contexts
        What stands for the contexts, as `resolve` returns it.
    """
    last = contexts[-1]
    with Entered() as entered:
        if all(context.command.callback is None for context in contexts[:-1]):
            entered.enter(*contexts)
            return last.command.invoke(last)
        for position, context in enumerate(contexts[:-1], 1):
            entered.enter(context)
            if context.command.callback is not None:
                call_within(context, context.command.callback)
            if context.made is not None:
                # The callback has looked at it, and may have changed what the others inherit.
                inner = contexts[position]
                return invoke_within(
                    entered,
                    inner.command.make_context(
                        inner.info_name, [*inner.words], parent=context.made
                    ),
                )
        entered.enter(last)
        return last.command.invoke(last)
