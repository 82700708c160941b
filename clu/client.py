"""Clients of an AMQP broker.

It is over 400 lines since users read one class with its documented parameters and methods here;
what it is made of is in ``clu._amqp``.
"""

from __future__ import annotations

import asyncio
import time
import uuid
import warnings
from typing import TYPE_CHECKING, Any

from clu._amqp.absence_watch import AbsenceWatch
from clu._amqp.announcement import ANNOUNCEMENT, PRESENCE_KEY, PRESENT, QUESTION, STARTED
from clu._amqp.backlog import BACKLOG_BYTES, OUTBOX_BYTES, OUTBOX_MESSAGES
from clu._amqp.connection import TopicListener
from clu._amqp.duplicates import seen_messages
from clu._amqp.errors import TIMEOUT
from clu._amqp.log import forget_reasons
from clu._amqp.presence import who_is_there
from clu._amqp.properties import client_properties
from clu._amqp.publishing import REPLIES, PublishingMixIn, not_routed
from clu._amqp.reply import CODES, AMQPReply
from clu._amqp.running import RunningCommands
from clu._amqp.size import MAX_MESSAGE_SIZE
from clu._core.callbacks import CallbackMixIn
from clu._core.loop import call_at_shutdown
from clu._core.names import lazy_names
from clu._remote.client import CommandsActors
from clu._speedups.received import ReplyReceiver
from clu.base import BaseClient
from clu.command import Command
from clu.exceptions import CluError, CluValueError
from clu.model import ModelSet

if TYPE_CHECKING:
    import pathlib
    import ssl as ssl_module
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from aio_pika.abc import AbstractIncomingMessage
    from sdsstools.logger import SDSSLogger
    from typing_extensions import Self

    from clu._amqp.sender import Sender
    from clu._amqp.sending import Sending
    from clu._core.missing_model import MissingModel
    from clu._core.result import CommandResult
    from clu._watch.watchers import Watchers
    from clu.command import BaseCommand

__all__ = ["AMQPClient", "AMQPReply"]

#: The seconds that `stop` waits for what was written to reach the broker.
_STOP_TIMEOUT = 5.0


_STATS = (
    "published",
    "repeated",
    "nacked",
    "dropped",
    "dropped_outbox",
    "dropped_backlog",
    "unpublished",
    "backlog",
    "backlog_bytes",
    "backlog_peak",
    "stalls",
)


class AMQPClient(PublishingMixIn, BaseClient, CommandsActors):
    """A client of an AMQP broker: it commands actors and follows their replies.

    Parameters
    ----------
    name
        The name of the client; a random one by default. There can be one client of a name.
    url
        The address of the broker, ``amqp://...`` or ``amqps://...``; the parameters up to
        ``ssl`` are then ignored. An empty one counts as none. The nodes of a cluster are
        separated by commas (``amqp://a,b:5673,c/vhost``), or each has a URL in a list. They are
        shuffled, and tried one after the other. ``memory://...`` is a
        `clu.testing.MemoryBroker`.
    user, password, host, port, virtualhost, ssl
        The parameters of the connection.
    version, log_dir, log, loop, kwargs
        Arguments of `BaseClient`.
    models
        The actors whose keywords are followed.
    ssl_context
        The TLS settings, where the default ones do not do.
    connection_timeout
        The seconds that connecting may take.
    outbox_messages, outbox_bytes
        How many replies, and bytes of memory for them, wait while there is no connection to the
        broker. Further ones are counted, logged and dropped, except the first and the last one
        of a command.
    backlog_bytes
        How many bytes of memory the replies may take that wait, while there is a connection, for
        the confirmation of the broker. `drain` waits until they are few.
    lost_command_limit
        After the connection was lost, the client asks each actor which commands it runs. A command
        fails at once if its actor does not run it, and after this many seconds if its actor does
        not answer and no reply comes either. So does a command to an actor that announces that it
        does not run it, because it was started again or lost its own connection. None stands for
        no limit.
    heartbeat
        The interval of the heartbeats between the broker and the client, in whole seconds; 0
        switches them off. The broker closes a connection from which it has received nothing for
        one to two intervals, and the client connects again when it has received nothing for three
        intervals and 3 s. By default what the URL says (``?heartbeat=10``), else 60.
    hosts
        The nodes of a cluster instead of ``host``: a list of ``HOST`` or ``HOST:PORT``.
    max_message_size
        The most bytes that a reply or a command may have. A longer reply is replaced by an error
        that names the sizes of its keywords, a longer command raises an error. If the broker takes
        less, that is learnt from the first message that it refuses.
    absent_actor_limit
        A command fails if its actor, which has begun to run it, has not been on the broker for this
        many seconds. The client looks from time to time while there are no replies. Only actors of
        this package are looked for. None stands for no limit.

    Attributes
    ----------
    connection
        The `TopicListener`.
    models
        The models of the actors that are followed.
    running_commands
        The commands of other actors that run, by their id.
    replies_queue
        The queue of aio_pika that replies come from.
    """

    _absence_watch: AbsenceWatch | None = None

    def __init__(
        self,
        name: str | None = None,
        url: str | list[str] | None = None,
        user: str = "guest",
        password: str = "guest",
        host: str = "localhost",
        port: int = 5672,
        virtualhost: str = "/",
        ssl: bool = False,
        version: str | None = None,
        log_dir: pathlib.Path | str | None = None,
        log: SDSSLogger | None = None,
        models: list[str] = [],
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        ssl_context: ssl_module.SSLContext | None = None,
        connection_timeout: float = TIMEOUT,
        outbox_messages: int = OUTBOX_MESSAGES,
        outbox_bytes: int = OUTBOX_BYTES,
        backlog_bytes: int = BACKLOG_BYTES,
        lost_command_limit: float | None = 60.0,
        heartbeat: int | None = None,
        hosts: list[str] | str | None = None,
        max_message_size: int = MAX_MESSAGE_SIZE,
        absent_actor_limit: float | None = 10.0,
        **kwargs: Any,
    ) -> None:
        if name is None:
            name = f"amqp-client-{uuid.uuid4().hex[:12]}"
        super().__init__(name, version=version, log_dir=log_dir, log=log, **kwargs)
        self.connection = TopicListener(
            url,
            user,
            password,
            host,
            virtualhost,
            port,
            ssl,
            ssl_context,
            connection_timeout,
            heartbeat,
            hosts,
        )
        self.connection.client_properties = client_properties(name)
        self.replies_queue: Any = None
        self.running_commands = RunningCommands(self._create_task)
        if absent_actor_limit is not None:
            self._absence_watch = AbsenceWatch(self, absent_actor_limit)
        self.models = ModelSet(self, actors=models or [], raise_exception=False)
        self.models.on_added = self._subscribe_soon
        self.lost_command_limit = lost_command_limit
        self._notifier = CallbackMixIn()
        self._callbacks = self._notifier._callbacks
        self._seen = seen_messages()
        self._receiver = ReplyReceiver(
            self,
            _handle_reply,
            *(AMQPReply, CODES, self._seen),
            *(PRESENCE_KEY, ANNOUNCEMENT),
        )
        self._receives_replies = True
        self._lost_at: float | None = None
        self._stopped: asyncio.Event | None = None
        self._sender: Sender | None = None
        self._guard: AsyncGenerator[None, None] | None = None
        self._questions: dict[str, set[str]] = {}
        self._answer_takers: dict[str, Callable[[AMQPReply], Any]] = {}
        self._started_at = 0.0
        self._asking: set[str] = set()
        self._limits = (max_message_size, outbox_messages, outbox_bytes, backlog_bytes)

    def __repr__(self) -> str:
        where = self.connection.address if self.is_connected() else "disconnected"
        return f"<{self!s} (name={self.name!r}, {where})>"

    async def __aenter__(self) -> Self:
        if not self.connection.is_started:
            await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def stats(self) -> dict[str, Any]:
        """How many messages were published, dropped and are waiting.

        ``published``, ``repeated``
            Confirmed by the broker; published more than once because the connection was lost.
        ``nacked``
            Replies that at least one queue, which is gone, did not get.
        ``dropped``
            Replies that nobody gets: the sum of ``dropped_outbox`` and ``dropped_backlog``, for
            which there was no room without and with a connection, and ``unpublished``, which
            cannot be encoded or were given up.
        ``backlog``, ``backlog_bytes``, ``backlog_peak``
            The messages that wait for a confirmation, the memory that they take in bytes, and the
            largest value of that so far.
        ``stalls``
            How often the connection took no more for a while.
        ``queues``
            The names of the queues that have others than the known ones, by the known ones, as
            the broker says that these are locked.
        """
        if (sender := self._sender) is None:
            return {**dict.fromkeys(_STATS, 0), "queues": {}}
        backlog = sender.backlog
        values = (
            sender.published,
            sender.repeated,
            sender.nacked,
            backlog.dropped + sender.unpublished,
            backlog.dropped_outbox,
            backlog.dropped_backlog,
            sender.unpublished,
            backlog.count,
            backlog.size,
            backlog.peak,
            sender.stalls,
        )
        return {**dict(zip(_STATS, values, strict=True)), "queues": self.connection.other_names}

    async def drain(self, command: Any = None) -> None:
        """Wait until the broker has confirmed so much that more should be written.

        A loop that writes many replies awaits it, so that they do not pile up in memory. It
        returns at once while there are few.

        Parameters
        ----------
        command
            Accepted because other actors know it; all commands share one connection.
        """
        if self._sender is not None and self.connection.is_open:
            await self._sender.backlog.drain()

    async def start(self, exchange_name: str = "sdss_exchange") -> Self:
        """Connect to the broker, and load the models.

        Raises
        ------
        CluConnectionError
            If the broker cannot be reached or refuses the connection.
        CluError
            If there is a client of the same name.
        CluValueError
            If the host or the port make no sense.
        """
        if not self.connection.is_started:  # to start again is an error of the connection
            self._sender = self._make_plane(exchange_name, *self._limits)
        await self.connection.connect(exchange_name)
        self._started_at = time.monotonic()
        try:
            self.set_loop_exception_handler()
            self._stopped = asyncio.Event()
            self.connection.connection.close_callbacks.add(self._connection_lost)
            self.connection.connection.reconnect_callbacks.add(self._connection_back)
            self.connection.channel.close_callbacks.add(self._channel_closed)
            self._receives_replies = self._wants_replies()
            self.replies_queue = await self.connection.add_queue(
                f"{self.name}_replies",
                bindings=[*self._keys(), *([REPLIES] if self._receives_replies else [])],
                # What a subclass does with a message may include to acknowledge it.
                no_ack=self._receiver.is_plain(),
                handler=self._receiver.take,
                owner=self.name,
            )
            self._log_bound("Replies", self.replies_queue)
            await self.models.load_schemas()
        except BaseException:
            await AMQPClient.stop(self)
            raise
        assert self._sender is not None
        if self._watchers is not None:
            self._watchers.restored()
        self._sender.on_nacked = self._command_nacked
        self._guard = await call_at_shutdown(self._disconnect)
        return self

    async def stop(self) -> None:
        """Publish what was written, and close the connection."""
        self._end_watching()
        self.running_commands.fail_all("The client was stopped.")
        if self._absence_watch is not None:
            self._absence_watch.stop()
        if self.connection.is_connected and self._sender is not None:
            await self._sender.wait_confirmed(_STOP_TIMEOUT)
        guard, self._guard = self._guard, None
        await (self._disconnect() if guard is None else guard.aclose())
        await self._notifier.stop_callbacks()
        if self._stopped is not None:
            self._stopped.set()
        await super().stop()

    async def _disconnect(self) -> None:
        """Close the connection, also in a program that ends without `stop`."""
        if self._sender is not None:
            self._sender.give_up(CluError("the client was stopped"))
        await self.connection.stop()

    async def run_forever(self) -> None:
        """Wait until the client is stopped."""
        if self._stopped is None:
            self._stopped = asyncio.Event()
        await self._stopped.wait()

    def is_connected(self) -> bool:
        """Whether there is a connection to the broker right now."""
        return self.connection.is_connected

    def add_reply_callback(self, callback_func: Callable[[AMQPReply], Any]) -> None:
        """Add a function or coroutine function that is called with each reply."""
        self._notifier.register_callback(callback_func)
        self._subscribe_soon()

    def remove_reply_callback(self, callback_func: Callable[[AMQPReply], Any]) -> None:
        """Remove a callback.

        Raises
        ------
        CluValueError
            If it is not registered.
        """
        if callback_func not in self._callbacks:
            raise CluValueError("Callback not registered.")
        self._notifier.remove_callback(callback_func)

    # -- out ------------------------------------------------------------------------------

    async def send_command(  # type: ignore[override]
        self,
        consumer: str,
        command_string: str | dict[str, Any],
        *args: Any,
        command_id: str | None = None,
        callback: Callable[[AMQPReply], Any] | None = None,
        internal: bool = False,
        command: BaseCommand[Any, Any] | None = None,
        time_limit: float | None = None,
        await_command: bool = True,
        **command_kwargs: Any,
    ) -> Command[Any]:
        """Send a command to an actor.

        Parameters
        ----------
        consumer
            The name of the actor.
        command_string
            The command; a dictionary for an actor with a JSON parser.
        args
            Further words of the command.
        command_id
            The id of the command; a new one by default.
        callback
            The old name of ``reply_callback``.
        internal
            Whether the command, and with it its replies, is marked as internal.
        command
            The command on whose behalf this one is sent: it passes on its ids.
        time_limit
            After how many seconds the command ends as timed out.
        await_command
            Whether to return only when the command has ended.
        command_kwargs
            Arguments of `clu.command.Command`, such as ``reply_callback``.

        Returns
        -------
        command
            The command. A command that no actor receives has failed.

        Raises
        ------
        CluConnectionError
            If there is no connection to the broker, as an ``AMQPConnectionError`` of aio_pika.
        CommandError
            If a command of this id is still running.
        """
        if callback is not None:
            warnings.warn(
                "The 'callback' argument is deprecated and will be removed in a future version. "
                "Please use 'reply_callback' instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            command_kwargs.setdefault("reply_callback", callback)
        commander_id = f"{self.name}.{consumer}"
        if command is not None and command.commander_id is not None:
            commander_id = f"{command.commander_id}.{consumer}"
            if not self.running_commands.runs(str(command.command_id)):
                command_id = str(command.command_id)
        string: Any = command_string
        if args or not isinstance(command_string, dict):  # which is for a JSON parser
            string = " ".join(map(str, (command_string, *args)))
        sent: Command[Any] = Command(
            string,
            commander_id=commander_id,
            command_id=str(command_id or uuid.uuid4()),
            consumer_id=consumer,
            internal=internal,
            time_limit=time_limit,
            **command_kwargs,
        )
        await self._send(sent, consumer)
        if await_command:
            await sent
        return sent

    async def send_task(
        self, consumer: str, task_name: str, payload: dict[str, Any] = {}, **kwargs: Any
    ) -> None:
        """Send a task to an actor. Nothing comes back.

        Parameters
        ----------
        consumer
            The name of the actor.
        task_name
            The name of the task, for which the actor has a handler.
        payload, kwargs
            What is passed to the handler.
        """
        from aio_pika.exceptions import DeliveryError

        headers = {"commander_id": f"{self.name}.{consumer}", "task": True}
        body = {"task": task_name, **(payload or {}), **kwargs}
        try:
            await self._publish_message(consumer, headers, body, str(uuid.uuid4()))
        except DeliveryError:
            self.log.error("Failed routing task %r to consumer %r.", task_name, consumer)

    def _begin_command(
        self,
        actor: str,
        text: str,
        parent: BaseCommand[Any, Any] | None,
        is_repeated: bool,
        reply_callback: Callable[[AMQPReply], Any] | None,
        time_limit: float | None,
        internal: bool = False,
    ) -> Coroutine[Any, Any, Command[Any]]:
        """Send a command of a `clu.remote.RemoteActor`."""
        if parent is not None and is_repeated:  # under an id of its own
            parent = Command(commander_id=parent.commander_id, command_id=str(uuid.uuid4()))
        return self.send_command(
            actor,
            text,
            internal=internal,
            command=parent,
            time_limit=time_limit,
            await_command=False,
            reply_callback=reply_callback,
        )

    def _is_absent(self, result: CommandResult) -> bool:
        """Whether a command has failed since there is no such actor."""
        return bool(result.last("error") == not_routed(result.actor))

    async def _present_actors(self) -> list[str]:
        """Return the names of the actors that answer, or whose models are known."""
        present = await who_is_there(self)
        return sorted({*(item.name for item in present if item.is_actor), *self.models})

    def _log_bound(self, what: str, queue: Any) -> None:
        self.log.debug("%s queue %r bound to %s", what, queue.name, self.connection.address)
        for known, name in self.connection.other_names.items():
            if name == queue.name:
                self.log.warning(
                    "%s: the queue %r is locked, but nobody answers: it is called %r for now.",
                    self.name,
                    known,
                    name,
                )

    def _keys(self) -> list[str]:
        """Return the routing keys, besides those of replies, that the queue for replies gets."""
        return [f"{PRESENCE_KEY}.{self.name}", PRESENCE_KEY]

    def _wants_replies(self) -> bool:
        """Whether replies are used from the start."""
        return True

    def _subscribe_soon(self) -> None:
        if not self._receives_replies and self.connection.connection is not None:
            self._create_task(self._subscribe_to_replies())

    def _connection_lost(self, _: Any, error: BaseException | None = None) -> None:
        connection = self.connection.connection
        if connection is None or connection.close_called:  # on purpose
            return
        self.running_commands.connection_lost(self.lost_command_limit)
        if self._lost_at is None:  # not one of further attempts that failed
            self._lost_at = time.monotonic()
            reason = str(error or "") or type(error).__name__
            self.log.warning(
                "%s: lost the connection to %s (%s); connecting again.",
                self.name,
                self.connection.address,
                reason,
            )

    def _connection_back(self, *_: Any) -> None:
        if self._lost_at is not None:
            seconds, self._lost_at = time.monotonic() - self._lost_at, None
            self.log.warning(
                "%s: connected to %s again after %.1f s; %d messages wait%s.",
                self.name,
                self.connection.address,
                seconds,
                self.stats["backlog"],
                "".join(
                    f"; the queue {known!r} is locked and now {name!r}"
                    for known, name in self.connection.other_names.items()
                ),
            )
        forget_reasons(self.connection.connection)
        for consumer in self.running_commands.connection_back(self.lost_command_limit):
            self._create_task(self._ask_what_runs(consumer))
        if self._watchers is not None:
            self._watchers.restored()

    def _make_watchers(self) -> Watchers:
        from clu._amqp.watching import make_watchers

        return make_watchers(self)

    def _command_nacked(self, item: Sending) -> None:
        command_id = item.envelope.correlation_id
        if command_id is not None:  # it is no question
            self.running_commands.nacked(command_id, self.lost_command_limit)
            self._ask_soon(item.envelope.routing_key.partition(".")[2])

    def _channel_closed(self, *_: Any) -> None:
        self._seen.close_channel()

    # -- in -------------------------------------------------------------------------------

    def _take_question(self, message: Any) -> None:
        if not message.processed:
            message.acknowledge()
        self._answer_presence(message)

    async def _run_handle_reply(self, message: AbstractIncomingMessage) -> None:
        try:
            await self.handle_reply(message)
        except Exception:
            self.log.exception("%s: failed handling a reply.", self.name)

    def _is_echo(self, message: Any) -> bool:
        """Whether a reply to a command that is not of this actor is its own, and for others."""
        message_id = message.message_id
        return (
            message_id is not None
            and self._sender is not None
            and message_id.startswith(self._sender.prefix)
            and not self._callbacks
            and not self.models
        )

    async def handle_reply(self, message: AbstractIncomingMessage) -> AMQPReply:
        """Handle a reply: update the models and the command that it belongs to.

        Parameters
        ----------
        message
            The message of the broker.

        Returns
        -------
        reply
            The reply.
        """
        if not message.processed:
            await message.ack()
        reply: AMQPReply = self._receiver.handle(message)
        return reply

    def _take_announcement(self, reply: AMQPReply) -> None:
        """Take what an actor or another client says of itself."""
        sender = reply.sender or ""
        if (missing := self.models.missing.get(sender)) is not None:
            self._load_missing(missing, is_announced=True)
        question = str(reply.headers.get(QUESTION))
        if reply.headers[ANNOUNCEMENT] == STARTED:  # it may have other commands now
            self._forget_commands(sender)
        if reply.headers[ANNOUNCEMENT] != PRESENT:
            if self._watchers is not None:
                self._watchers.announced(sender)
            self.running_commands.take_announcement(reply, self.lost_command_limit)
        elif (take := self._answer_takers.get(question)) is not None:
            take(reply)
        elif reply.headers.get("commander_id") == self.name:
            asked = self._questions.pop(question, ())
            self.running_commands.take_presence(reply, asked)

    def _update_missing_model(self, reply: AMQPReply) -> None:
        """Keep the values of an actor whose model could not be loaded, and try again."""
        if missing := self.models.missing.get(reply.sender or ""):
            missing.keywords.update(reply.body)
            self._load_missing(missing)

    def _load_missing(self, missing: MissingModel, is_announced: bool = False) -> None:
        """Load the model of an actor that was not there, now that it is."""
        if missing.is_due(is_announced):
            self._create_task(self.models.load_missing(missing.actor))


#: As it is here, whatever a test has put in its place when a client is made.
_handle_reply = AMQPClient.handle_reply


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        CluWarning="clu.exceptions:CluWarning",
        CommandStatus="clu.tools:CommandStatus",
        Reply="clu.base:Reply",
        SDSSLogger="sdsstools.logger:SDSSLogger",
        apika="aio_pika",
        get_event_loop="clu.tools:get_event_loop",
    )
