"""Actors that a test starts: on a bus, or without a port."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from typing import TYPE_CHECKING, Any, TypeVar, overload

from clu._core.signature import class_signature
from clu._tcp.actor import TCPServerActor
from clu.actor import AMQPBaseActor
from clu.base import BaseActor
from clu.exceptions import CluRuntimeError, CluTypeError
from clu.testing.actor import MockReply, MockReplyList, command_message, setup_test_actor
from clu.testing.in_memory import open_connection, serve_in_memory
from clu.testing.recorder import plain

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from clu.testing.recorder import Recorder
    from clu.testing.recording import Bus

__all__ = ["ActorFactory"]

T = TypeVar("T", bound=BaseActor)

#: Who sends the commands of ``invoke_mock_command``.
_MOCK = "mock_test_client"
_GIVEN_TWICE = re.compile(r"multiple values for (?:keyword )?argument '(\w+)'")


class ActorFactory:
    """Starts actors for a test. The fixture ``clu_actor`` is one.

    Parameters
    ----------
    bus
        What AMQP actors are connected to, and where all that actors write is recorded.

    Attributes
    ----------
    actors
        The actors that were started.
    on_use
        A coroutine function that is called before an actor is made; None by default.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.actors: list[BaseActor] = []
        self.on_use: Callable[[], Awaitable[None]] | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @overload
    async def __call__(self, make: Callable[..., T], /, *args: Any, **kwargs: Any) -> T: ...

    @overload
    async def __call__(self, make: T, /) -> T: ...

    async def __call__(self, make: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Start an actor.

        An AMQP actor is connected to the bus, whatever its configuration says. A TCP or legacy
        actor listens on no port: `connect` connects to it. Each also gets what
        `clu.testing.setup_test_actor` adds: ``invoke_mock_command`` and ``mock_replies``.

        Parameters
        ----------
        make
            The class of the actor, something else that returns an actor, such as its
            ``from_config``, or an actor that was not started.
        args, kwargs
            The arguments of the class. By default the name is that of the class, in lower case;
            a host and a port are not needed.

        Returns
        -------
        actor
            The actor, which is stopped when the test has ended.

        Raises
        ------
        CluRuntimeError
            If the actor was started before.
        CluTypeError
            If it is no actor, or one of a kind that is not known.
        """
        if self.on_use is not None:
            await self.on_use()
        actor = make if isinstance(make, BaseActor) else _make(make, args, kwargs)
        if isinstance(actor, AMQPBaseActor):
            self._put_on_bus(actor)
        elif isinstance(actor, TCPServerActor):
            await _put_in_memory(actor, self._bus.log)
        else:
            raise CluTypeError(
                f"{make!r} is, or makes, no AMQP, TCP or legacy actor: it is {actor!r}."
            )
        self.actors.append(actor)
        await actor.start()
        return actor

    async def connect(self, actor: BaseActor) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a TCP or legacy actor, until the end of the test.

        See `clu.testing.open_connection`.
        """
        reader, writer = await open_connection(actor)
        self._writers.append(writer)
        return reader, writer

    async def close_connections(self) -> None:
        """Close the connections that `connect` has made."""
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _put_on_bus(self, actor: AMQPBaseActor) -> None:
        if actor.connection.is_started:
            raise CluRuntimeError(f"The actor {actor.name} was started already.")
        actor.connection.url, actor.connection.hosts = self._bus.url, None
        _mock_commands(actor, self._bus.log)


def _make(make: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a class or a function makes, with the arguments that a test need not give."""
    if not callable(make):
        raise CluTypeError(f"{make!r} is neither an actor nor a class of actors.")
    added = _defaults(make, args, kwargs) if isinstance(make, type) else {}
    while True:
        try:
            return make(*args, **kwargs, **added)
        except TypeError as error:
            # It has `**kwargs`, and gives its base class a name, for example, itself.
            found = _GIVEN_TWICE.search(str(error))
            if found is None or added.pop(found[1], None) is None:
                raise


def _defaults(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that a class of actors needs, and that are not given."""
    defaults: dict[str, Any] = {"name": cls.__name__.lower()}
    if issubclass(cls, TCPServerActor):
        defaults |= {"host": "localhost", "port": 0}
    parameters = class_signature(cls).parameters
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    by_place = [name for name, each in parameters.items() if each.kind is not keyword_only]
    given = {*by_place[: len(args)], *kwargs}
    return {
        name: value
        for name, value in defaults.items()
        if name in parameters
        and name not in given
        and parameters[name].default in (inspect.Parameter.empty, None)
    }


def _after_writing(actor: Any, function: Callable[[Any], None]) -> None:
    """Have a function called with each reply that an actor has written."""
    write = actor._write_internal

    @functools.wraps(write)
    def write_internal(reply: Any, *args: Any, **kwargs: Any) -> Any:
        result = write(reply, *args, **kwargs)
        function(reply)
        return result

    actor._write_internal = write_internal


def _mock_commands(actor: Any, log: Recorder) -> None:
    """Give an actor on the bus what `setup_test_actor` would give it, without cutting it off."""
    actor.mock_replies = MockReplyList(actor)

    def take(reply: Any) -> None:
        if actor.connection.replacement is not None:
            return  # a test has put something else in the place of the bus
        command = reply.command
        commander_id = None if command is None else command.commander_id
        command_id = None if command is None else command.command_id
        code = str(reply.message_code.value)
        values = plain(reply.message)
        actor.mock_replies.append(MockReply(commander_id, command_id, code, values))

    def invoke_mock_command(command_str: str, command_id: int | str = 0) -> Any:
        log.record_command("mock", actor.name, command_str, (_MOCK, str(command_id)))
        return actor.new_command(command_message(command_str, command_id), ack=False)

    actor.invoke_mock_command = invoke_mock_command
    _after_writing(actor, take)


async def _put_in_memory(actor: Any, log: Recorder) -> None:
    if actor.server.is_serving():
        raise CluRuntimeError(f"The actor {actor.name} was started already.")
    await setup_test_actor(actor)
    del actor.start
    serve_in_memory(actor.server)
    parse = actor.parse_command

    @functools.wraps(parse)
    def parse_command(command: Any) -> Any:
        transport, parent = command.transport, command.parent
        user = str(command.commander_id).lstrip(".")
        if transport is not None:
            user = f"user {str(transport.user_id)[:8]}"
        log.record_command(
            user,
            actor.name,
            command.body,
            (str(command.commander_id), str(command.command_id)),
            None if parent is None else (str(parent.commander_id), str(parent.command_id)),
            bool(command.internal),
        )
        return parse(command)

    actor.parse_command = parse_command
    _after_writing(actor, lambda reply: log.record_reply(actor.name, reply))
