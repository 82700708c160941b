"""Which replies a test expects, and what is said when they do not come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clu.testing.log import BusLog, LogEntry

__all__ = ["Expectation"]

#: How many replies are shown that were not the expected one.
_SHOWN = 20
_MISSING = object()


class Expectation:
    """A reply of an actor that a test expects.

    Parameters
    ----------
    actor
        The name of the actor.
    keywords
        The keywords that the reply has, with what their values are: a value, its type, a function
        that is true for it, a pattern that is found in it, or ``...`` for any value.
    message_code
        The code of the reply; None for any.
    """

    def __init__(self, actor: str, keywords: Mapping[str, Any], message_code: str | None) -> None:
        self.actor = actor
        self.keywords = dict(keywords)
        self.message_code = message_code

    @property
    def key(self) -> tuple[str, frozenset[str], str | None]:
        """What it has in common with those that it comes after."""
        return self.actor, frozenset(self.keywords), self.message_code

    def describe(self) -> str:
        """Return what is expected, in a few words."""
        words = [] if self.message_code is None else [f"code {self.message_code!r}"]
        words += [f"{name}={_describe(value)}" for name, value in self.keywords.items()]
        return ", ".join(words) or "anything"

    def matches(self, entry: LogEntry) -> bool:
        """Whether an entry of the log is what is expected."""
        return entry.kind == "reply" and entry.sender == self.actor and not self.problem(entry)

    def problem(self, entry: LogEntry) -> str:
        """Return why a reply of the actor is not the expected one, or an empty string."""
        if self.message_code not in (None, entry.message_code):
            return f"the code is {entry.message_code!r}"
        found = entry.keywords if isinstance(entry.keywords, dict) else {}
        for name, expected in self.keywords.items():
            value = found.get(name, _MISSING)
            if value is _MISSING:
                return f"there is no {name}"
            if problem := _problem(name, value, expected):
                return problem
        return ""

    def failure(self, log: BusLog, start: int, within: float) -> str:
        """Return what is said when the reply has not come.

        Parameters
        ----------
        log
            The log.
        start
            The number of the first entry that was looked at.
        within
            For how long was waited, in seconds.
        """
        lines = [f"{self.actor} did not reply {self.describe()} within {within:g} s."]
        own = [(number, entry) for number, entry in log.after(0) if _is_of(entry, self.actor)]
        replies = [entry for number, entry in own if number >= start]
        before = [entry for number, entry in own if number < start]
        if replies:
            lines.append("It replied:")
            lines += self._describe(replies)
        if any(self.matches(entry) for entry in before):
            lines.append("A reply like that has satisfied an earlier expectation:")
            lines += self._describe(entry for entry in before if self.matches(entry))
        elif before and not replies:
            lines.append("It replied nothing after what the last expectation was about.")
        if not own:
            others = sorted({entry.sender for entry in log.replies()})
            also = f" Others did: {', '.join(others)}." if others else ""
            lines.append(f"It replied nothing at all.{also}")
        return "\n".join(lines)

    def _describe(self, entries: Iterable[LogEntry]) -> list[str]:
        shown = list(entries)
        left_out = len(shown) - _SHOWN
        lines = [f"    ({left_out} earlier ones)"] if left_out > 0 else []
        for entry in shown[-_SHOWN:]:
            problem = self.problem(entry)
            lines.append(f"{entry.describe()}{f'  <- {problem}' if problem else ''}")
        return lines


def _is_of(entry: LogEntry, actor: str) -> bool:
    return entry.kind == "reply" and entry.sender == actor


def _problem(name: str, value: Any, expected: Any) -> str:
    """Return why a value is not the expected one, or an empty string."""
    if expected is ...:
        return ""
    if isinstance(expected, re.Pattern):
        is_found = isinstance(value, str) and expected.search(value) is not None
        return "" if is_found else f"{name} does not match {expected.pattern!r}"
    if isinstance(expected, type):
        return "" if isinstance(value, expected) else f"{name} is no {expected.__name__}"
    if callable(expected):
        try:
            return "" if expected(value) else f"{_describe(expected)} is not true for {name}"
        except Exception as error:  # it may be for another kind of value
            return f"{_describe(expected)} raises {type(error).__name__} for {name}: {error}"
    return "" if _plain(expected) == value else f"{name} is not {_describe(expected)}"


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples, as they arrive."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if type(value) is dict:
        return {name: _plain(item) for name, item in value.items()}
    return value


def _describe(value: Any) -> str:
    if value is ...:
        return "..."
    if isinstance(value, re.Pattern):
        return f"/{value.pattern}/"
    if callable(value):
        return str(getattr(value, "__name__", None) or repr(value))
    return repr(value)
