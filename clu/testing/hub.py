"""A stand-in for the hub behind which legacy actors are."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from clu.exceptions import CluRuntimeError, CluTypeError
from clu.testing.in_memory import open_connection

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Hub"]

#: The longest line that it takes, in bytes.
_LIMIT = 64 * 1024 * 1024


class _Origin(NamedTuple):
    """Where a command came from: the commander and its number for the command."""

    commander: str
    mid: str


class _Nub:
    """The connection of the hub to an actor, which is an object, or a port of this machine."""

    def __init__(self, name: str, place: Any) -> None:
        self.name = name
        self.place = place
        self.user_id = "0"
        self.writer: asyncio.StreamWriter | None = None
        self.task: asyncio.Task[None] | None = None
        self.running: dict[str, _Origin] = {}

    async def connect(self) -> asyncio.StreamReader:
        if isinstance(self.place, int):
            streams = await asyncio.open_connection("127.0.0.1", self.place, limit=_LIMIT)
        else:
            streams = await open_connection(self.place)
        self.writer = streams[1]
        return streams[0]


class Hub:
    """A hub on a port of this machine, for tests of legacy actors and of their clients.

    It relays the commands of its clients to the actors that it knows, under numbers of its own, and
    sends what they reply to all clients, with the commander and the number of the command. It does
    itself what actors and clients ask the hub for: ``hub startNubs <actor>`` connects to an actor,
    and ``keys getFor=<actor> <names>`` is answered with what is in `keys`. It is used with ``async
    with``, or `start` and `stop`.

    Parameters
    ----------
    port
        The port to listen on; a free one by default.

    Attributes
    ----------
    host, port
        Where it listens.
    keys
        The values of keywords, as they are written in replies, by the name of the keyword in lower
        case, by the name of the actor.
    received
        The lines that clients have sent.
    clients
        The streams to the clients that are connected.
    connections
        How many clients have connected so far.
    silent
        Whether it takes commands, and does nothing.
    """

    def __init__(self, port: int = 0) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.keys: dict[str, dict[str, str]] = {}
        self.received: list[str] = []
        self.clients: list[asyncio.StreamWriter] = []
        self.connections = 0
        self.silent = False
        self._nubs: dict[str, _Nub] = {}
        self._numbers = itertools.count(1)
        self._server: asyncio.AbstractServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self.host}:{self.port}, {len(self.clients)} clients)>"

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> Self:
        """Start listening.

        Raises
        ------
        CluRuntimeError
            If it listens already.
        OSError
            If it cannot listen on the port.
        """
        if self._server is not None:
            raise CluRuntimeError(f"The hub listens already, on port {self.port}.")
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        writers = [nub.writer for nub in self._nubs.values() if nub.writer is not None]
        for writer in [*self.clients, *writers]:
            writer.close()
        nubs = [nub.task for nub in self._nubs.values() if nub.task is not None]
        await asyncio.gather(*self._tasks, *nubs, return_exceptions=True)

    async def restart(self) -> None:
        """Close all connections, and listen again on the same port."""
        await self.stop()
        await self.start()

    def add_actor(self, actor: Any, port: int | None = None) -> None:
        """Tell the hub of an actor, to which it connects when it is asked to.

        Parameters
        ----------
        actor
            The actor, also one that was started by the fixture ``clu_actor``, or its name.
        port
            With a name, the port of this machine on which the actor listens.

        Raises
        ------
        CluTypeError
            If it is neither an actor, nor a name and a port.
        """
        if isinstance(actor, str) and isinstance(port, int):
            self._nubs[actor] = _Nub(actor, port)
        elif hasattr(actor, "server") and port is None:
            self._nubs[actor.name] = _Nub(actor.name, actor)
        else:
            raise CluTypeError(
                f"An actor, or a name and a port, are needed, not {actor!r} and {port!r}."
            )

    def say(self, line: str | bytes) -> None:
        """Send a line, or bytes as they are, to all clients."""
        data = line if isinstance(line, bytes) else f"{line}\n".encode()
        for writer in self.clients:
            writer.write(data)

    def commands(self, *targets: str) -> list[str]:
        """Return the commands that clients have sent, to some targets or to all.

        Each begins with the target, without the commander and the number.
        """
        split = [words[2] for line in self.received if len(words := line.split(" ", 2)) == 3]
        return [command for command in split if not targets or command.split()[0] in targets]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.clients.append(writer)
        try:
            with contextlib.suppress(ConnectionError):
                while line := await reader.readline():
                    self.received.append(line.decode(errors="backslashreplace").rstrip("\r\n"))
                    words = self.received[-1].split(" ", 3)
                    if len(words) >= 3:
                        await self._handle(*words)
                    else:
                        self._reply(_Origin(".hub", "0"), "hub", "w", 'text="not a command"')
        finally:
            self.clients.remove(writer)
            writer.close()
            self._tasks.discard(task)

    async def _handle(self, commander: str, mid: str, target: str, command: str = "") -> None:
        origin = _Origin(commander, mid)
        if self.silent:
            return
        if target == "hub" and command.startswith("startNubs "):
            started = await self._start_nub(command.split()[1])
            self._reply(origin, "hub", ":" if started else "f", "" if started else "noNub")
        elif target == "keys" and command.startswith("getFor="):
            actor, *names = command.removeprefix("getFor=").split() or [""]
            known = self.keys.get(actor, {})
            found = "; ".join(f"{name}={known[name]}" for name in names if name in known)
            self._reply(origin, f"keys_{actor}", "i", found)
            self._reply(origin, f"keys_{actor}", ":", "")
        elif target in self._nubs and (writer := self._nubs[target].writer) is not None:
            number = str(next(self._numbers))
            self._nubs[target].running[number] = origin
            writer.write(f"{commander} {number} {command}\n".encode())
        else:
            self._reply(origin, "hub", "f", f'NoTarget="{target}"')

    def _reply(self, origin: _Origin, actor: str, code: str, keywords: str) -> None:
        self.say(f"{origin.commander} {origin.mid} {actor} {code} {keywords}")

    async def _start_nub(self, name: str) -> bool:
        nub = self._nubs.get(name)
        if nub is None:
            return False
        if nub.writer is not None and nub.task is not None:
            nub.writer.close()
            await nub.task
        try:
            reader = await nub.connect()
        except OSError:
            return False
        nub.task = asyncio.create_task(self._listen(nub, reader))
        return True

    async def _listen(self, nub: _Nub, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                words = line.decode(errors="backslashreplace").rstrip("\n").split(" ", 3)
                if len(words) < 3:
                    continue
                user_id, number, code, *rest = words
                keywords = rest[0] if rest else ""
                if keywords.startswith("yourUserID="):
                    nub.user_id = user_id
                running = nub.running.get(number) if user_id == nub.user_id else None
                origin = running or _Origin(f".{nub.name}", "0")
                self._reply(origin, nub.name, code, keywords)
                if running is not None and code in ":f":
                    del nub.running[number]
        if nub.writer is not None:
            nub.writer.close()
            nub.writer = None
