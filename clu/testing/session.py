"""The bus, the client and the actors of one test, and what it must not leave behind."""

from __future__ import annotations

import asyncio
import functools
import gc
import threading
from typing import TYPE_CHECKING, Any

from clu.client import AMQPClient
from clu.exceptions import CluRuntimeError
from clu.testing.factory import ActorFactory
from clu.testing.recording import Bus

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu.base import BaseClient

__all__ = ["BusClient", "Session"]

#: The seconds that an actor may take to stop.
_STOP_LIMIT = 10.0
#: The seconds in which a task ends that is about to.
_TASK_LIMIT = 1.0
#: After so many iterations of the event loop a command that has ended counts as such.
_ITERATIONS = 10
#: Whose tasks belong to a connection. They do not take it well when they are cancelled.
_PACKAGES = ("aio_pika", "aiormq", "clu")


class BusClient(AMQPClient):
    """A client on a bus, which connects when it sends its first command.

    The fixture ``clu_client`` is one. It connects before the first actor of the test is started, so
    that it gets all that actors write.
    """

    def __init__(self, bus: Bus, name: str = "test") -> None:
        super().__init__(name, url=bus.url)
        self._starting = asyncio.Lock()

    async def start_once(self) -> None:
        """Connect, unless it is connected."""
        async with self._starting:
            if not self.connection.is_started:
                await self.start()

    if not TYPE_CHECKING:  # they take what those of the base class take

        @functools.wraps(AMQPClient.send_command)
        async def send_command(self, *args, **kwargs):
            await self.start_once()
            return await super().send_command(*args, **kwargs)

        @functools.wraps(AMQPClient.send_task)
        async def send_task(self, *args, **kwargs):
            await self.start_once()
            await super().send_task(*args, **kwargs)


class Session:
    """The bus, the client and the actors of one test.

    Parameters
    ----------
    on_begin
        A function that is called when one of them is first used, in the event loop that runs.

    Attributes
    ----------
    bus, actors
        The bus, and what starts actors.
    loop
        The event loop in which they are used, once they are.
    """

    def __init__(self, on_begin: Callable[[], None]) -> None:
        self.bus = Bus()
        self.actors = ActorFactory(self.bus)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._on_begin = on_begin
        self._thread = threading.current_thread()
        self._client: BusClient | None = None
        self._known_tasks: set[asyncio.Task[Any]] = set()
        self.bus.on_connecting = self._connecting
        self.actors.on_use = self._use_actors

    @property
    def client(self) -> BusClient:
        """The client."""
        if self._client is None:
            self._client = BusClient(self.bus)
        return self._client

    async def _use_actors(self) -> None:
        self._begin()
        if self._client is not None:
            await self._client.start_once()

    def _connecting(self) -> None:
        if threading.current_thread() is self._thread:
            self._begin()

    def _begin(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise CluRuntimeError(
                "clu runs on asyncio, and there is no running event loop of asyncio. "
                "With anyio, have the fixture anyio_backend return 'asyncio'."
            ) from None
        if self.loop is None:
            self.loop = loop
            self._known_tasks = asyncio.all_tasks(loop)
            self._on_begin()

    def end(self) -> list[str]:
        """Stop what was started; return what the test has left behind, each in a few words."""
        loop = self.loop
        if loop is None or loop.is_closed() or loop.is_running():
            return []  # with the event loop, everything in it has ended
        return loop.run_until_complete(self._end())

    async def _end(self) -> list[str]:
        problems = await self._end_commands()
        self.bus.faults.clear()  # what stops waits for what it has published
        client: list[BaseClient] = [] if self._client is None else [self._client]
        for each in [*client, *reversed(self.actors.actors)]:
            problems += await _stop(each)
        await self.actors.close_connections()
        connections = self._open_connections()
        if connections:
            for each in self._clients():
                await _stop(each)
        problems += connections
        return problems + await self._end_tasks(hides_others=bool(connections))

    async def _end_commands(self) -> list[str]:
        for _ in range(_ITERATIONS):
            if not (running := self._running_commands()):
                break
            await asyncio.sleep(0)
        return running

    def _running_commands(self) -> list[str]:
        found: dict[tuple[str, str], str] = {}
        for actor in self.actors.actors:
            active: set[Any] = actor._active_commands
            for command in active:
                commander = str(command.commander_id)
                if command.done() or commander.startswith("."):  # the actor commands itself
                    continue
                what = f"the command {command.body!r} still runs on {actor.name}"
                found[actor.name, str(command.command_id)] = what
        running = {} if self._client is None else self._client.running_commands
        for command_id, command in running.items():
            actor_name = str(command.consumer_id)
            if not command.done() and (actor_name, str(command_id)) not in found:
                what = f"the command {command.body!r} to {actor_name} has not ended"
                found[actor_name, str(command_id)] = what
        return list(found.values())

    def _open_connections(self) -> list[str]:
        bus = self.bus
        bus.remove_dead()
        problems = []
        with bus.lock:
            queues = list(bus.host.queues.values())
            for session in bus.sessions:
                if getattr(session, "loop", self.loop) is not self.loop:
                    continue  # of another thread, which may be about to end it
                own = [queue.name for queue in queues if queue.owner is session]
                queues = [queue for queue in queues if queue.owner is not session]
                what = f"the connection of {session.name} is open"
                problems.append(f"{what}, with the queues {', '.join(own)}" if own else what)
            problems += [f"the queue {queue.name} exists" for queue in queues if not queue.owner]
        return problems

    def _clients(self) -> list[Any]:
        """Return the clients that are still connected: only the garbage collector knows them."""
        return [
            each
            for each in gc.get_objects()
            if issubclass(type(each), AMQPClient)
            and each.connection.url == self.bus.url
            and each.connection.is_started
        ]

    async def _end_tasks(self, hides_others: bool) -> list[str]:
        """Cancel the tasks that are left, but for those of a connection that is left, too."""
        ignored = {*self._known_tasks, asyncio.current_task()}
        left = asyncio.all_tasks() - ignored
        if left:
            _, left = await asyncio.wait(left, timeout=_TASK_LIMIT)
        problems, cancelled = [], []
        for task in left:
            what, package = _describe_task(task)
            is_other = package in _PACKAGES
            if not (is_other and hides_others):
                problems.append(what)
            if not is_other:
                task.cancel()
                cancelled.append(task)
        if cancelled:
            await asyncio.wait(cancelled, timeout=_TASK_LIMIT)
        return sorted(problems)


async def _stop(what: BaseClient) -> list[str]:
    try:
        await asyncio.wait_for(what.stop(), _STOP_LIMIT)
    except (asyncio.TimeoutError, TimeoutError):
        return [f"{what.name} did not stop within {_STOP_LIMIT:g} s"]
    except Exception as error:
        return [f"{what.name} did not stop: {type(error).__name__}: {error}"]
    return []


def _describe_task(task: asyncio.Task[Any]) -> tuple[str, str]:
    """Return a task in a few words, and the package of its coroutine."""
    coroutine: Any = task.get_coro()
    name = getattr(coroutine, "__qualname__", None) or repr(coroutine)
    frames = task.get_stack(limit=1)
    where, package = "", ""
    if frames:
        frame = frames[0]
        where = f", at {frame.f_code.co_filename}:{frame.f_lineno}"
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return f"the task {task.get_name()!r} still runs: {name}(){where}", package
