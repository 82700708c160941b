"""What makes an actor of a client: it receives commands, publishes replies and announcements."""

from __future__ import annotations

import asyncio
import datetime
import logging
import uuid
from time import time
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import OVERFLOWED, announcement_headers
from clu._amqp.command import BadMessage, command_string
from clu._amqp.publishing import PublishingMixIn
from clu._amqp.reply import SeenMessages, decode_headers
from clu._core.encoding import ENCODING_ERRORS, find_bad_keyword
from clu._core.logging import REPLY
from clu._core.reply import MessageCode
from clu._speedups.reply import encode_json, would_log
from clu.base import BaseActor
from clu.exceptions import EncodingError

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

    from clu._core.reply import Reply
    from clu.command import Command


class BrokerActor(PublishingMixIn, BaseActor):
    """The base of actors that receive commands from a broker, beside the class of a client."""

    _seen: SeenMessages

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Run the command in a message."""
        raise NotImplementedError

    def _make_command(self, *args: Any, **kwargs: Any) -> Command[Any]:
        raise NotImplementedError

    def _has_own_new_command(self) -> bool:
        """Whether nobody has overridden `new_command`."""
        raise NotImplementedError

    # -- commands -------------------------------------------------------------------------

    async def _receive_command(self, message: AbstractIncomingMessage) -> None:
        if self._seen.has(message):
            await message.ack()
            return
        # aiormq cancels this task with the connection; the command would neither run nor end.
        await asyncio.shield(self._create_task(self._run_new_command(message)))

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
            elif self._has_own_new_command():
                message.acknowledge()
                self._handle_command(message)
            else:
                self._create_task(self._run_new_command(message))
        except Exception:
            self.log.exception("%s: failed handling a command.", self.name)

    def _handle_command(self, message: Any) -> Command[Any] | None:
        """Run the command in a message, which is acknowledged or will be."""
        headers = decode_headers(message)
        command = self._make_command(
            "",
            commander_id=headers.get("commander_id"),
            command_id=headers.get("command_id"),
            consumer_id=self.name,
            internal=bool(headers.get("internal", False)),
            write_to_log=bool(headers.get("write_to_log", True)),
            actor=self,
        )
        try:
            command.body = command.raw_command_string = command_string(message)
        except BadMessage as error:
            self.log.error("%s: received a bad command: %s Headers: %r", self.name, error, headers)
            return command.fail(error=str(error)) if command.commander_id else None
        if would_log(self.log, logging.INFO):
            self.log.info(
                "New command received: '%s %s' (commander_id=%r, command_id=%r)",
                self.name,
                command.body,
                command.commander_id,
                command.command_id,
            )
        result = self.parse_command(command)
        if asyncio.iscoroutine(result):
            self._create_task(result)
        if not command.done():
            self._active_commands.track(command)
        return command

    async def _acknowledge(self, message: Any) -> None:
        from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

        try:
            if not message.processed:
                await message.ack()
        except (AMQPError, ChannelInvalidStateError, ConnectionError) as error:
            # The queue goes with the connection, so the command will not come again.
            self.log.warning("%s: cannot acknowledge a command: %s", self.name, error)

    # -- announcements --------------------------------------------------------------------

    def _announce_overflow(self) -> None:
        self._announce(OVERFLOWED)

    def _announce(self, event: str) -> None:
        """Tell everybody which commands run, as others that were sent may have been lost."""
        running = None
        if self._has_own_new_command():  # else there may be others that we do not know of
            running = [str(own.command_id) for own in self._active_commands if not own.done()]
        headers = {
            "message_code": MessageCode.INFO.value,
            "commander_id": None,
            "command_id": None,
            "sender": self.name,
            "internal": True,
            **announcement_headers(event, running),
        }
        self._put("reply.broadcast", b"{}", headers, None)

    # -- replies --------------------------------------------------------------------------

    async def _write_internal(self, reply: Reply, write_to_log: bool = True) -> None:
        """Publish a reply."""
        try:
            self._write_now(reply, write_to_log)
        except EncodingError as error:  # the caller of `write` has gone on
            self._reject(reply, str(error), True, write_to_log)

    def _write_now(self, reply: Reply, write_to_log: bool = True) -> None:
        command = reply.command
        command_id = commander_id = None
        if command is not None:
            command_id = None if command.command_id is None else str(command.command_id)
            commander_id = command.commander_id
        headers: dict[str, Any] = {
            "message_code": reply.message_code._value_,
            "commander_id": commander_id,
            "command_id": command_id,
            "sender": self.name,
            "internal": reply.internal,
        }
        try:
            body = encode_json(reply.message)
        except ENCODING_ERRORS as error:
            raise find_bad_keyword(reply.message, error) from error
        broadcast = reply.broadcast or commander_id is None
        key = "reply.broadcast" if broadcast else f"reply.{commander_id}"
        self._put(key, body, headers, command_id)
        if write_to_log and would_log(self.log, REPLY):
            text = f'{{"headers": {encode_json(headers).decode()}, "message": {body.decode()}}}'
            self.log.log(REPLY, text)

    def _put(self, key: str, body: bytes, headers: dict[str, Any], command_id: str | None) -> None:
        """Publish an encoded reply, as soon as that is possible."""
        if (sender := self._fast_sender()) is not None:
            sender.put(key, body, headers, command_id, int(time()))
        elif self._is_started():
            from aio_pika import Message

            message = Message(
                body,
                headers=headers,
                content_type="text/json",
                message_id=uuid.uuid4().hex,
                correlation_id=command_id,
                timestamp=datetime.datetime.now(datetime.timezone.utc),
            )
            self._outbox.put(message, key)
