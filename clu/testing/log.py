"""What actors and clients have said to each other, recorded for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BusLog", "LogEntry"]

#: How many entries are kept, and how many are forgotten at once.
MOST, FEWER = 20_000, 5_000
#: How much of a line, and how many lines, are shown.
_LONGEST, _LINES = 160, 200


@dataclass(frozen=True)
class LogEntry:
    """A command, a reply or a task that was recorded.

    Parameters
    ----------
    kind
        Which of these it is.
    time
        When it was sent, in seconds since the log was begun.
    sender
        The name of the actor that replies, or of who sends the command.
    receiver
        The actor that gets the command; ``""`` for a reply.
    message_code
        The code of a reply; ``""`` for a command.
    keywords
        The keywords of a reply and their values, or the payload of a task.
    text
        The string of a command, or the name of a task.
    command_id, commander_id
        The ids of the command, as strings, or None.
    is_broadcast
        Whether a reply is for all.
    is_internal
        Whether it is marked as internal.
    is_lost
        Whether nobody was there to receive it.
    depth
        How many commands it is inside of: 0 for a command that no other command has sent.
    """

    kind: Literal["command", "reply", "task"]
    time: float
    sender: str
    receiver: str = ""
    message_code: str = ""
    keywords: Any = None
    text: str = ""
    command_id: str | None = None
    commander_id: str | None = None
    is_broadcast: bool = False
    is_internal: bool = False
    is_lost: bool = False
    depth: int = 0

    def __str__(self) -> str:
        return self.describe()

    def describe(self, most: int = _LONGEST) -> str:
        """Return the entry as a line of at most so many characters."""
        if self.kind == "reply":
            words = [f"{self.sender} {self.message_code}", _describe(self.keywords)]
        elif self.kind == "command":
            words = [f"{self.sender} -> {self.receiver}: {text_of(self.text)}"]
        else:
            words = [f"{self.sender} -> {self.receiver}: task {self.text}"]
            words.append(_describe(self.keywords))
        if self.is_broadcast:
            words.append("(to all)")
        if self.is_lost and self.kind != "reply":
            words.append("(no such actor)")
        line = f"{self.time:8.3f}  {'  ' * self.depth}{' '.join(word for word in words if word)}"
        return line if len(line) <= most else f"{line[: most - 3]}..."


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=repr)


def _describe(keywords: Any) -> str:
    if not isinstance(keywords, dict):
        return "" if keywords is None else repr(keywords)
    return "; ".join(f"{name}={value!r}" for name, value in keywords.items())


class BusLog(Sequence[LogEntry]):
    """What actors and clients have said to each other, in its order.

    It is a sequence of `LogEntry`; ``str(log)`` shows the last of them as a tree of commands, with
    their replies. What clients and actors ask each other to find out who is there is left out.
    The oldest entries are forgotten when there are more than 20,000.

    Attributes
    ----------
    forgotten
        How many entries were forgotten.
    """

    def __init__(self) -> None:
        #: Entries, and what entries are made of when somebody asks for them.
        self._entries: list[LogEntry | tuple[Any, ...]] = []
        self._depths: dict[tuple[str | None, str | None], int] = {}
        self._unread = 0  # the first entry that nobody has asked for
        self.forgotten = 0

    def _complete(self, raw: tuple[Any, ...]) -> LogEntry:
        """Make an entry of what was recorded."""
        raise NotImplementedError

    def _forget(self, count: int) -> None:
        self._read(0, count)  # the depths of later entries depend on them
        del self._entries[:count]
        self._unread -= count
        self.forgotten += count
        for key in list(self._depths)[:-MOST]:
            del self._depths[key]

    def _read(self, start: int, stop: int) -> list[LogEntry]:
        """Return entries, having made those that were not asked for before, in their order."""
        entries = self._entries
        for index in range(self._unread, stop):
            raw = entries[index]
            if type(raw) is tuple:
                entries[index] = self._complete(raw)
        self._unread = max(self._unread, stop)
        return entries[start:stop]  # type: ignore[return-value]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> LogEntry: ...

    @overload
    def __getitem__(self, index: slice) -> list[LogEntry]: ...

    def __getitem__(self, index: int | slice) -> LogEntry | list[LogEntry]:
        if isinstance(index, slice):
            return self._read(0, len(self._entries))[index]
        place = range(len(self._entries))[index]
        return self._read(place, place + 1)[0]

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(self._read(0, len(self._entries)))

    def after(self, number: int) -> Iterator[tuple[int, LogEntry]]:
        """Return the entries from a number on, with their numbers; no. 0 is the first of all."""
        start = max(number - self.forgotten, 0)
        entries = self._read(start, len(self._entries)) if start < len(self._entries) else []
        return enumerate(entries, start + self.forgotten)

    def replies(self, actor: str | None = None) -> list[LogEntry]:
        """Return the replies of an actor, or of all of them."""
        return [entry for entry in self if entry.kind == "reply" and actor in (None, entry.sender)]

    def commands(self, actor: str | None = None) -> list[LogEntry]:
        """Return the commands for an actor, or for all of them."""
        return [
            entry for entry in self if entry.kind == "command" and actor in (None, entry.receiver)
        ]

    def clear(self) -> None:
        """Forget all entries."""
        self._forget(len(self._entries))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({len(self)} entries)>"

    def __str__(self) -> str:
        return self.describe()

    def describe(self, most: int = _LINES) -> str:
        """Return the last entries as lines, of which there are at most so many."""
        shown = self[-most:] if most else []
        left_out = self.forgotten + len(self) - len(shown)
        lines = [] if not left_out else [f"({left_out} earlier entries are not shown)"]
        return "\n".join(lines + [entry.describe() for entry in shown])
