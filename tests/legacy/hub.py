"""A simulated hub: it relays commands to actors, and their replies to all of its clients."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import NamedTuple


class Origin(NamedTuple):
    """Where a command came from: the commander and its number for the command."""

    commander: str
    mid: str


class Nub:
    """The connection of the hub to an actor."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.user_id = "0"
        self.writer: asyncio.StreamWriter | None = None
        self.task: asyncio.Task[None] | None = None
        self.running: dict[str, Origin] = {}


class Hub:
    """A hub.

    Clients send ``<commander> <mid> <target> <command>``. What the hub does by itself:
    ``hub startNubs <actor>`` connects to an actor, ``keys getFor=<actor> <names>`` replies with
    what is in `keys`. It numbers the commands for an actor anew, and puts the commander and its
    number back before the replies.
    """

    def __init__(self) -> None:
        self.port = 0
        self.nubs: dict[str, Nub] = {}
        self.keys: dict[str, dict[str, str]] = {}
        self.received: list[str] = []
        self.clients: list[asyncio.StreamWriter] = []
        self.silent = False
        self.connections = 0
        self._numbers = itertools.count(1)
        self._server: asyncio.AbstractServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Hub:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        writers = [nub.writer for nub in self.nubs.values() if nub.writer is not None]
        for writer in [*self.clients, *writers]:
            writer.close()
        nubs = [nub.task for nub in self.nubs.values() if nub.task is not None]
        await asyncio.gather(*self._tasks, *nubs, return_exceptions=True)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def add_actor(self, name: str, port: int) -> Nub:
        """Tell the hub where an actor listens."""
        self.nubs[name] = nub = Nub(name, port)
        return nub

    def say(self, line: str | bytes) -> None:
        """Send bytes to all clients."""
        data = line if isinstance(line, bytes) else f"{line}\n".encode()
        for writer in self.clients:
            writer.write(data)

    def commands(self, *targets: str) -> list[str]:
        """Return the received commands without their headers, for some targets or for all."""
        split = [line.split(" ", 2)[2] for line in self.received]
        return [command for command in split if not targets or command.split()[0] in targets]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.clients.append(writer)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self.received.append(line.decode().rstrip("\n"))
                await self._handle(*self.received[-1].split(" ", 3))
        self.clients.remove(writer)
        writer.close()
        self._tasks.discard(task)

    async def _handle(self, commander: str, mid: str, target: str, command: str = "") -> None:
        origin = Origin(commander, mid)
        if self.silent:
            return
        if target == "hub" and command.startswith("startNubs "):
            started = await self._start_nub(command.split()[1])
            self._reply(origin, "hub", ":" if started else "f", "" if started else "noNub")
        elif target == "keys" and command.startswith("getFor="):
            actor, *names = command.removeprefix("getFor=").split()
            known = self.keys.get(actor, {})
            found = "; ".join(f"{name}={known[name]}" for name in names if name in known)
            self._reply(origin, f"keys_{actor}", "i", found)
            self._reply(origin, f"keys_{actor}", ":", "")
        elif target in self.nubs and self.nubs[target].writer is not None:
            nub = self.nubs[target]
            number = str(next(self._numbers))
            nub.running[number] = origin
            nub.writer.write(f"{commander} {number} {command}\n".encode())
        else:
            self._reply(origin, "hub", "f", f'NoTarget="{target}"')

    def _reply(self, origin: Origin, actor: str, code: str, keywords: str) -> None:
        self.say(f"{origin.commander} {origin.mid} {actor} {code} {keywords}")

    async def _start_nub(self, name: str) -> bool:
        nub = self.nubs.get(name)
        if nub is None:
            return False
        if nub.writer is not None and nub.task is not None:
            nub.writer.close()
            await nub.task
        try:
            reader, nub.writer = await asyncio.open_connection("127.0.0.1", nub.port)
        except OSError:
            return False
        nub.task = asyncio.create_task(self._listen(nub, reader))
        return True

    async def _listen(self, nub: Nub, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                user_id, number, code, *rest = line.decode().rstrip("\n").split(" ", 3)
                keywords = rest[0] if rest else ""
                if keywords.startswith("yourUserID="):
                    nub.user_id = user_id
                running = nub.running.get(number) if user_id == nub.user_id else None
                origin = running or Origin(f".{nub.name}", "0")
                self._reply(origin, nub.name, code, keywords)
                if running is not None and code in ":f":
                    del nub.running[number]
        if nub.writer is not None:
            nub.writer.close()
            nub.writer = None
