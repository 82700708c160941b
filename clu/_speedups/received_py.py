"""Received kernel: what comes over a broker, one message at a time; the source of both builds."""

from __future__ import annotations

import json
from typing import Any

import orjson

from clu._speedups.amqp import has_long_number
from clu._speedups.copying import reduced

__all__ = [
    "NOT_JSON",
    "NOT_OBJECT",
    "NO_CODE",
    "OTHER_COMMAND",
    "ReceivedReply",
    "ReplyReceiver",
    "SeenMessages",
    "decode_headers",
    "decode_json",
]

#: Why a message is no reply: it has no code, its two ids of a command differ, or its body is not
#: JSON, or not an object of it.
NO_CODE, OTHER_COMMAND, NOT_JSON, NOT_OBJECT = 1, 2, 3, 4

_has_long_number, _loads = has_long_number, orjson.loads


def decode_json(text: bytes) -> Any:
    """Return the value of a JSON string, whatever the length of its numbers.

    Raises
    ------
    ValueError, RecursionError
        If it is not JSON.
    """
    if _has_long_number(text):
        return json.loads(text)
    try:
        return _loads(text)
    except orjson.JSONDecodeError:  # NaN, for example
        return json.loads(text)


def decode_headers(message: Any) -> dict[str, Any]:
    """Return the headers of a message, as strings where they are bytes."""
    if not getattr(message, "has_bytes", True):
        headers: dict[str, Any] = message.headers
        return headers
    return {
        key: value.decode(errors="replace") if isinstance(value, (bytes, bytearray)) else value
        for key, value in (message.headers or {}).items()
    }


_FIELDS = (
    *("_code", "_error", "_flaw", "body", "command_id", "headers", "internal", "is_valid"),
    *("message", "message_code", "sender"),
)


class ReceivedReply:
    """What a message says that is a reply of an actor.

    Attributes
    ----------
    message, headers, message_code, sender, internal, command_id, body, is_valid
        As `clu.client.AMQPReply` documents them.
    """

    __slots__ = _FIELDS

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self, _FIELDS)

    def _read(self, message: Any, codes: dict[str, Any], log: Any) -> None:
        """Read a message.

        Parameters
        ----------
        message
            The message.
        codes
            The codes of replies by what they are written as.
        log
            What ``_report``, a method of the derived class, is called with if something is wrong
            with the message.
        """
        self.message = message
        headers = decode_headers(message)
        self.headers = headers
        code = headers.get("message_code")
        if type(code) is not str:
            code = "" if code is None else str(code)
        self.message_code: str = code
        #: The code as a member, or None if it is not one of ours.
        self._code = codes.get(code)
        sender = headers.get("sender")
        if sender is not None and not isinstance(sender, str):
            sender = str(sender)
        self.sender: str | None = sender
        self.internal = bool(headers.get("internal"))
        command_id = message.correlation_id
        self.command_id: str | None = command_id
        #: Why the body is not JSON, or None.
        self._error: str | None = None
        body: Any = None
        if not code:
            flaw = NO_CODE
        elif _differs(headers.get("command_id"), command_id):
            flaw = OTHER_COMMAND
        else:
            flaw = 0
            try:
                body = decode_json(message.body)
            except (ValueError, RecursionError) as error:
                flaw, self._error = NOT_JSON, str(error)
            else:
                if not isinstance(body, dict):
                    flaw = NOT_OBJECT
        #: Why it is no reply, one of the constants of this module; 0 if it is one.
        self._flaw = flaw
        self.is_valid = flaw == 0
        self.body: dict[str, Any] = {} if flaw else body
        if flaw or sender is None:
            self._report(log)

    def _report(self, log: Any) -> None:
        """Log what is wrong with the message."""
        raise NotImplementedError


def _differs(named: Any, command_id: Any) -> bool:
    """Whether a header names another command than the one whose id the message has."""
    # Compared as strings only where they differ, which is slower.
    return named is not None and named != command_id and str(named) != command_id


class SeenMessages:
    """The ids of the latest messages, to know those that come twice.

    Parameters
    ----------
    prefix
        What the ids of messages begin with that are published again after a loss.
    most
        How many ids are remembered at least.
    """

    __slots__ = ("_before", "_ids", "_older", "most", "prefix")

    def __init__(self, prefix: str, most: int) -> None:
        self.prefix = prefix
        self.most = most
        # Two generations: to forget the older one at once costs less than one id at a time.
        self._ids: set[str] = set()
        self._older: set[str] = set()
        #: Those that came before the channel was closed.
        self._before: set[str] = set()

    def has(self, message: Any) -> bool:
        """Whether a message is a duplicate; if not, it is recorded."""
        message_id = message.message_id
        if not message_id:
            return False
        ids = self._ids
        if message_id in ids or message_id in self._older:
            if getattr(message, "redelivered", False):
                # On the same channel it comes again because somebody here put it back into the
                # queue. After the loss of a channel the broker delivers again what was not
                # acknowledged.
                return message_id in self._before
            return bool(message_id.startswith(self.prefix))
        ids.add(message_id)
        if len(ids) >= self.most:
            self._older = ids
            self._ids = set()
        return False

    def close_channel(self) -> None:
        """Record that the channel of the messages is closed."""
        self._before = self._ids | self._older


class ReplyReceiver:
    """Takes the messages that come to the queue of replies of a client.

    What each message pays for is done here, and what is unusual by the client.

    Parameters
    ----------
    client
        The client.
    handle_reply
        The function of its class that handles a reply, unless it is overridden.
    reply_class
        What replies are made of, a class derived from `ReceivedReply`.
    codes
        The codes of replies by what they are written as.
    seen
        The messages that have come.
    presence_key
        What the routing keys of questions begin with.
    announcement
        The header of announcements.
    """

    __slots__ = (
        *("_announcement", "_client", "_codes", "_handle_reply", "_presence_key"),
        *("_reply_class", "_seen"),
    )

    def __init__(
        self,
        client: Any,
        handle_reply: Any,
        reply_class: type[ReceivedReply],
        codes: dict[str, Any],
        seen: SeenMessages,
        presence_key: str,
        announcement: str,
    ) -> None:
        self._client = client
        self._handle_reply = handle_reply
        self._reply_class = reply_class
        self._codes = codes
        self._seen = seen
        self._presence_key = presence_key
        self._announcement = announcement

    def is_plain(self) -> bool:
        """Whether nobody has overridden how replies are handled."""
        handler = self._client.handle_reply
        return getattr(handler, "__func__", None) is self._handle_reply

    def take(self, message: Any) -> None:
        """Take a message from the data plane; whatever goes wrong is logged."""
        client = self._client
        try:
            if message.routing_key.startswith(self._presence_key):
                client._take_question(message)
                return
            is_plain = self.is_plain()
            command_id = message.correlation_id
            if (
                is_plain
                and command_id is not None
                and command_id not in client.running_commands
                and client._is_echo(message)
            ):
                return
            is_duplicate = self._seen.has(message)
            if (
                is_duplicate
                or is_plain
                # Who overrides how replies are handled does not expect announcements.
                or (not command_id and self._announcement in message.headers)
            ):
                if message.origin is not None and not message.processed:
                    message.acknowledge()
                if not is_duplicate:
                    self.handle(message)
            else:
                client._create_task(client._run_handle_reply(message))
        except Exception:
            client.log.exception("%s: failed handling a reply.", client.name)

    def handle(self, message: Any) -> Any:
        """Update the models and the command that a reply belongs to, and call the callbacks.

        Returns
        -------
        reply
            The reply.
        """
        client = self._client
        reply: ReceivedReply = self._reply_class.__new__(self._reply_class)
        reply._read(message, self._codes, client.log)
        if not reply.is_valid:
            client.log.error("Invalid message received.")
            return reply
        command_id = reply.command_id
        if command_id is None and self._announcement in reply.headers:
            client._take_announcement(reply)
            return reply
        models = client.models
        if models and (model := models.get(reply.sender or "")) is not None:
            model.update_model(reply.body)
        elif models.missing:
            client._update_missing_model(reply)
        running = client.running_commands
        if command_id in running:
            running.take_reply(reply)
        notifier = client._notifier
        if notifier._callbacks:
            notifier.notify(reply)
        return reply
