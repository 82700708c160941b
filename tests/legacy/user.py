"""A user of legacy actors, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import NamedTuple

TERMINAL = (":", "f")
_reply = re.compile(r"(\d+) (\d+) (.) (.*)\n", re.DOTALL)


class Line(NamedTuple):
    user_id: int
    command_id: int
    code: str
    body: str


def split(line: bytes) -> Line:
    found = _reply.fullmatch(line.decode())
    assert found is not None, line
    user_id, command_id, code, body = found.groups()
    return Line(int(user_id), int(command_id), code, body)


class User:
    """A connection to an actor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, host: str = "localhost") -> User:
        """Connect, without reading the greeting."""
        return cls(*await asyncio.open_connection(host, port, limit=64 * 1024 * 1024))

    @classmethod
    async def greeted(cls, port: int) -> User:
        """Connect, and read up to the end of the greeting."""
        user = await cls.connect(port)
        while "version=" not in (await user.reply()).body:
            pass
        return user

    async def __aenter__(self) -> User:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def send(self, line: bytes | str) -> None:
        self.writer.write((line.encode() if isinstance(line, str) else line) + b"\n")

    async def line(self) -> bytes:
        line = await asyncio.wait_for(self.reader.readline(), 20)
        if not line:
            raise EOFError("the actor closed the connection")
        return line

    async def reply(self) -> Line:
        return split(await self.line())

    async def replies(self) -> list[Line]:
        """Return the replies up to the end of a command."""
        found = [await self.reply()]
        while found[-1].code not in TERMINAL:
            found.append(await self.reply())
        return found

    async def ask(self, line: bytes | str) -> list[Line]:
        self.send(line)
        return await self.replies()

    async def rest(self, seconds: float = 0.05) -> bytes:
        """Return what is received until nothing more arrives for a while."""
        data = b""
        while True:
            try:
                piece = await asyncio.wait_for(self.reader.read(1 << 20), seconds)
            except asyncio.TimeoutError:
                return data
            if not piece:
                return data
            data += piece
