"""How clients publish: commands and tasks one by one, and replies through an exchange of a test."""

from __future__ import annotations

import asyncio
import functools
import inspect
import uuid
from time import time
from typing import TYPE_CHECKING, Any

from clu._amqp.announcement import PRESENCE_KEY, PRESENT, QUESTION, announcement
from clu._amqp.backlog import Backlog
from clu._amqp.errors import connection_error
from clu._amqp.plane import DataPlane
from clu._amqp.properties import describe_program
from clu._amqp.running import RunningCommands, wait_until_sent
from clu._amqp.sending import Envelope
from clu._amqp.size import too_long
from clu._speedups.received import decode_headers
from clu._speedups.reply import encode_json
from clu.exceptions import CluError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._amqp.connection import TopicListener
    from clu._amqp.reply import AMQPReply
    from clu._amqp.sender import Sender
    from clu.command import Command

#: The seconds for which commands to an actor are gathered before it is asked about them.
_ASK_DELAY = 0.1
#: How many questions may have no answer. Those of actors that are gone never get one.
_MOST_QUESTIONS = 100
#: The routing keys of all replies.
REPLIES = "reply.#"


def not_routed(consumer: str) -> str:
    """Return why a command to an actor that is not there has failed."""
    return f"Failed routing message to consumer {consumer!r}."


class PublishingMixIn:
    """A mix-in for clients: it publishes commands and tasks."""

    name: str
    version: str
    log: Any
    connection: TopicListener
    running_commands: RunningCommands
    replies_queue: Any
    _create_task: Callable[..., asyncio.Task[Any]]
    #: Whether the queue for replies is bound to them.
    _receives_replies: bool
    #: The commands that each question was about that has not been answered.
    _questions: dict[str, set[str]]
    #: What takes the answers to other questions, by the ids of these.
    _answer_takers: dict[str, Callable[[AMQPReply], Any]]
    #: When the client was started, on the monotonic clock.
    _started_at: float
    #: The actors that will be asked.
    _asking: set[str]
    #: What publishes, once the client was started.
    _sender: Sender | None

    def _make_plane(self, exchange_name: str, max_message_size: int, *limits: int) -> Sender:
        """Make the data plane of the connection, and return what publishes on it."""
        plane = DataPlane(exchange_name, self.log, Backlog(self.log, *limits))
        plane.sender.max_message_size = max_message_size
        if self._sender is not None:
            plane.sender.continue_counts(self._sender)
        self.connection._plane = plane
        return plane.sender

    async def _send(self, sent: Command[Any], consumer: str) -> None:
        from aio_pika.exceptions import DeliveryError

        self.running_commands.add(sent)
        headers = {
            "command_id": str(sent.command_id),
            "commander_id": sent.commander_id,
            "internal": sent.internal,
            "write_to_log": sent.write_to_log,
        }
        body = {"command_string": sent.body}
        limit = self.connection.timeout
        try:
            is_sent = self._receives_replies or await self._subscribe_in_time(sent, limit)
            if is_sent and not sent.done():
                command_id = str(sent.command_id)
                is_sent = await self._publish_message(consumer, headers, body, command_id, sent)
            if not is_sent:
                where = self.connection.address
                raise connection_error(f"No answer from the broker at {where} within {limit} s.")
        except DeliveryError:
            self.running_commands.fail(sent, not_routed(consumer))
        except BaseException:
            self.running_commands.forget(sent)
            sent.cancel()
            raise

    async def _subscribe_in_time(self, sent: Command[Any], timeout: float) -> bool:
        """Subscribe to replies before a command is sent, which may have a time limit.

        Returns
        -------
        done
            False if that was not done, and the command has not ended either, within some seconds.
        """
        subscribing = asyncio.ensure_future(self._subscribe_to_replies())
        subscribing.add_done_callback(_retrieve_error)
        futures: set[asyncio.Future[Any]] = {subscribing, sent}
        try:
            await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if sent.done():
                return True
            if subscribing.cancelled():  # by aiormq, whose connection was closed
                raise connection_error("The connection to the broker was lost.")
            return subscribing.done() and subscribing.result() is None
        finally:
            subscribing.cancel()

    async def _subscribe_to_replies(self) -> None:
        """Bind the queue for replies to them, if it is not bound yet."""
        if not self._receives_replies:
            await self._wait_connected()
            await self.connection.bind(self.replies_queue, REPLIES)
            self._receives_replies = True

    async def _publish_message(
        self,
        consumer: str,
        headers: dict[str, Any],
        body: dict[str, Any],
        correlation_id: str,
        command: Command[Any] | None = None,
    ) -> bool:
        """Publish a message to an actor, and wait until the broker has confirmed it.

        Returns
        -------
        confirmed
            False if the broker has not answered in time. It is not waited for if a command is
            given that ends meanwhile, such as one with a time limit.

        Raises
        ------
        aio_pika.exceptions.DeliveryError
            If no actor of the name is there.
        CluConnectionError
            If there is no connection, as an ``AMQPConnectionError`` of aio_pika.
        CluValueError
            If the message is too long.
        """
        envelope = Envelope(
            f"command.{consumer}", headers, correlation_id, f"{self.name}_replies", True
        )
        encoded = encode_json(body)
        if (sender := self._sender) is not None and len(encoded) > sender.max_message_size:
            what, limit = f"The message to {consumer!r}", sender.max_message_size
            raise CluValueError(too_long(what, len(encoded), limit, body))
        if (exchange := self.connection.replacement) is not None:
            await self._publish_to(exchange, self._message(envelope, encoded), envelope.routing_key)
            return True
        if sender is None or not self.connection.is_open:
            raise connection_error("There is no connection to the broker.")
        waiting = asyncio.get_running_loop().create_future()
        item = sender.send(envelope, encoded, functools.partial(_settle, waiting))
        try:
            return await wait_until_sent(waiting, command, self.connection.timeout)
        finally:
            if not waiting.done() or item.attempts == 0:
                sender.withdraw(item)

    def _ask_soon(self, consumer: str) -> None:
        """Ask an actor which commands it runs, once for all those that are suspected meanwhile."""
        if consumer not in self._asking:
            self._asking.add(consumer)
            self._create_task(self._ask_later(consumer))

    async def _ask_later(self, consumer: str) -> None:
        try:
            await asyncio.sleep(_ASK_DELAY)
        finally:
            self._asking.discard(consumer)
        await self._ask_what_runs(consumer)

    async def _ask_what_runs(self, consumer: str) -> None:
        """Ask an actor which commands it runs, and clear ours if it is one that cannot tell."""
        from aio_pika.exceptions import AMQPError

        sender, asked = self._sender, self.running_commands.suspects_of(consumer)
        if not asked or sender is None or not self.connection.is_open:
            return
        question = uuid.uuid4().hex
        headers = {"commander_id": self.name, QUESTION: question}
        key = f"{PRESENCE_KEY}.{consumer}"
        envelope = Envelope(key, headers, None, f"{self.name}_replies", True)
        waiting = asyncio.get_running_loop().create_future()
        sender.send(envelope, b"", functools.partial(_settle, waiting))
        while len(self._questions) >= _MOST_QUESTIONS:  # without an answer
            del self._questions[next(iter(self._questions))]
        self._questions[question] = asked
        try:
            await waiting
        except CluError:
            pass  # the connection is lost, and we shall ask again, or the client was stopped
        except AMQPError:
            # It is not there, or not one of ours.
            if self.connection.is_connected and await self.connection.has_owner(
                f"{consumer}_commands"
            ):
                self.running_commands.clear_all_of(consumer)

    def _answer_presence(self, message: Any) -> None:
        """Tell who asks that a client of this name is there."""
        headers = decode_headers(message)
        asker = headers.get("commander_id")
        if self._sender is not None and isinstance(asker, str):
            question, program = headers.get(QUESTION), self._program()
            headers = announcement(self.name, PRESENT, None, asker, question, program)
            self._sender.put(Envelope(f"reply.{asker}", headers), b"{}", int(time()), True)

    def _program(self) -> dict[str, Any]:
        """Return what answers to questions for our presence tell about this program."""
        return describe_program(self.version, self._started_at)

    @staticmethod
    def _message(envelope: Envelope, body: bytes, **properties: Any) -> Any:
        """Return a message of aio_pika, for an exchange that is not ours."""
        from aio_pika import Message

        return Message(
            body,
            headers=envelope.headers,
            content_type="text/json",
            message_id=uuid.uuid4().hex,
            correlation_id=envelope.correlation_id,
            reply_to=envelope.reply_to,
            **properties,
        )

    async def _publish_to(self, exchange: Any, message: Any, routing_key: str) -> None:
        result = exchange.publish(message, routing_key=routing_key)
        if inspect.isawaitable(result):
            await result

    def _publish_soon(self, exchange: Any, message: Any, routing_key: str) -> None:
        """Publish a reply to an exchange that is not ours."""
        self._create_task(self._publish_to(exchange, message, routing_key))

    async def _wait_connected(self) -> None:
        if not self.connection.is_open:
            raise connection_error("There is no connection to the broker.")
        await self.connection.channel.ready()


def _retrieve_error(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _settle(future: asyncio.Future[bool], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(True)
    else:
        future.set_exception(error)
