"""A simulated hub, to try actors without a real one: hub.py PORT ACTOR=ACTOR_PORT...

Clients send ``<commander> <number> <actor> <command>``, and receive the replies of all actors as
``<commander> <number> <actor> <code> <keywords>``. An actor sends ``hub startNubs <actor>``
to ask for a connection. A real hub does much more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys

import clu


class Hub:
    """A hub that relays lines between its clients and the actors."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self.actors: dict[str, asyncio.StreamWriter] = {}
        self.clients: set[asyncio.StreamWriter] = set()
        self.running: dict[str, tuple[str, str]] = {}
        self.numbers = itertools.count(1)

    def tell(self, commander: str, number: str, actor: str, reply: str) -> None:
        """Send a reply to all clients."""
        for client in self.clients:
            client.write(f"{commander} {number} {actor} {reply}\n".encode())

    async def serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take the commands of a client."""
        self.clients.add(writer)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                words = line.decode(errors="replace").split(maxsplit=3)
                if len(words) >= 3:
                    await self.relay(*words)
        self.clients.discard(writer)
        writer.close()

    async def relay(self, commander: str, number: str, target: str, command: str = "") -> None:
        """Pass a command on to an actor, under a number of the hub."""
        if target == "hub" and command.startswith("startNubs "):
            found = await self.connect(command.split()[1])
            self.tell(commander, number, "hub", ":" if found else 'f text="No such actor."')
        elif target in self.actors:
            ours = str(next(self.numbers))
            self.running[ours] = (commander, number)
            self.actors[target].write(f"{commander} {ours} {command}\n".encode())
        else:
            self.tell(commander, number, "hub", f'f text="There is no actor {target}."')

    async def connect(self, name: str) -> bool:
        """Connect to an actor, and return whether that worked."""
        try:
            reader, writer = await asyncio.open_connection("localhost", self.ports[name])
        except (KeyError, OSError):
            return False
        self.actors[name] = writer
        self.listener = asyncio.create_task(self.follow(name, reader))
        print(f"The hub is connected to {name}.", flush=True)
        return True

    async def follow(self, name: str, reader: asyncio.StreamReader) -> None:
        """Tell the clients what an actor replies."""
        while line := await reader.readline():
            _, number, reply = line.decode().rstrip("\n").split(maxsplit=2)
            commander, theirs = self.running.get(number, (f".{name}", "0"))
            self.tell(commander, theirs, name, reply)
            if reply[0] in ":f":
                self.running.pop(number, None)
        del self.actors[name]


async def main(port: str, *actors: str) -> None:
    """Run the hub until it is interrupted."""
    ports = {name: int(at) for name, _, at in (actor.partition("=") for actor in actors)}
    await asyncio.start_server(Hub(ports).serve_client, "localhost", int(port))
    print(f"The hub listens at port {port}.", flush=True)
    # Since Python 3.12 `serve_forever` would wait for all clients to leave.
    await asyncio.Event().wait()


if __name__ == "__main__":
    clu.run(main(*sys.argv[1:]))
