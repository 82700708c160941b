"""Actors over an AMQP broker."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
import uuid
from time import time
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import OVERFLOWED, RECONNECTED, STARTED, announcement_headers
from clu._amqp.reply import decode_body, decode_headers
from clu._core.callbacks import call_user_function, callback_name
from clu._core.encoding import ENCODING_ERRORS, blame_keyword
from clu._core.logging import REPLY
from clu._core.loop import cancel_tasks
from clu._core.reply import MessageCode
from clu._core.status import CommandStatus
from clu._speedups.reply import encode_json, would_log
from clu.base import BaseActor
from clu.client import AMQPClient
from clu.command import Command, TimedCommandList
from clu.exceptions import CluError, EncodingError
from clu.parsers._words import excerpt
from clu.parsers.click import ClickParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from aio_pika.abc import AbstractIncomingMessage
    from typing_extensions import Self

    from clu.base import Reply


class BadMessage(CluError):
    """A message that is not a command."""


class AMQPBaseActor(AMQPClient, BaseActor):
    """An actor that speaks over an AMQP broker. It has no parser: combine it with one.

    Parameters
    ----------
    args, kwargs
        Arguments of `AMQPClient` and `BaseActor`.

    Attributes
    ----------
    commands_queue
        The queue of aio_pika that commands come from.
    timed_commands
        Commands that the actor runs on itself periodically.

    Notes
    -----
    An actor announces when it has started and when it may have lost commands or replies, so that
    clients do not wait for them for ever: see ``clu._amqp.announcement``.

    The broker sends it the replies of others from the moment that it wants some: when it overrides
    ``handle_reply``, has a model or a callback, or sends a command.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands_queue: Any = None
        self.timed_commands = TimedCommandList(self)
        self._own_commands: set[Command[Any]] = set()
        if type(self)._write_internal is AMQPBaseActor._write_internal:
            # As a function it needs no task for each reply.
            self._write_internal = self._write_now  # type: ignore[method-assign,assignment]

    async def start(self, **kwargs: Any) -> Self:  # type: ignore[override]
        """Connect to the broker and listen for commands.

        Parameters
        ----------
        kwargs
            Arguments of `AMQPClient.start`.
        """
        await super().start(**kwargs)
        try:
            self.commands_queue = await self.connection.add_queue(
                f"{self.name}_commands",
                self._receive_command,
                f"command.{self.name}.#",
                handler=self._take_command,
            )
        except BaseException:
            await self.stop()
            raise
        for box in self._boxes():
            box.overflow.on_end = self._announce_overflow
        self._announce(STARTED)
        self.timed_commands.start()
        return self

    async def stop(self) -> None:
        """Cancel what runs, publish what was written, and close the connection."""
        await self.timed_commands.stop()
        if self.connection.is_connected:
            await self.connection.stop_consuming()
        deaf = await cancel_tasks([c._task for c in self._own_commands if c._task is not None])
        if deaf:
            self.log.warning("%s: %d callbacks go on though they were cancelled.", self.name, deaf)
        for command in list(self._own_commands):
            if not command.status.is_done:
                command.set_status(CommandStatus.CANCELLED, error="The actor is stopping.")
        await super().stop()

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
            elif self._takes_commands_itself():
                message.acknowledge()
                self._handle_command(message)
            else:
                self._create_task(self._run_new_command(message))
        except Exception:
            self.log.exception("%s: failed handling a command.", self.name)

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Run the command in a message.

        Parameters
        ----------
        message
            The message of the broker.
        ack
            Whether to acknowledge the message.

        Returns
        -------
        command
            The command.
        """
        if ack:
            await self._acknowledge(message)
        return self._handle_command(message)

    def _handle_command(self, message: Any) -> Command[Any] | None:
        headers = decode_headers(message)
        command: Command[Any] = Command(
            "",
            commander_id=headers.get("commander_id"),
            command_id=headers.get("command_id"),
            consumer_id=self.name,
            internal=bool(headers.get("internal", False)),
            write_to_log=bool(headers.get("write_to_log", True)),
            actor=self,
        )
        try:
            command.body = command.raw_command_string = _command_string(message)
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
            self._own_commands.add(command)
            command.add_done_callback(self._own_commands.discard)
        return command

    def _track_command(self, command: Command[Any]) -> None:
        """Remember a command that the actor itself runs, until it is done."""
        self._own_commands.add(command)
        command.add_done_callback(self._own_commands.discard)

    # -- announcements --------------------------------------------------------------------

    def _connection_back(self, *args: Any) -> None:
        super()._connection_back(*args)
        # While the outbox overflows, replies are lost after this too: it is announced when it ends.
        if not any(box.overflow.is_under_way for box in self._boxes()):
            self._announce(RECONNECTED)

    def _announce_overflow(self) -> None:
        self._announce(OVERFLOWED)

    def _announce(self, event: str) -> None:
        """Tell everybody which commands run, as others that were sent may have been lost."""
        running = None
        if self._takes_commands_itself():  # else there may be commands that we do not know of
            running = [str(own.command_id) for own in self._own_commands if not own.done()]
        headers = {
            "message_code": MessageCode.INFO.value,
            "commander_id": None,
            "command_id": None,
            "sender": self.name,
            "internal": True,
            **announcement_headers(event, running),
        }
        self._put("reply.broadcast", b"{}", headers, None)

    def _wants_replies(self) -> bool:
        # Each reply would go to each actor of an observatory, though most of them follow nobody.
        return bool(self.models or self._callbacks) or not self._handles_replies_itself()

    def _takes_commands_itself(self) -> bool:
        """Whether nobody has overridden how commands are taken."""
        return type(self).new_command in _OWN and "new_command" not in self.__dict__

    async def _acknowledge(self, message: Any) -> None:
        from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

        try:
            if not message.processed:
                await message.ack()
        except (AMQPError, ChannelInvalidStateError, ConnectionError) as error:
            # The queue goes with the connection, so the command will not come again.
            self.log.warning("%s: cannot acknowledge a command: %s", self.name, error)

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
            raise blame_keyword(reply.message, error) from error
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


def _command_string(message: Any) -> str:
    """Return the command in a message.

    Raises
    ------
    BadMessage
        If there is none.
    """
    body = _payload(message)
    if "command_string" not in body:
        raise BadMessage("The message has no command_string.")
    command = body["command_string"]
    if isinstance(command, str):
        return command
    if isinstance(command, dict):  # for actors with a JSON parser
        return json.dumps(command)
    raise BadMessage(f"The command {excerpt(repr(command))} is not a text.")


def _payload(message: Any) -> dict[str, Any]:
    try:
        body = decode_body(message.body)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"The message cannot be parsed as JSON: {error}.") from None
    if not isinstance(body, dict):
        raise BadMessage("The body of the message is not an object.")
    return body


class AMQPActor(ClickParser, AMQPBaseActor):
    """An AMQP actor that parses commands with click.

    Parameters
    ----------
    args, kwargs
        Arguments of `AMQPBaseActor`.

    Attributes
    ----------
    task_handlers
        The handlers of tasks, by their names.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.task_handlers: dict[str, Callable[[dict[str, Any]], Any]] = {}

    def add_task_handler(self, name: str, callback: Callable[[dict[str, Any]], Any]) -> None:
        """Add a handler of a task that others send with `AMQPClient.send_task`.

        Parameters
        ----------
        name
            The name of the task.
        callback
            A function or coroutine function that is called with the payload. The payload has
            the actor itself as ``__actor__``.
        """
        self.task_handlers[name] = callback

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Run the command, or handle the task, in a message. See `AMQPBaseActor.new_command`."""
        return await super().new_command(message, ack=ack)

    def _handle_command(self, message: Any) -> Command[Any] | None:
        if not decode_headers(message).get("task"):
            return super()._handle_command(message)
        try:
            payload = _payload(message)
        except BadMessage as error:
            self.log.error("%s: received a bad task: %s", self.name, error)
            return None
        name = payload.pop("task", None)
        handler = self.task_handlers.get(name) if isinstance(name, str) else None
        if handler is None:
            self.log.warning("%s: there is no handler of the task %r.", self.name, name)
            return None
        payload["__actor__"] = self
        self.log.debug("%s: task %r goes to %s.", self.name, name, callback_name(handler))
        result = call_user_function(handler, payload)
        if asyncio.iscoroutine(result):
            self._create_task(result, handler)
        return None


#: What may be done without a coroutine, as nobody has overridden it.
_OWN = (AMQPBaseActor.new_command, AMQPActor.new_command)
