"""When bytes are written: on a protocol whose transport is none, without a broker."""

from __future__ import annotations

import asyncio
from typing import Any

from clu._amqp.stream import FrameProtocol


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_extra_info(self, name: str) -> None: ...


class Plane:
    """Takes what the protocol reports."""

    is_attached = False

    def __init__(self) -> None:
        self.sender = self
        self.handlers: dict[bytes, Any] = {}

    def confirm(self, *_: object) -> None: ...

    def take_return(self, *_: object) -> None: ...

    def connected(self, _: object) -> None: ...


def connect() -> tuple[FrameProtocol, list[bytes]]:
    transport: Any = Transport()
    plane: Any = Plane()
    loop = asyncio.get_running_loop()
    protocol = FrameProtocol(asyncio.StreamReader(loop=loop), loop, plane)
    protocol.connection_made(transport)
    return protocol, transport.written


async def test_what_is_written_in_an_iteration_leaves_together() -> None:
    protocol, written = connect()
    protocol.send(b"a")
    protocol.send(b"b")
    assert written == []
    await asyncio.sleep(0)
    assert written == [b"ab"]


async def test_what_is_urgent_leaves_at_once_with_what_was_written_before() -> None:
    protocol, written = connect()
    protocol.send(b"a")
    protocol.send(b"b", is_urgent=True)
    assert written == [b"ab"]
    await asyncio.sleep(0)
    assert written == [b"ab"]


async def test_much_that_is_urgent_leaves_together_until_the_broker_answers() -> None:
    protocol, written = connect()
    for data in (b"a", b"b", b"c"):
        protocol.send(data, is_urgent=True)
    assert written == [b"a"]
    await asyncio.sleep(0)
    assert written == [b"a", b"bc"]
    protocol.send(b"d", is_urgent=True)
    assert len(written) == 2
    await asyncio.sleep(0)
    protocol.data_received(b"")
    protocol.send(b"e", is_urgent=True)
    assert written == [b"a", b"bc", b"d", b"e"]


async def test_nothing_is_written_after_the_end() -> None:
    protocol, written = connect()
    protocol.send(b"a")
    protocol.close()
    protocol.send(b"b", is_urgent=True)
    await asyncio.sleep(0)
    assert written == []
