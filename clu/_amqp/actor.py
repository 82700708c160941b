"""What makes an actor of a client: it receives commands, publishes replies and announcements."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import weakref
from time import time
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import OVERFLOWED, PRESENCE_KEY, PRESENT, QUESTION, announcement
from clu._amqp.command import BadMessage, command_string
from clu._amqp.properties import describe_program
from clu._amqp.publishing import PublishingMixIn
from clu._amqp.sending import Envelope
from clu._amqp.size import too_long
from clu._core.encoding import ENCODING_ERRORS, find_bad_keyword
from clu._core.logging import REPLY
from clu._core.reply import TERMINAL_CODES, MessageCode
from clu._speedups.received import decode_headers
from clu._speedups.reply import encode_json, json_text, would_log
from clu.base import BaseActor
from clu.exceptions import EncodingError

if TYPE_CHECKING:
    from clu._amqp.sending import Sending
    from clu._core.reply import Reply
    from clu._speedups.received import SeenMessages
    from clu.command import Command

#: How many envelopes are kept for further replies to the same commands.
_MOST_ENVELOPES = 1024


def _plain_value(value: object) -> Any:
    """Return a value in a header as what it is, or as a string where JSON may not know it."""
    return value if isinstance(value, (str, int, type(None))) else str(value)


class BrokerActor(PublishingMixIn, BaseActor):
    """The base of actors that receive commands from a broker, beside the class of a client."""

    _seen: SeenMessages

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._envelopes: dict[Any, Envelope] = {}
        #: How many replies there was no room for, by their commands; None before the first one.
        self._dropped: weakref.WeakKeyDictionary[Any, int] | None = None
        self._timestamp = 0

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Run the command in a message."""
        raise NotImplementedError

    def _make_command(self, **kwargs: Any) -> Command[Any]:
        raise NotImplementedError

    def _has_own_new_command(self) -> bool:
        """Whether nobody has overridden `new_command`."""
        raise NotImplementedError

    # -- commands -------------------------------------------------------------------------

    async def _run_new_command(self, message: Any) -> None:
        try:
            await self.new_command(message)
        except Exception:
            self.log.exception("%s: failed handling a command.", self.name)

    def _take_command(self, message: Any) -> None:
        """Take a message from the data plane."""
        try:
            if self._seen.has(message):
                message.acknowledge()
                self.log.warning(
                    "%s: ignored a command that came twice (message_id=%r).",
                    self.name,
                    message.message_id,
                )
            elif message.routing_key.startswith(PRESENCE_KEY):
                message.acknowledge()
                self._answer_presence(message)
            elif self._has_own_new_command():
                message.acknowledge()
                self._handle_command(message)
            else:
                self._create_task(self._run_new_command(message))
        except Exception:
            self.log.exception("%s: failed handling a command.", self.name)

    def _handle_command(self, message: Any) -> Any:
        """Run the command in a message, which is acknowledged or will be."""
        headers = decode_headers(message)
        command = self._make_command(
            commander_id=_plain_value(headers.get("commander_id")),
            command_id=_plain_value(headers.get("command_id")),
            consumer_id=self.name,
            internal=_plain_value(headers.get("internal", False)),
            write_to_log=bool(headers.get("write_to_log", True)),
            actor=self,
        )
        try:
            command.body = command.raw_command_string = command_string(message)
        except BadMessage as error:
            self.log.error("%s: received a bad command: %s Headers: %r", self.name, error, headers)
            return command.fail(error=str(error)) if command.commander_id else None
        if command.write_to_log and would_log(self.log, logging.INFO):
            self.log.info(
                "New command received: %r (commander_id=%r, command_id=%r)",
                f"{self.name} {command.body}",
                command.commander_id,
                command.command_id,
            )
        result = self.parse_command(command)
        if not command.done():
            self._active_commands.track(command)
        if asyncio.iscoroutine(result):
            self._create_task(result)
            return command
        return result

    async def _acknowledge(self, message: Any) -> None:
        from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

        try:
            if not message.processed:
                await message.ack()
        except (AMQPError, ChannelInvalidStateError, ConnectionError) as error:
            # The queue goes with the connection, so the command will not come again.
            self.log.warning("%s: cannot acknowledge a command: %s", self.name, error)

    # -- announcements --------------------------------------------------------------------

    def _answer_presence(self, message: Any) -> None:
        headers = decode_headers(message)
        client = headers.get("commander_id")
        if not isinstance(client, str):
            return
        question = headers.get(QUESTION)
        if message.routing_key == PRESENCE_KEY:
            answer = announcement(self.name, PRESENT, None, client, question, self._program())
            self._put(Envelope(f"reply.{client}", answer), b"{}", is_essential=True)
        else:
            self._announce(PRESENT, client, question)

    def _program(self) -> dict[str, Any]:
        count = sum(not own.done() for own in self._active_commands)
        return describe_program(self.version, self._started_at, count)

    def _announce_overflow(self) -> None:
        self._announce(OVERFLOWED)

    def _announce(self, event: str, client: str | None = None, question: Any = None) -> None:
        """Tell all clients, or the one that has asked, which commands run."""
        running = None
        if self._has_own_new_command():  # else there may be others that we do not know of
            running = [str(own.command_id) for own in self._active_commands if not own.done()]
        program = self._program() if event == PRESENT else None
        headers = announcement(self.name, event, running, client, question, program)
        key = "reply.broadcast" if client is None else f"reply.{client}"
        self._put(Envelope(key, headers), b"{}", is_essential=True)

    # -- replies --------------------------------------------------------------------------

    async def _write_internal(self, reply: Reply, write_to_log: bool = True) -> None:
        """Publish a reply."""
        try:
            self._write_now(reply, write_to_log)
        except EncodingError as error:  # the caller of `write` has gone on
            self._reject(reply, str(error), True, write_to_log)

    def _write_now(self, reply: Reply, write_to_log: bool = True) -> None:
        command = reply.command
        code = reply.message_code
        envelope = self._envelope(command, code._value_, reply.internal, reply.broadcast)
        try:
            body = encode_json(reply.message)
        except ENCODING_ERRORS as error:
            raise find_bad_keyword(reply.message, error) from error
        if (sender := self._sender) is not None and len(body) > sender.max_message_size:
            problem = too_long("The reply", len(body), sender.max_message_size, reply.message)
            raise EncodingError(problem)
        is_last = code in TERMINAL_CODES
        if command is None:
            self._put(envelope, body)
        else:
            if is_last and self._dropped is not None and command in self._dropped:
                self._report_dropped(command, self._dropped.pop(command))
            # Without the first and the last reply, who sent the command would wait for ever.
            is_essential = is_last or code is MessageCode.STARTED or not command.replies
            if not self._put(envelope, body, is_essential):
                if self._dropped is None:
                    self._dropped = weakref.WeakKeyDictionary()
                self._dropped[command] = self._dropped.get(command, 0) + 1
        if write_to_log and would_log(self.log, REPLY):
            text = json_text({"headers": envelope.headers, "message": reply.message})
            self.log.log(REPLY, text)

    def _envelope(
        self, command: Any, code: str, internal: bool, is_broadcast: bool = False
    ) -> Envelope:
        """Return what the replies to a command with a code have in common."""
        command_id = commander_id = None
        if command is not None:
            command_id, commander_id = command.command_id, command.commander_id
        is_broadcast = is_broadcast or command is None
        key = (commander_id, command_id, code, internal, is_broadcast)
        envelope = self._envelopes.get(key)
        if envelope is None:
            if len(self._envelopes) >= _MOST_ENVELOPES:
                self._envelopes.clear()
            text_id = None if command_id is None else str(command_id)
            headers = {
                "message_code": code,
                "commander_id": commander_id,
                "command_id": _plain_value(command_id),
                "sender": self.name,
                "internal": internal,
            }
            routing_key = "reply.broadcast" if is_broadcast else f"reply.{commander_id}"
            envelope = self._envelopes[key] = Envelope(routing_key, headers, text_id)
        return envelope

    def _report_too_long(self, item: Sending) -> None:
        """Write an error instead of a reply that the broker did not take."""
        assert self._sender is not None
        envelope, message = item.envelope, json.loads(item.body)
        problem = too_long("The reply", len(item.body), self._sender.max_message_size, message)
        code = envelope.headers["message_code"]
        headers = {**envelope.headers, "message_code": MessageCode.ERROR.value}
        error = Envelope(envelope.routing_key, headers, envelope.correlation_id)
        self._put(error, encode_json({"error": problem}), is_essential=True)
        if code in TERMINAL_CODES:
            self._put(envelope, b"{}", is_essential=True)

    def _report_dropped(self, command: Any, count: int) -> None:
        """Tell who sent a command how many of the replies to it there was no room for."""
        text = f"{count} replies of this command were dropped."
        envelope = self._envelope(command, MessageCode.WARNING.value, command.internal)
        self._put(envelope, encode_json({"text": text}), is_essential=True)

    def _put(self, envelope: Envelope, body: bytes, is_essential: bool = False) -> bool:
        """Publish a reply, as soon as that is possible; False if there is no room for it."""
        connection = self.connection
        if (exchange := connection.replacement) is not None:
            now = datetime.datetime.now(datetime.timezone.utc)
            message = self._message(envelope, body, timestamp=now)
            self._publish_soon(exchange, message, envelope.routing_key)
        elif connection.is_open and self._sender is not None:
            if (now_s := int(time())) != self._timestamp:
                self._timestamp = now_s  # one object for all messages of a second
            return self._sender.put(envelope, body, self._timestamp, is_essential)
        return True
