"""Suggestions for the next word of a command, from the command model of its actor."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Suggestion", "suggest"]

#: The commands whose argument is another command.
_ABOUT_COMMANDS = ("help", "get-command-model", "get_command_model")


class Suggestion(NamedTuple):
    """A possible next word, and its meaning."""

    text: str
    meaning: str = ""


def suggest(model: dict[str, Any], words: list[str], current: str) -> list[Suggestion]:
    """Return the possible next words.

    Parameters
    ----------
    model
        The command model of an actor, as unclick describes it.
    words
        The complete words of the command.
    current
        The start of the next word.
    """
    place = _Place(model)
    for word in words:
        place.take(word)
    if place.expected is None and current.startswith("--") and "=" in current:
        name, _, _ = current.partition("=")
        option = place.option(name)
        found = [Suggestion(f"{name}={item.text}", item.meaning) for item in _values(option)]
    else:
        found = list(place.next(current))
    return [item for item in found if item.text.startswith(current)]


class _Place:
    """A position in a command.

    Attributes
    ----------
    expected
        The option whose value comes next, if any.
    """

    def __init__(self, model: dict[str, Any]) -> None:
        self._root = model
        self._command = model
        self._used: set[str] = set()
        self._position = 0
        self._only_arguments = False
        self.expected: dict[str, Any] | None = None
        self._missing = 0

    def take(self, word: str) -> None:
        """Go past a word."""
        if self.expected is not None:
            self._missing -= 1
            if self._missing <= 0:
                self.expected = None
        elif word == "--":
            self._only_arguments = True
        elif (option := self.option(word.partition("=")[0])) is not None:
            self._used.add(str(option.get("name")))
            if "=" not in word and not option.get("is_flag") and not option.get("count"):
                self.expected, self._missing = option, _number(option.get("nargs"), 1)
        elif word.startswith("--") and not self._only_arguments:
            pass  # not an option of the command: the actor will say so
        elif word in self._commands():
            self._command, self._used, self._position = self._commands()[word], set(), 0
        else:
            self._position += 1

    def option(self, word: str) -> dict[str, Any] | None:
        """Return the option with a name."""
        if self._only_arguments or not word.startswith("-"):
            return None
        return next((item for item in self._parameters("option") if word in _names(item)), None)

    def next(self, current: str) -> Iterator[Suggestion]:
        """Return the possible next words."""
        if self.expected is not None:
            yield from _values(self.expected)
            return
        if not current.startswith("-"):
            yield from _described(self._commands())
            yield from self._argument_values()
        if self._only_arguments or (self._commands() and not current.startswith("-")):
            return
        for option in self._parameters("option"):
            if option.get("hidden") or (
                option.get("name") in self._used and not option.get("multiple")
            ):
                continue
            for name in _names(option):
                if name.startswith("--") or current.startswith("-"):
                    yield Suggestion(name, _first_line(option.get("help")))

    def _argument_values(self) -> Iterator[Suggestion]:
        arguments = self._parameters("argument")
        if not arguments:
            return
        if self._command.get("name") in _ABOUT_COMMANDS and self._position == 0:
            yield from _described(self._root.get("commands") or {})
        position = 0
        for argument in arguments:
            count = _number(argument.get("nargs"), 1)
            position += count
            if count < 0 or self._position < position:
                yield from _values(argument)
                return

    def _parameters(self, kind: str) -> list[dict[str, Any]]:
        parameters = self._command.get("params") or []
        return [
            item
            for item in parameters
            if isinstance(item, dict) and item.get("param_type_name") == kind
        ]

    def _commands(self) -> dict[str, Any]:
        commands = self._command.get("commands") or {}
        return {name: item for name, item in commands.items() if isinstance(item, dict)}


def _described(commands: dict[str, Any]) -> Iterator[Suggestion]:
    for name, command in commands.items():
        if not command.get("hidden"):
            text = command.get("short_help") or command.get("help")
            yield Suggestion(name, _first_line(text))


def _names(option: dict[str, Any]) -> list[str]:
    return [*(option.get("opts") or []), *(option.get("secondary_opts") or [])]


def _values(parameter: dict[str, Any] | None) -> Iterator[Suggestion]:
    kind = (parameter or {}).get("type")
    if isinstance(kind, dict):
        for choice in kind.get("choices") or []:
            yield Suggestion(shlex.quote(str(choice)))


def _first_line(text: Any) -> str:
    lines = str(text or "").strip().splitlines()
    return lines[0] if lines else ""


def _number(value: Any, default: int) -> int:
    return value if isinstance(value, int) else default
