"""Command strings of the calls that need no closer look, which are most.

A call passes through a broker before the next one is made, so that the caches of the processor hold
little of what it takes: it counts how much code is touched. So each parameter has one function for
the usual values, and the string is made in one. For all else they return None, and
`clu._remote.commands` looks closer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._remote.parameters import Argument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clu._remote.parameters import Option

    Writer = Callable[[Any], str | None]

__all__ = ["UsualCall", "usual_call"]


class UsualCall:
    """Makes the command strings of a command.

    Parameters
    ----------
    path
        The name of the command, with those of the groups before it.
    options
        The writers of the options, by the identifiers of these, and whether they are required.
    arguments
        The same of the arguments.
    positional
        The parameters that may be given without a name.
    """

    def __init__(
        self,
        path: str,
        options: Sequence[tuple[str, Writer, bool]],
        arguments: Sequence[tuple[str, Writer, bool]],
        positional: Sequence[str],
    ) -> None:
        self._path = path
        self._options = tuple(options)
        self._arguments = tuple(arguments)
        self._positional = tuple(positional)

    def command_string(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """Return the command string for the arguments of a call, or None to look closer at them."""
        given = len(args) + len(kwargs)
        text = self._path
        if not given and not self._arguments and not self._options:
            return text
        if args:
            names = self._positional
            if len(args) > len(names):
                return None
            values = dict(zip(names, args, strict=False))
            if kwargs:
                values.update(kwargs)
        else:
            values = kwargs
        for name, write, is_required in self._options:
            if name in values:
                piece = write(values[name])
                if piece is None:
                    return None
                text += piece
                given -= 1
            elif is_required:
                return None
        has_gap = False
        for name, write, is_required in self._arguments:
            if name in values:
                piece = write(values[name])
                if piece is None or has_gap:
                    return None
                text += piece
                given -= 1
            elif is_required:
                return None
            else:
                has_gap = True
        # What is left has an unknown name, or is given twice.
        return None if given else text


def usual_call(
    path: str, parameters: Mapping[str, Argument | Option], positional: Sequence[str]
) -> UsualCall | None:
    """Return what makes the command strings of a command, unless its arguments are unusual."""
    options, arguments = [], []
    for name, each in parameters.items():
        entry = (name, each.usual_writer(), each.required)
        if not isinstance(each, Argument):
            options.append(entry)
        elif each.takes_all or each.nargs != 1:
            return None
        else:
            arguments.append(entry)
    return UsualCall(path, options, arguments, positional)
