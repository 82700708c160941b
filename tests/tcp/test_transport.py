"""What a server writes to its clients: what they read, and what happens if they do not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from clu._tcp.limits import BufferLimits, StallWatch
from clu._tcp.transport import OFFER_SIZE, ClientTransport
from clu.exceptions import CluValueError
from clu.protocol import TCPStreamServer

from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

MEGABYTE = 1024 * 1024
PIECE = b"x" * 9999 + b"\n"


@contextlib.asynccontextmanager
async def connected(**limits: Any) -> AsyncIterator[tuple[ClientTransport, socket.socket]]:
    """The transport of a client, and the socket of the client."""
    made: list[Any] = []
    server = TCPStreamServer("127.0.0.1", 0, made.append, **limits)
    await server.start()
    with socket.socket() as client:
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", server.port))
        await until(lambda: made)
        yield made[0], client
    await until(lambda: not server.transports)
    server.stop()
    await server.wait_closed()


def write(transport: ClientTransport, size: int) -> None:
    for _ in range(size // len(PIECE) + 1):
        transport.write(PIECE)


def returns_at_once(coroutine: Any) -> bool:
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    coroutine.close()
    return False


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


class Reader(threading.Thread):
    """Reads everything, and finds out whether it came in order."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.size = 0
        self.lines: list[bytes] = []

    def run(self) -> None:
        self.client.setblocking(True)
        rest = b""
        while data := self.client.recv(256 * 1024):
            self.size += len(data)
            *lines, rest = (rest + data).split(b"\n")
            self.lines += [line[:8] for line in lines]


@contextlib.asynccontextmanager
async def reading(transport: ClientTransport, client: socket.socket) -> AsyncIterator[Reader]:
    """Let the client read all that is written in the meantime, to the end."""
    reader = Reader(client)
    reader.start()
    yield reader
    transport.close()
    await asyncio.to_thread(reader.join, 30)
    assert not reader.is_alive()


async def test_a_client_reads_while_a_callback_writes_without_awaiting() -> None:
    async with connected() as (transport, client):
        number = 0
        async with reading(transport, client) as reader:
            # More than the kernel keeps for a connection: for ever, if it were not offered.
            while reader.size < 32 * MEGABYTE:
                assert not transport.is_closing()
                transport.write(b"%08d" % number + PIECE)
                number += 1
        assert reader.lines == [b"%08d" % each for each in range(number)]
        assert reader.size == number * (8 + len(PIECE))


async def test_what_the_kernel_did_not_take_comes_in_order() -> None:
    async with connected() as (transport, client):
        for number in range(3000):
            transport.write(b"%08d" % number + PIECE)
            if number % 700 == 699:
                await asyncio.sleep(0)
        async with reading(transport, client) as reader:
            pass
        assert reader.lines == [b"%08d" % each for each in range(3000)]


async def test_a_client_that_reads_nothing_is_disconnected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected(buffer_limit=MEGABYTE, stall_limit=0.2) as (transport, _):
        transport.user_id = 5
        write(transport, 20 * MEGABYTE)
        assert not transport.is_closing()
        await until(transport.is_closing)
        assert transport.get_write_buffer_size() == 0
        transport.write(PIECE)
        write(transport, MEGABYTE)
        assert transport.get_write_buffer_size() == 0
    (reason,) = reasons(caplog)
    assert reason.startswith("Disconnecting the client 5 at ('127.0.0.1', ")
    assert "it does not read: it has read nothing for 0.2 s, and " in reason
    assert reason.endswith("(buffer_limit is 1048576).")


async def test_a_client_that_reads_a_little_now_and_then_is_not_disconnected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected(buffer_limit=MEGABYTE, stall_limit=0.5) as (transport, client):
        write(transport, 24 * MEGABYTE)
        loop = asyncio.get_running_loop()
        for _ in range(150):
            await loop.sock_recv(client, 16 * 1024)
            await asyncio.sleep(0.01)
        assert not transport.is_closing()
        assert transport.get_write_buffer_size() > MEGABYTE
        while transport.get_write_buffer_size():
            await loop.sock_recv(client, MEGABYTE)
    assert reasons(caplog) == []


async def test_a_client_for_which_too_much_is_buffered_is_disconnected_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = {"stall_limit": 3600.0, "buffer_hard_limit": 20 * MEGABYTE}
    async with connected(**limits) as (transport, _):
        written = 0
        while not transport.is_closing():
            transport.write(PIECE)
            written += len(PIECE)
        # The kernel has taken some of it.
        assert 20 * MEGABYTE < written < 40 * MEGABYTE
    (reason,) = reasons(caplog)
    assert "it reads too slowly: " in reason
    assert reason.endswith("(buffer_hard_limit is 20971520).")


async def test_the_hard_limit_counts_what_many_iterations_write() -> None:
    limits = {"stall_limit": 3600.0, "buffer_limit": 1000, "buffer_hard_limit": MEGABYTE}
    async with connected(**limits) as (transport, _):
        while not transport.is_closing():
            transport.write(PIECE)
            await asyncio.sleep(0)


async def test_one_message_over_all_limits_is_sent_if_none_waits() -> None:
    limits = {"buffer_limit": 1000, "buffer_hard_limit": 10_000, "stall_limit": 3600.0}
    async with connected(**limits) as (transport, client):
        async with reading(transport, client) as reader:
            transport.write(PIECE * 2000)
        assert reader.size == 2000 * len(PIECE)


@pytest.mark.parametrize("name", BufferLimits._fields)
def test_limits_must_be_positive(name: str) -> None:
    with pytest.raises(CluValueError, match=f"{name} must be positive, not 0"):
        TCPStreamServer("localhost", 0, **{name: 0})


# --- draining ---------------------------------------------------------------------------------


async def test_draining_returns_at_once_if_little_is_buffered() -> None:
    async with connected() as (transport, _):
        assert returns_at_once(transport.drain())
        transport.write(b"x" * (OFFER_SIZE - 1))
        assert returns_at_once(transport.drain())
        assert returns_at_once(transport.wait_writable())


async def test_draining_runs_other_tasks_if_much_was_written() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with connected() as (transport, client):
        task = asyncio.create_task(others())
        async with reading(transport, client):
            for _ in range(50):
                before = turns
                write(transport, OFFER_SIZE)
                await transport.drain()
                assert turns > before
        task.cancel()


async def test_draining_waits_until_the_client_has_read() -> None:
    async with connected() as (transport, client):
        write(transport, 12 * MEGABYTE)
        draining = [asyncio.create_task(transport.drain()) for _ in range(3)]
        writable = asyncio.create_task(transport.wait_writable())
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in [*draining, writable])
        draining.pop().cancel()
        async with reading(transport, client):
            await asyncio.gather(*draining, writable)
            assert transport.get_write_buffer_size() <= OFFER_SIZE
            assert returns_at_once(transport.drain())


@pytest.mark.parametrize("leave", ["abort", "close", "vanish"])
async def test_a_client_that_is_gone_ends_draining(leave: str) -> None:
    async with connected() as (transport, client):
        write(transport, 12 * MEGABYTE)
        draining = asyncio.create_task(transport.drain())
        await asyncio.sleep(0.05)
        if leave == "abort":
            transport.abort()
        elif leave == "close":
            transport.close()
            client.close()
        else:
            client.close()
        await asyncio.wait_for(draining, 30)
        assert returns_at_once(transport.drain())


async def test_a_client_that_reads_nothing_does_not_block_writers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected(stall_limit=0.2) as (transport, client):
        write(transport, 14 * MEGABYTE)
        await asyncio.wait_for(asyncio.gather(transport.drain(), transport.drain()), 30)
        assert transport.get_write_buffer_size() > OFFER_SIZE
        assert not transport.is_closing()
        assert returns_at_once(transport.drain())
        # As soon as it reads again it is waited for.
        loop = asyncio.get_running_loop()
        waiting = transport.get_write_buffer_size()
        while transport.get_write_buffer_size() == waiting:
            await loop.sock_recv(client, 64 * 1024)
            await asyncio.sleep(0)
        draining = asyncio.create_task(transport.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        async with reading(transport, client):
            await asyncio.wait_for(draining, 30)
    assert reasons(caplog) == []


async def test_a_client_that_read_nothing_is_disconnected_when_more_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with connected(stall_limit=0.2, buffer_limit=12 * MEGABYTE) as (transport, _):
        write(transport, 8 * MEGABYTE)
        await asyncio.wait_for(transport.drain(), 30)
        while not transport.is_closing():
            write(transport, MEGABYTE)
            await transport.drain()
            await asyncio.sleep(0)
    assert len(reasons(caplog)) == 1


# --- watching ---------------------------------------------------------------------------------


class Clock:
    """An event loop with nothing but a clock, which only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, function: Callable[[], None]) -> Any:
        self.due.append((when, function))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def run(self, times: int = 1, late: float = 0.0) -> None:
        for _ in range(times):
            when, function = self.due.pop()
            self.now = when + late
            function()


class Watched:
    """A client that is looked at as long as somebody wants to."""

    def __init__(self) -> None:
        self.taken = 0
        self.goes_on = True
        self.clock = Clock()
        loop: Any = self.clock
        self.watch = StallWatch(loop, 10, lambda: self.taken, lambda: self.goes_on)


def test_a_client_that_reads_nothing_in_all_of_ten_looks_is_stalled() -> None:
    watched = Watched()
    watched.watch.start()
    watched.watch.start()
    watched.clock.run(9)
    assert not watched.watch.is_stalled
    assert len(watched.clock.due) == 1
    watched.clock.run()
    assert watched.watch.is_stalled
    assert watched.clock.now == pytest.approx(110)
    watched.taken = 1
    watched.clock.run()
    assert not watched.watch.is_stalled


def test_time_in_which_the_loop_was_blocked_does_not_count() -> None:
    watched = Watched()
    watched.watch.start()
    watched.clock.run(9)
    watched.clock.run(5, late=30)
    assert not watched.watch.is_stalled
    watched.clock.run()
    assert watched.watch.is_stalled


def test_a_client_that_was_stalled_is_until_it_takes_something() -> None:
    watched = Watched()
    watched.watch.start()
    watched.clock.run(9)
    watched.goes_on = False
    watched.clock.run()
    assert watched.clock.due == []
    watched.watch.start()
    assert watched.watch.is_stalled
    watched.watch.stop()
    assert watched.clock.due == []
    watched.taken = 1
    watched.watch.start()
    assert not watched.watch.is_stalled
    watched.watch.stop()
