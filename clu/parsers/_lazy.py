"""Contexts of click that are made only when somebody looks at them.

Most callbacks look at the command and their arguments, and never at the context of click, which
takes longer to make than all else that a short command needs. Until then a `LazyContext` stands for
it: it has what running the callback takes. click makes the context from the same words.
"""

from __future__ import annotations

from typing import Any

import click

__all__ = ["PROTECTED_ARGS", "LazyContext"]

#: The attribute in which click keeps the name of the subcommand, public before click 8.2.
PROTECTED_ARGS = (
    "_protected_args"
    if hasattr(click.Context(click.Command(None)), "_protected_args")
    else "protected_args"
)


class LazyContext:
    """What a context of click will be made of.

    Parameters
    ----------
    command
        The command or group of the context.
    info_name
        The word that names it.
    words
        The words after that one.
    obj, meta
        The dictionaries of the context.
    parent
        What stands for the context of the group.
    params
        The values of the parameters of a command, as click would convert them.

    Attributes
    ----------
    made
        The context, once it has been made.
    entered
        How often the context was entered, and not left since.
    """

    __slots__ = (
        "command",
        "entered",
        "info_name",
        "made",
        "meta",
        "obj",
        "params",
        "parent",
        "words",
    )

    def __init__(
        self,
        command: Any,
        info_name: str | None,
        words: list[str],
        obj: dict[str, Any],
        meta: dict[str, Any],
        parent: LazyContext | None,
        params: dict[str, Any],
    ) -> None:
        self.command = command
        self.info_name = info_name
        self.words = words
        self.obj = obj
        self.meta = meta
        self.parent = parent
        self.params = params
        self.made: click.Context | None = None
        self.entered = 0

    def make(self) -> click.Context:
        """Return the context, which is made the first time."""
        if self.made is None:
            # The callback will look at the next one too, which click then makes at once.
            self.command.looked_up_by = self.command.callback
        return self._make()

    def _make(self) -> click.Context:
        if self.made is not None:
            return self.made
        words = [*self.words]
        ctx: click.Context
        if self.parent is None:
            ctx = self.command.make_context(self.info_name, words, obj=self.obj)
            ctx._meta = self.meta
        else:
            ctx = self.command.make_context(self.info_name, words, parent=self.parent._make())
        if isinstance(self.command, click.Group):
            ctx.args = []
            setattr(ctx, PROTECTED_ARGS, [])
            ctx.invoked_subcommand = self.words[0]
        ctx._depth += self.entered
        self.made = ctx
        return ctx
