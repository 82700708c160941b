"""No peer but a floor: the bytes of clu's TCP JSON between two bare protocols of asyncio.

The server counts lines and answers each with bytes that were encoded beforehand; the client counts
the lines of the answers. Nothing is parsed, checked or kept.
"""

from __future__ import annotations

import asyncio
import collections
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from common import Client, main, value, write_updates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_REPLY = (
    '{"header": {"command_id": 536870912, "commander_id": "8a3c2b6e-2d0c-4c5d-9f0e-3b1a7c9d5e42", '
    '"message_code": "%s", "internal": %s, "sender": "bench"}, "data": {%s}}\n'
)
_UPDATE = (
    '{"header": {"command_id": null, "commander_id": null, "message_code": "i", '
    '"internal": false, "sender": "bench"}, "data": {"temperature": %r}}\n'
)
_RUNNING = _REPLY % (">", "true", "")
_PONG = (_RUNNING + _REPLY % (":", "false", '"text": "Pong."')).encode()
_MOVED = (_RUNNING + _REPLY % (":", "false", '"position": 5.0')).encode()
_UPDATES = [(_UPDATE % value(index)).encode() for index in range(64)]
#: What is before a value, and after it.
_BEFORE, _AFTER = _UPDATES[0].rindex(b" ") + 1, -3


class Server(asyncio.Protocol):
    """Answers lines."""

    transport: Any
    task: asyncio.Task[None]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if b"burst" in data:
            self.task = asyncio.ensure_future(self.burst(int(data.split()[-1])))
        else:
            answer = _MOVED if b"move" in data else _PONG
            self.transport.write(answer * data.count(b"\n"))

    async def burst(self, number: int) -> None:
        written: list[bytes] = []
        indices = iter(range(number))

        def write(_: float) -> None:
            written.append(_UPDATES[next(indices) % 64])
            if len(written) == 50:
                self.transport.write(b"".join(written))
                written.clear()

        await write_updates(number, write)
        self.transport.write(b"".join(written))


class Peer(Client, asyncio.Protocol):
    """Counts the lines of answers, two a command, or takes the values of updates."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.waiting: collections.deque[asyncio.Future[None]] = collections.deque()
        self.rest = b""
        self.lines = 0
        self.gathered: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.waiting:
            self.take_updates(data)
            return
        self.lines += data.count(b"\n")
        while self.lines >= 2:
            self.lines -= 2
            self.waiting.popleft().set_result(None)

    def take_updates(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take(float(line[_BEFORE : _AFTER + 1]))

    async def send(self, line: bytes) -> None:
        done = asyncio.get_running_loop().create_future()
        if not self.waiting:
            self.transport.write(line)
        else:  # many at once are sent together
            if not self.gathered:
                asyncio.get_running_loop().call_soon(self.flush)
            self.gathered.append(line)
        self.waiting.append(done)
        await done

    def flush(self) -> None:
        self.transport.write(b"".join(self.gathered))
        self.gathered.clear()

    async def ping(self) -> None:
        await self.send(b"536870912 ping\n")

    async def move(self) -> None:
        await self.send(b"536870912 move 5 --fast\n")

    async def start_updates(self, number: int) -> None:
        self.transport.write(b"burst %d\n" % number)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    listening = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    yield f"{host}:{port}"
    listening.close()


@asynccontextmanager
async def client(address: str) -> AsyncIterator[Client]:
    host, port = address.split(":")
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(Peer, host, int(port))
    yield protocol
    transport.close()


if __name__ == "__main__":
    main(server, client)
