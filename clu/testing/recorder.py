"""What fills the log of a bus: messages of a broker, and what actors without one do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import ANNOUNCEMENT, PRESENCE_KEY
from clu._speedups.received import decode_headers, decode_json
from clu._speedups.reply import encode_json
from clu.testing import log as limits
from clu.testing.log import BusLog, LogEntry, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Recorder", "plain"]

_KEYS = ("command.", "reply.")


class Recorder(BusLog):
    """A log that is being written.

    Parameters
    ----------
    clock
        Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._start = clock()
        self._listeners: list[Callable[[], None]] = []

    def record_message(self, message: Any, is_lost: bool) -> None:
        """Record a message of a broker."""
        key = message.routing_key
        if key.startswith(_KEYS) and not key.startswith(PRESENCE_KEY):
            headers = decode_headers(message)
            if ANNOUNCEMENT not in headers:
                self._add((self._now(), key, headers.copy(), message.body, is_lost))

    def record_command(
        self,
        sender: str,
        receiver: str,
        text: str,
        ids: tuple[str, str],
        parent_ids: tuple[str, str] | None = None,
        is_internal: bool = False,
    ) -> None:
        """Record a command that did not come over a broker.

        Parameters
        ----------
        sender, receiver
            Who sends it, and the actor that gets it.
        text
            The string of the command.
        ids, parent_ids
            The ids of the commander and of the command, and those of its parent.
        is_internal
            Whether it is marked as internal.
        """
        commander_id, command_id = ids
        depth = 0 if parent_ids is None else self._depths.get(parent_ids, -1) + 1
        self._depths[ids] = depth
        self._add(
            LogEntry(
                "command",
                self._now(),
                sender,
                receiver=receiver,
                text=text,
                command_id=command_id,
                commander_id=commander_id,
                is_internal=is_internal,
                depth=depth,
            )
        )

    def record_reply(self, actor: str, reply: Any) -> None:
        """Record a reply that an actor without a broker has written."""
        command = reply.command
        ids = None if command is None else (str(command.commander_id), str(command.command_id))
        self._add(
            LogEntry(
                "reply",
                self._now(),
                actor,
                message_code=str(reply.message_code.value),
                keywords=plain(reply.message),
                command_id=None if ids is None else ids[1],
                commander_id=None if ids is None else ids[0],
                is_broadcast=bool(reply.broadcast) or command is None,
                is_internal=bool(reply.internal),
                depth=0 if ids is None else self._depths.get(ids, -1) + 1,
            )
        )

    def _now(self) -> float:
        return self._clock() - self._start

    def _add(self, entry: LogEntry | tuple[Any, ...]) -> None:
        self._entries.append(entry)
        if len(self._entries) > limits.MOST:
            self._forget(limits.FEWER)
        for listener in [*self._listeners]:
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have a function called with each entry; return a function that ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _complete(self, raw: tuple[Any, ...]) -> LogEntry:
        key: str
        headers: dict[str, Any]
        time, key, headers, body, is_lost = raw
        command_id = _string(headers.get("command_id"))
        commander_id = _string(headers.get("commander_id"))
        keywords = _decode(body)
        if key.startswith("reply."):
            depth = self._depths.get((commander_id, command_id), -1) + 1
            return LogEntry(
                "reply",
                time,
                str(headers.get("sender")),
                message_code=str(headers.get("message_code")),
                keywords=keywords,
                command_id=command_id,
                commander_id=commander_id,
                is_broadcast=key == "reply.broadcast",
                is_internal=bool(headers.get("internal")),
                is_lost=is_lost,
                depth=depth,
            )
        receiver = key.partition(".")[2]
        above = (commander_id or "").removesuffix(f".{receiver}")
        sender = above.rpartition(".")[2] or receiver
        if headers.get("task"):
            payload = dict(keywords) if isinstance(keywords, dict) else {"payload": keywords}
            return LogEntry(
                "task",
                time,
                sender,
                receiver=receiver,
                keywords=payload,
                text=str(payload.pop("task", "")),
                is_lost=is_lost,
            )
        depth = self._depths.get((above, command_id), -1) + 1
        self._depths[commander_id, command_id] = depth
        text = keywords.get("command_string") if isinstance(keywords, dict) else keywords
        return LogEntry(
            "command",
            time,
            sender,
            receiver=receiver,
            text=text_of(text),
            command_id=command_id,
            commander_id=commander_id,
            is_internal=bool(headers.get("internal")),
            is_lost=is_lost,
            depth=depth,
        )


def plain(message: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a reply as those who receive JSON see them."""
    try:
        values: dict[str, Any] = decode_json(encode_json(message))
    except Exception:  # a legacy actor may write what JSON does not know
        values = dict(message)
    return values


def _string(value: Any) -> str | None:
    return None if value is None else str(value)


def _decode(body: bytes) -> Any:
    try:
        return decode_json(body or b"{}")
    except (ValueError, RecursionError):
        return body.decode(errors="backslashreplace")
