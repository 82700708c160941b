"""The values of the parameters of a command, without click for what is usual.

click parses the first lines with a command, from which a `Plan` learns its options, arguments and
default values. It finds the values in later lines in a tenth of the time. What it does not know is
left to click: other kinds of parameters, words with a special meaning, and all that is not valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SETTINGS", "Plan"]

#: The types whose values depend on the word alone.
_TYPES = (
    *(type(kind) for kind in (click.STRING, click.INT, click.FLOAT, click.BOOL, click.UUID)),
    click.IntRange,
    click.FloatRange,
    click.Choice,
)
_BOOLEAN = type(click.BOOL)
#: The types of the default values that no callback can change.
_CONSTANTS = (type(None), bool, int, float, str)
#: The attributes of parameters that ask for more than converting a word, unless they are false.
_SPECIAL = ("callback", "deprecated", "envvar", "is_eager", "multiple", "_flag_needs_value")
_SPECIAL_OPTIONS = (*_SPECIAL, "count", "prompt")
#: The settings of a command with which its words have the same values.
SETTINGS = frozenset(("help_option_names", "ignore_unknown_options", "terminal_width"))


class _Option(NamedTuple):
    name: str
    #: What converts the word after the option, or None if there is none.
    convert: Callable[[Any, Any, None], Any] | None
    #: The value if there is no such word.
    value: bool | None
    param: click.Parameter


class Plan:
    """How to find the values of the parameters of a command.

    Parameters
    ----------
    command
        The command.
    parser
        The parser of click that it uses for each line.

    """

    def __init__(self, command: click.Command, parser: Any) -> None:
        self._command = command
        self._params = [*command.params]
        things = [thing for param in self._params for thing in (param, param.type)]
        #: The attributes of the parameters, and what they were when the plan was made.
        self._attributes = [vars(thing) for thing in things if vars(thing)]
        self._kept = [{**attributes} for attributes in self._attributes]
        self._arguments = [param for param in self._params if isinstance(param, click.Argument)]
        self._exposed = [
            str(param.name)
            for param in self._params
            if param.expose_value and not isinstance(param, click.Argument)
        ]
        self._options: dict[str, _Option | None] = {}
        self._defaults: dict[str, Any] = {}
        self._ignores_unknown: bool = parser.ignore_unknown_options
        self._has_short = bool(parser._short_opt)
        self._is_possible = self._is_usual(parser)

    def _is_usual(self, parser: Any) -> bool:
        names = [param.name for param in self._params]
        if (
            len({*names}) < len(names)
            or not parser.allow_interspersed_args
            or parser._opt_prefixes != {"-", "--"}
            or not all(map(_is_usual, self._params))
        ):
            return False
        for word, found in (*parser._short_opt.items(), *parser._long_opt.items()):
            self._options[word] = self._option(found)
        return True

    def _option(self, found: Any) -> _Option | None:
        """Return what to do with an option that the parser of click has, or None."""
        param = found.obj
        if param not in self._params or not param.expose_value:
            return None
        name = str(param.name)
        if found.action == "store":
            return _Option(name, param.type.convert, None, param)
        if found.action == "store_const" and type(found.const) is bool:
            return _Option(name, None, found.const, param) if _is_boolean(param) else None
        return None

    def is_valid(self) -> bool:
        """Return whether the command has the same parameters as when the plan was made."""
        return self._command.params == self._params and self._attributes == self._kept

    def learn(self, ctx: click.Context) -> None:
        """Learn the default values of parameters from a context with the values of a line."""
        for param in self._params:
            name = str(param.name)
            if (
                param.expose_value
                and not callable(param.default)
                and ctx.get_parameter_source(name) is ParameterSource.DEFAULT
                and type(ctx.params[name]) in _CONSTANTS
            ):
                self._defaults[name] = ctx.params[name]

    def values_of(self, words: list[str]) -> dict[str, Any] | None:
        """Return the values, in the order in which click gives them, or None to leave it to click.

        Parameters
        ----------
        words
            The words after the name of the command.
        """
        if not (self._is_possible and self.is_valid()):
            return None
        given = self._given(words)
        if given is None:
            return None
        values: dict[str, Any] = {}
        try:
            for param, convert, value in given.values():
                values[param.name] = value if convert is None else convert(value, param, None)
        except Exception:  # click reports it
            return None
        defaults = self._defaults
        for name in self._exposed:
            if name not in values:
                if name not in defaults:
                    return None
                values[name] = defaults[name]
        return values

    def _given(self, words: list[str]) -> dict[str, tuple[Any, Any, Any]] | None:
        """Return for each parameter among the words what converts it, and its word."""
        given: dict[str, tuple[Any, Any, Any]] = {}
        positional: list[str] = []
        rest = iter(words)
        for word in rest:
            if word[:1] != "-" or word == "-":
                positional.append(word)
                continue
            name, has_value, value = (word, "", "") if word in self._options else _split(word)
            if name in self._options:
                option = self._options[name]
                if option is None or (has_value and option.convert is None):
                    return None
                if option.convert is None:
                    given[option.name] = (option.param, None, option.value)
                    continue
                if not has_value:
                    following = next(rest, None)
                    if following is None:
                        return None
                    value = following
                given[option.name] = (option.param, option.convert, value)
            elif self._may_be_argument(word):
                positional.append(word)
            else:
                return None
        return self._add_arguments(given, positional)

    def _may_be_argument(self, word: str) -> bool:
        """Whether a word that starts like an option, such as a negative number, is none."""
        if not self._ignores_unknown or word == "--":
            return False
        if word.startswith("--") or not self._has_short:
            return True
        return not any(f"-{letter}" in self._options for letter in word[1:])

    def _add_arguments(
        self, given: dict[str, tuple[Any, Any, Any]], words: list[str]
    ) -> dict[str, tuple[Any, Any, Any]] | None:
        if len(words) > len(self._arguments):
            return None
        for position, param in enumerate(self._arguments):
            name = str(param.name)
            if position < len(words):
                given[name] = (param, param.type.convert, words[position])
            elif name in self._defaults:
                given[name] = (param, None, self._defaults[name])
            else:
                return None
        return given


def _split(word: str) -> tuple[str, str, str]:
    """Split a long option and its value."""
    return word.partition("=") if word.startswith("--") else (word, "", "")


def _is_usual(param: click.Parameter) -> bool:
    special: tuple[str, ...] = _SPECIAL
    if type(param) is click.Option:
        special = _SPECIAL_OPTIONS
    elif type(param) is not click.Argument or not param.expose_value:
        return False
    if any(getattr(param, name, None) for name in special) or param.nargs != 1:
        return False
    if not {*vars(type(param)), *vars(click.Parameter)}.isdisjoint(vars(param)):
        return False  # it has a method of its own
    return type(param.type) in _TYPES


def _is_boolean(param: click.Option) -> bool:
    return param.is_flag and param.is_bool_flag and type(param.type) is _BOOLEAN
