"""A client of TCP JSON actors, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

TERMINAL = (":", "f")


class Client:
    """A connection to an actor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, host: str = "localhost") -> Client:
        reader, writer = await asyncio.open_connection(host, port, limit=64 * 1024 * 1024)
        return cls(reader, writer)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def send(self, line: bytes | str) -> None:
        if isinstance(line, str):
            line = line.encode()
        self.writer.write(line + b"\n")

    async def reply(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.reader.readline(), 20)
        if not line:
            raise EOFError("the actor closed the connection")
        return json.loads(line)

    async def replies(self, command_id: int | None = None) -> list[dict[str, Any]]:
        """Return the replies up to the end of a command, of any command by default."""
        found = []
        while True:
            reply = await self.reply()
            found.append(reply)
            header = reply["header"]
            if header["message_code"] in TERMINAL and command_id in (None, header["command_id"]):
                return found

    async def ask(self, line: bytes | str) -> list[dict[str, Any]]:
        self.send(line)
        return await self.replies()


def codes(replies: list[dict[str, Any]]) -> list[str]:
    return [reply["header"]["message_code"] for reply in replies]


def last(replies: list[dict[str, Any]]) -> tuple[int, str, dict[str, Any]]:
    """Return the command id, the code and the data of the last reply."""
    header = replies[-1]["header"]
    return header["command_id"], header["message_code"], replies[-1]["data"]
