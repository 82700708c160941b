"""TCP servers and clients over real sockets."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from clu.exceptions import CluError, CluNotImplemented
from clu.protocol import (
    OverlongLine,
    PeriodicTCPServer,
    ReconnectingTCPClientProtocol,
    TCPProtocol,
    TCPStreamClient,
    TCPStreamPeriodicServer,
    TCPStreamServer,
    open_connection,
)

from ..waiting import until


async def test_a_stream_server_hands_over_lines_and_reports_clients() -> None:
    connections: list[bool] = []
    lines: list[bytes] = []

    def connected(transport: Any) -> None:
        connections.append(transport.is_closing())

    async def received(transport: Any, line: bytes) -> None:
        lines.append(line)
        transport.write(b"echo " + line)

    server = TCPStreamServer("localhost", 0, connected, received)
    await server.start()
    assert server.is_serving()
    client = await open_connection("localhost", server.port)
    assert client.writer is not None
    assert client.reader is not None
    client.writer.write(b"one\ntwo\n")
    assert await client.reader.readline() == b"echo one\n"
    assert await client.reader.readline() == b"echo two\n"
    assert next(iter(server.transports.values())).__class__ is asyncio.StreamWriter
    client.close()
    await until(lambda: not server.transports)
    assert lines == [b"one\n", b"two\n"]
    assert connections == [False, True]
    server.stop()
    assert not server.is_serving()


async def test_a_callback_that_raises_is_logged_by_name_and_the_connection_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def received(transport: Any, line: bytes) -> None:
        if line == b"bad\n":
            raise ValueError("no good")
        transport.write(line)

    server = TCPStreamServer("localhost", 0, data_received_callback=received)
    await server.start()
    client = await open_connection("localhost", server.port)
    assert client.writer is not None
    assert client.reader is not None
    client.writer.write(b"bad\ngood\n")
    assert await client.reader.readline() == b"good\n"
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "received" in record.getMessage()
    client.close()
    await until(lambda: not server.transports)
    server.stop()


async def test_a_server_without_a_handler_for_long_lines_logs_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines: list[bytes] = []
    server = TCPStreamServer(
        "localhost", 0, data_received_callback=lambda _, line: lines.append(line), line_limit=10
    )
    await server.start()
    client = await open_connection("localhost", server.port)
    assert client.writer is not None
    client.writer.write(b"x" * 100 + b"\nshort\n")
    await until(lambda: lines)
    assert lines == [b"short\n"]
    assert "over 10 bytes" in caplog.text
    client.close()
    await until(lambda: not server.transports)
    server.stop()


async def test_long_lines_can_be_handled() -> None:
    long: list[OverlongLine] = []
    server = TCPStreamServer(
        "localhost", 0, line_limit=10, overlong_callback=lambda _, line: long.append(line)
    )
    await server.start()
    client = await open_connection("localhost", server.port)
    assert client.writer is not None
    client.writer.write(b"x" * 100)
    await until(lambda: long)
    assert long == [OverlongLine(b"x" * 100, 10)]
    client.close()
    await until(lambda: not server.transports)
    server.stop()


async def test_a_server_that_was_not_started_cannot_serve() -> None:
    server = TCPStreamServer("localhost", 0)
    server.stop()
    with pytest.raises(CluError, match="has not been started"):
        server.serve_forever()


async def test_the_transport_takes_attributes_and_delegates_the_rest() -> None:
    made: list[Any] = []
    server = TCPStreamServer("localhost", 0, lambda t: made.append(t))
    await server.start()
    client = await open_connection("localhost", server.port)
    await until(lambda: made)
    transport = made[0]
    transport.user_id = 5
    transport.anything = "else"
    assert isinstance(transport, asyncio.Transport)
    assert transport.get_extra_info("peername")[0] in ("127.0.0.1", "::1")
    assert transport.is_reading()
    assert transport.can_write_eof()
    low, high = transport.get_write_buffer_limits()
    assert low <= high
    transport.set_write_buffer_limits(high=1000)
    assert transport.get_write_buffer_limits()[1] == 1000
    assert transport.get_protocol() is not None
    transport.pause_reading()
    transport.resume_reading()
    transport.writelines([b"a", bytearray(b"b"), memoryview(b"c\n")])
    assert transport.get_write_buffer_size() == 4
    assert client.reader is not None
    assert await client.reader.readline() == b"abc\n"
    transport.write(b"last words\n")
    transport.close()
    assert await client.reader.read() == b"last words\n"
    transport.write(b"too late\n")
    client.close()
    await until(lambda: not server.transports)
    server.stop()


async def test_a_periodic_server_calls_for_each_client() -> None:
    calls: list[Any] = []

    async def tick(transport: Any) -> None:
        calls.append(transport)
        if len(calls) == 1:
            raise ValueError("the first one fails")

    server = TCPStreamPeriodicServer("localhost", 0, periodic_callback=tick, sleep_time=0.01)
    await server.start()
    client = await open_connection("localhost", server.port)
    await until(lambda: len(calls) > 3)
    client.close()
    await until(lambda: not server.transports)
    server.stop()
    with pytest.raises(TypeError, match="is not a function"):
        server.periodic_callback = 5  # type: ignore[assignment]


async def test_a_plain_protocol_hands_over_text() -> None:
    received: list[str] = []
    made: list[Any] = []
    server = await TCPProtocol.create_server(
        "localhost", 0, connection_callback=made.append, data_received_callback=received.append
    )
    port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    transport, _ = await TCPProtocol.create_client("localhost", port)
    transport.write(b"text \xff")
    await until(lambda: received)
    assert received == ["text \ufffd"]
    assert len(made) == 1
    transport.close()
    server.close()
    await until(lambda: made[0].is_closing())


async def test_a_plain_server_turns_down_too_many() -> None:
    server = await TCPProtocol.create_server("localhost", 0, max_connections=1)
    port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    one = await open_connection("localhost", port)
    await asyncio.sleep(0.01)
    two = await open_connection("localhost", port)
    assert two.reader is not None
    assert await two.reader.read() == b"Max number of connections reached.\n"
    one.close()
    two.close()
    server.close()
    await asyncio.sleep(0.01)


async def test_a_periodic_protocol_calls_for_each_client() -> None:
    calls: list[Any] = []
    server = await PeriodicTCPServer.create_server(
        "localhost", 0, periodic_callback=calls.append, sleep_time=0.01
    )
    port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    client = await open_connection("localhost", port)
    await until(lambda: len(calls) > 2)
    client.close()
    server.close()
    with pytest.raises(CluNotImplemented):
        await PeriodicTCPServer.create_client("localhost", port)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0.01)


async def test_a_client_that_is_not_open_cannot_be_closed() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        TCPStreamClient("localhost", 1).close()


async def test_a_refused_connection_raises() -> None:
    with pytest.raises(OSError, match=r"refused|Connect call failed|111"):
        await open_connection("localhost", 1)


class Reconnecting(ReconnectingTCPClientProtocol):
    """Reconnects after a short delay."""

    initial_delay = 0.01
    factor = 1.5
    jitter = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made = 0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.transport = transport
        self.made += 1


async def test_a_lost_connection_is_made_again_and_the_delay_starts_afresh() -> None:
    server = TCPStreamServer("localhost", 0)
    await server.start()
    protocol = Reconnecting("localhost", server.port)
    protocol.connect()
    await until(lambda: protocol.made == 1 and server.transports)
    server.stop()
    await until(lambda: protocol._retries >= 3)
    assert protocol._delay > protocol.initial_delay
    assert not protocol.connected
    again = TCPStreamServer("localhost", server.port)
    await again.start()
    await until(lambda: protocol.made == 2 and again.transports)
    assert protocol.connected
    assert protocol._delay == protocol.initial_delay
    protocol.stop_trying()
    protocol.transport.close()
    await until(lambda: not again.transports)
    again.stop()
    await asyncio.sleep(0.05)
    assert protocol.made == 2


async def test_it_gives_up_after_so_many_retries() -> None:
    protocol = Reconnecting("localhost", 1)
    protocol.max_retries = 2
    protocol.connect()
    await until(lambda: protocol._retries == 2)
    await asyncio.sleep(0.1)
    assert protocol._retries == 2
    assert not protocol.connected
