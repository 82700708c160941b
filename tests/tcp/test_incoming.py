"""Lines that a server handles as they arrive, and those that it leaves to the task of a client."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from typing import Any

from clu._tcp.incoming import BATCH
from clu.protocol import TCPStreamClient, TCPStreamServer, open_connection

from ..waiting import until

count: contextvars.ContextVar[int] = contextvars.ContextVar("count", default=0)


async def connect(server: TCPStreamServer) -> TCPStreamClient:
    client = await open_connection("localhost", server.port)
    assert client.writer is not None
    return client


async def close(server: TCPStreamServer, client: TCPStreamClient) -> None:
    client.close()
    await until(lambda: not server.transports)
    server.stop()


async def test_callbacks_run_in_the_task_of_the_client_and_in_its_context() -> None:
    tasks: list[Any] = []
    counts: list[int] = []

    def note(*_: Any) -> None:
        tasks.append(asyncio.current_task())
        counts.append(count.get())
        count.set(count.get() + 1)

    server = TCPStreamServer("localhost", 0, note, note)
    await server.start()
    client = await connect(server)
    for number in range(1, 4):
        client.writer.write(b"line\n")  # type: ignore[union-attr]
        await until(lambda number=number: len(tasks) > number)
    client.writer.write(b"line\n" * 3 * BATCH)  # type: ignore[union-attr]
    await until(lambda: len(tasks) == 4 + 3 * BATCH)
    await close(server, client)
    await until(lambda: len(tasks) == 5 + 3 * BATCH)
    assert len(set(tasks)) == 1
    assert isinstance(tasks[0], asyncio.Task)
    assert tasks[0] is not asyncio.current_task()
    if server_contexts_are_known():
        assert counts == list(range(5 + 3 * BATCH))


def server_contexts_are_known() -> bool:
    """Whether callbacks can run in the context of the task at all: from Python 3.11 on."""
    return hasattr(asyncio, "TaskGroup")


async def test_coroutines_are_awaited_one_after_the_other() -> None:
    order: list[str] = []

    async def received(_: Any, line: bytes) -> None:
        text = line.decode().strip()
        order.append(f"{text} starts")
        await asyncio.sleep(0.01)
        order.append(f"{text} ends")

    server = TCPStreamServer("localhost", 0, data_received_callback=received)
    await server.start()
    client = await connect(server)
    client.writer.write(b"1\n2\n3")  # type: ignore[union-attr]
    await until(lambda: len(order) == 1)
    client.writer.write(b"\n4\n")  # type: ignore[union-attr]
    await until(lambda: len(order) == 8)
    assert order == [f"{number} {what}" for number in range(1, 5) for what in ("starts", "ends")]
    await close(server, client)


async def test_callbacks_of_both_kinds_keep_their_order() -> None:
    order: list[bytes] = []

    def received(_: Any, line: bytes) -> Any:
        if len(order) % 3 != 1:
            order.append(line)
            return None
        return later(line)

    async def later(line: bytes) -> None:
        await asyncio.sleep(0)
        order.append(line)

    server = TCPStreamServer("localhost", 0, data_received_callback=received)
    await server.start()
    client = await connect(server)
    lines = [b"%d\n" % number for number in range(300)]
    data = b"".join(lines)
    for start in range(0, len(data), 77):
        client.writer.write(data[start : start + 77])  # type: ignore[union-attr]
        await asyncio.sleep(0)
    await until(lambda: len(order) == len(lines))
    assert order == lines
    await close(server, client)


async def test_lines_that_come_before_the_client_is_welcome_are_not_lost() -> None:
    welcome = asyncio.Event()
    lines: list[bytes] = []

    async def connected(transport: Any) -> None:
        await welcome.wait()

    server = TCPStreamServer("localhost", 0, connected, lambda _, line: lines.append(line))
    await server.start()
    client = await connect(server)
    client.writer.write(b"one\ntwo\nthr")  # type: ignore[union-attr]
    await asyncio.sleep(0.05)
    assert lines == []
    welcome.set()
    await until(lambda: len(lines) == 2)
    client.writer.write(b"ee\nfour")  # type: ignore[union-attr]
    client.writer.write_eof()  # type: ignore[union-attr]
    await until(lambda: len(lines) == 4)
    assert lines == [b"one\n", b"two\n", b"three\n", b"four"]
    await until(lambda: not server.transports)
    client.close()
    server.stop()


async def test_a_client_that_has_left_before_it_is_welcome_is_served_to_the_end() -> None:
    welcome = asyncio.Event()
    lines: list[bytes] = []

    async def connected(transport: Any) -> None:
        await welcome.wait()

    server = TCPStreamServer("localhost", 0, connected, lambda _, line: lines.append(line))
    await server.start()
    client = await connect(server)
    client.writer.write(b"one\ntwo")  # type: ignore[union-attr]
    client.writer.write_eof()  # type: ignore[union-attr]
    await asyncio.sleep(0.05)
    welcome.set()
    await until(lambda: not server.transports)
    assert lines == [b"one\n", b"two"]
    client.close()
    server.stop()


async def test_a_flood_of_lines_leaves_others_their_turns() -> None:
    turns = 0
    handled: list[int] = []

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    server = TCPStreamServer(
        "localhost", 0, data_received_callback=lambda *_: handled.append(turns)
    )
    await server.start()
    client = await connect(server)
    counter = asyncio.create_task(count_turns())
    client.writer.write(b"x\n" * 20 * BATCH)  # type: ignore[union-attr]
    await until(lambda: len(handled) == 20 * BATCH)
    counter.cancel()
    assert max(handled.count(turn) for turn in set(handled)) <= 2 * BATCH
    await close(server, client)


async def test_a_client_is_paused_while_a_coroutine_handles_its_line() -> None:
    go_on = asyncio.Event()
    seen = 0

    async def received(transport: Any, line: bytes) -> None:
        nonlocal seen
        seen += len(line)
        await go_on.wait()

    server = TCPStreamServer("localhost", 0, data_received_callback=received)
    await server.start()
    client = await connect(server)
    data = b"x" * 999 + b"\n"
    client.writer.write(data)  # type: ignore[union-attr]
    await until(lambda: seen)
    (transport,) = server.transports
    client.writer.write(data * 2000)  # type: ignore[union-attr]
    await until(lambda: not transport.is_reading())
    go_on.set()
    await until(lambda: seen == 2001 * len(data))
    assert transport.is_reading()
    await close(server, client)


async def test_the_server_can_be_given_streams_of_another_listener() -> None:
    server = TCPStreamServer(
        "localhost", 0, data_received_callback=lambda transport, line: transport.write(line)
    )
    other = await asyncio.start_server(server.connection_made, "localhost", 0)
    port = other.sockets[0].getsockname()[1]
    client = await open_connection("localhost", port)
    assert client.writer is not None
    assert client.reader is not None
    client.writer.write(b"one\ntwo\n")
    assert await client.reader.readline() == b"one\n"
    assert await client.reader.readline() == b"two\n"
    client.close()
    await until(lambda: not server.transports)
    other.close()


async def test_a_task_that_is_cancelled_by_its_callback_closes_the_connection() -> None:
    def received(transport: Any, line: bytes) -> None:
        raise asyncio.CancelledError

    server = TCPStreamServer("localhost", 0, data_received_callback=received)
    await server.start()
    client = await connect(server)
    client.writer.write(b"one\n")  # type: ignore[union-attr]
    assert client.reader is not None
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(client.reader.read(), 20) == b""
    await until(lambda: not server.transports)
    client.close()
    server.stop()
