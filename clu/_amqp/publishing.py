"""How clients publish: on the data plane where there is one, else through aio_pika."""

from __future__ import annotations

import asyncio
import functools
import uuid
from typing import TYPE_CHECKING, Any

from clu._amqp.errors import RECONNECT_INTERVAL, connection_error
from clu._amqp.running import RunningCommands, wait_until_sent
from clu._speedups.reply import encode_json

if TYPE_CHECKING:
    from clu._amqp.connection import TopicListener
    from clu._amqp.outbox import Outbox
    from clu._amqp.sender import Sender
    from clu.command import Command


#: The routing keys of all replies.
REPLIES = "reply.#"


class PublishingMixIn:
    """A mix-in for clients: it publishes commands, tasks and replies."""

    name: str
    log: Any
    connection: TopicListener
    running_commands: RunningCommands
    replies_queue: Any
    data_plane: bool
    #: Whether the queue for replies gets them.
    _hears_replies: bool
    _outbox: Outbox
    #: What publishes on the data plane, if that is on.
    _sender: Sender | None

    def _prepare_plane(self, exchange_name: str) -> Sender | None:
        """Make the connection one with a data plane, if that is wanted and possible."""
        from clu._amqp.plane import DataPlane, is_available

        if self.connection.connection is not None:  # connecting again is an error
            return self._sender
        self.connection._plane = None
        if not self.data_plane or not is_available():
            return None
        box = self._outbox
        plane = DataPlane(exchange_name, self.log, box.max_messages, box.max_bytes)
        if (last := self._sender) is not None:
            plane.sender.continue_counts(last)
        self.connection._plane = plane
        return plane.sender

    async def _send(self, sent: Command[Any], consumer: str) -> None:
        from aio_pika.exceptions import DeliveryError

        command_id = str(sent.command_id)
        self.running_commands.add(sent)
        headers = {
            "command_id": command_id,
            "commander_id": sent.commander_id,
            "internal": sent.internal,
            "write_to_log": sent.write_to_log,
        }
        body = {"command_string": sent.body}
        if self._hears_replies and (sender := self._fast_sender()) is not None:
            await self._send_fast(sender, sent, consumer, headers, body)
            return
        publishing = asyncio.ensure_future(
            self._publish_command(consumer, headers, body, command_id)
        )
        try:
            # A command with a time limit ends, even if the broker stalls.
            futures: set[asyncio.Future[Any]] = {publishing, sent}
            await asyncio.wait(
                futures,
                timeout=self.connection.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if publishing.done():
                publishing.result()
            elif not sent.done():
                where, limit = self.connection.address, self.connection.timeout
                raise connection_error(f"No answer from the broker at {where} within {limit} s.")
        except DeliveryError:
            self.running_commands.fail(sent, f"Failed routing message to consumer {consumer!r}.")
        except BaseException:
            self.running_commands.forget(sent)
            sent.cancel()
            raise
        finally:
            publishing.cancel()

    async def _send_fast(
        self,
        sender: Sender,
        sent: Command[Any],
        consumer: str,
        headers: dict[str, Any],
        body: dict[str, Any],
    ) -> None:
        from aio_pika.exceptions import DeliveryError

        command_id = str(sent.command_id)
        waiting = asyncio.get_running_loop().create_future()
        try:
            item = sender.send(
                f"command.{consumer}",
                encode_json(body),
                headers,
                command_id,
                f"{self.name}_replies",
                functools.partial(_settle, waiting),
            )
            try:
                # A command with a time limit ends, even if the broker stalls.
                if not await wait_until_sent(waiting, sent, self.connection.timeout):
                    where, limit = self.connection.address, self.connection.timeout
                    message = f"No answer from the broker at {where} within {limit} s."
                    raise connection_error(message)
            finally:
                if not waiting.done() or item.attempts == 0:
                    sender.withdraw(item)
        except DeliveryError:
            self.running_commands.fail(sent, f"Failed routing message to consumer {consumer!r}.")
        except BaseException:
            self.running_commands.forget(sent)
            sent.cancel()
            raise

    async def _publish_command(self, *args: Any) -> None:
        await self._hear_replies()
        await self._publish_message(*args)

    async def _hear_replies(self) -> None:
        """Have the broker send us the replies from now on, if it does not do so yet."""
        if not self._hears_replies:
            await self._wait_connected()
            await self.replies_queue.bind(self.connection.exchange, REPLIES)
            self._hears_replies = True

    async def _publish_message(
        self,
        consumer: str,
        headers: dict[str, Any] = {},
        body: dict[str, Any] = {},
        correlation_id: str | None = None,
    ) -> None:
        """Publish a message to an actor, and return when the broker has confirmed it."""
        if (sender := self._fast_sender()) is not None:
            done = asyncio.get_running_loop().create_future()
            item = sender.send(
                f"command.{consumer}",
                encode_json(body),
                headers,
                correlation_id or str(uuid.uuid4()),
                f"{self.name}_replies",
                functools.partial(_settle, done),
            )
            try:
                await done
            finally:
                if not done.done():
                    sender.withdraw(item)
            return

        from aio_pika import Message

        message = Message(
            encode_json(body),
            headers=headers,
            content_type="text/json",
            message_id=uuid.uuid4().hex,
            correlation_id=correlation_id or str(uuid.uuid4()),
            reply_to=f"{self.name}_replies",
        )
        await self._outbox.send(message, f"command.{consumer}")

    async def _publish(self, message: Any, routing_key: str) -> None:
        await self.connection.exchange.publish(message, routing_key=routing_key)

    def _fast_sender(self) -> Sender | None:
        """Return what messages are published with, unless aio_pika does."""
        plane = self.connection._plane
        if plane is None or not plane.is_running(getattr(self.connection, "exchange", None)):
            return None
        return plane.sender

    def _can_publish(self) -> bool:
        """Whether a message would go out now."""
        # A test may have put something of its own in the place of the exchange.
        return self.connection.is_connected or (
            self.connection.connection is None and hasattr(self.connection, "exchange")
        )

    def _is_started(self) -> bool:
        """Whether a message will go out, now or when the connection is back."""
        if self.connection.connection is None:
            return hasattr(self.connection, "exchange")
        return not getattr(self.connection.connection, "is_closed", True)

    async def _wait_ready(self) -> None:
        """Wait for a connection that was lost to come back, and for those of others too."""
        await self._wait_connected()
        # Who lost its connection together with us needs its queue back to get our replies.
        await asyncio.sleep(1.5 * RECONNECT_INTERVAL)

    async def _wait_connected(self) -> None:
        connection = self.connection.connection
        if connection is None or getattr(connection, "is_closed", True):
            raise connection_error("There is no connection to the broker.")
        await self.connection.channel.ready()


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
