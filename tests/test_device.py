"""Devices over real sockets."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from clu import Device
from clu.exceptions import CluConnectionError, CluError, CluTimeoutError

from .waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Server:
    """A device that sends given lines."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "localhost", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while line := await reader.readline():
            self.received.append(line)
        writer.close()

    async def send(self, data: bytes) -> None:
        await until(lambda: self.writers)
        self.writers[-1].write(data)
        await self.writers[-1].drain()

    def hang_up(self) -> None:
        self.writers[-1].close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.start()
    yield server
    server.server.close()
    for writer in server.writers:
        writer.close()
    await asyncio.sleep(0.01)


async def test_lines_go_to_the_callback_without_white_space(server: Server) -> None:
    lines: list[str] = []

    async def callback(line: str) -> None:
        lines.append(line)

    device = await Device("localhost", server.port, callback).start()
    await server.send(b"  one  \n\ntwo\r\nthree\n")
    await until(lambda: len(lines) == 4)
    assert lines == ["one", "", "two", "three"]
    await device.stop()


async def test_lines_go_to_an_overridden_method(server: Server) -> None:
    lines: list[str] = []

    class Stage(Device):
        async def process_message(self, line: str) -> None:
            lines.append(line)

    device = await Stage("localhost", server.port).start()
    await server.send(b"hello\n")
    await until(lambda: lines)
    assert lines == ["hello"]
    await device.stop()


async def test_a_message_gets_a_newline(server: Server) -> None:
    device = await Device("localhost", server.port).start()
    device.write("move 5")
    device.write("stop", newline="\r\n")
    await until(lambda: len(server.received) == 2)
    assert server.received == [b"move 5\n", b"stop\r\n"]
    await device.stop()


async def test_garbage_and_long_lines_do_not_stop_the_listener(server: Server) -> None:
    lines: list[str] = []
    device = await Device("localhost", server.port, lines.append).start()
    await server.send(b"\xff\x00 bad\n" + b"x" * 1_000_000 + b"\nlast\n")
    await until(lambda: len(lines) == 3)
    assert lines[0] == "\ufffd\x00 bad"
    assert len(lines[1]) == 1_000_000
    assert lines[2] == "last"
    await device.stop()


async def test_callbacks_that_raise_are_logged_and_the_next_line_comes(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []

    async def callback(line: str) -> None:
        if line == "bad":
            raise ValueError("no good")
        lines.append(line)

    device = await Device("localhost", server.port, callback).start()
    await server.send(b"bad\ngood\n")
    await until(lambda: lines)
    assert "callback" in caplog.text
    assert "no good" in caplog.text
    await device.stop()


async def test_the_last_line_without_newline_is_delivered_when_the_device_hangs_up(
    server: Server,
) -> None:
    lines: list[str] = []
    device = await Device("localhost", server.port, lines.append).start()
    await server.send(b"one\ntwo")
    server.hang_up()
    await until(lambda: len(lines) == 2)
    assert lines == ["one", "two"]
    assert not device.is_connected()
    with pytest.raises(AssertionError, match="not connected"):
        device.write("anyone?")
    await device.stop()


async def test_callbacks_start_in_the_order_of_the_lines(server: Server) -> None:
    lines: list[str] = []

    async def callback(line: str) -> None:
        lines.append(line)

    device = await Device("localhost", server.port, callback).start()
    await server.send(b"".join(b"%d\n" % i for i in range(1000)))
    await until(lambda: len(lines) == 1000)
    assert lines == [str(i) for i in range(1000)]
    await device.stop()


async def test_a_device_starts_once_and_again_after_a_stop(server: Server) -> None:
    device = Device("localhost", server.port)
    assert not device.is_connected()
    with pytest.raises(AssertionError):
        device.write("x")
    await device.stop()
    await device.start()
    assert device.is_connected()
    with pytest.raises(RuntimeError, match="connection is already running"):
        await device.start()
    await device.stop()
    assert not device.is_connected()
    await device.start()
    assert device.is_connected()
    await device.stop()
    await device.stop()


async def test_a_device_that_is_not_there_raises() -> None:
    with pytest.raises(OSError, match=r"refused|Connect call failed|111"):
        await Device("localhost", 1).start()


async def test_the_listener_can_be_overridden(server: Server) -> None:
    chunks: list[bytes] = []

    class Raw(Device):
        async def _listen(self) -> None:
            assert self._client.reader is not None
            chunks.append(await self._client.reader.readexactly(3))

    device = await Raw("localhost", server.port).start()
    await server.send(b"abc")
    await until(lambda: chunks)
    assert chunks == [b"abc"]
    await device.stop()


async def test_a_lost_device_is_one_line_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    device = await Device("localhost", server.port).start()
    await until(lambda: server.writers)
    server.writers[-1].transport.abort()
    await until(lambda: not device.is_connected())
    assert len(caplog.records) <= 1
    await device.stop()


async def test_a_newline_that_is_there_is_not_repeated(server: Server) -> None:
    device = await Device("localhost", server.port).start()
    device.write("on\n")
    device.write("off")
    await until(lambda: len(server.received) == 2)
    assert server.received == [b"on\n", b"off\n"]
    await device.stop()


async def test_nobody_listens_before_there_is_a_connection() -> None:
    with pytest.raises(RuntimeError, match=r"connection is not open\."):
        await Device("localhost", 1)._listen()


async def ask(device: Device, server: Server, line: str, answer: bytes, **kwargs: Any) -> list[str]:
    """Send a request, and the answer once the request is there."""
    before = len(server.received)
    asking = asyncio.ensure_future(device.request(line, **kwargs))
    await until(lambda: len(server.received) > before)
    await server.send(answer)
    return await asking


async def test_request_returns_the_lines_until_the_last_one(server: Server) -> None:
    seen: list[str] = []
    device = await Device("localhost", server.port, seen.append).start()
    assert await ask(device, server, "A?", b"1\n") == ["1"]
    assert await ask(device, server, "B?", b"1\n2\n3\n", until=2) == ["1", "2"]
    assert await ask(device, server, "C?", b"1\nOK\n", until="OK") == ["1", "OK"]
    pattern = re.compile(r"ok|error \d")
    assert await ask(device, server, "D?", b"1\nan error 5\n", until=pattern) == ["1", "an error 5"]
    assert await ask(device, server, "E?", b"1\n\n", until=lambda line: not line) == ["1", ""]
    assert server.received == [b"A?\n", b"B?\n", b"C?\n", b"D?\n", b"E?\n"]
    assert seen == ["1", "1", "2", "3", "1", "OK", "1", "an error 5", "1", ""]
    await device.stop()


async def test_requests_wait_for_each_other(server: Server) -> None:
    device = await Device("localhost", server.port).start()
    first, second = (asyncio.ensure_future(device.request(line)) for line in ("A?", "B?"))
    await until(lambda: server.received)
    await server.send(b"a\n")
    assert await first == ["a"]
    await until(lambda: len(server.received) == 2)
    await server.send(b"b\n")
    assert await second == ["b"]
    await device.stop()


async def test_request_that_is_not_answered_in_time_says_what_came(server: Server) -> None:
    device = await Device("localhost", server.port).start()
    where = f"The device at localhost:{server.port}"
    with pytest.raises(CluTimeoutError) as caught:
        await device.request("A?", timeout=0.01)
    assert str(caught.value) == f"{where} did not answer 'A?' within 0.01 s: nothing came."
    assert isinstance(caught.value, TimeoutError)
    with pytest.raises(CluTimeoutError, match=r"within 0\.5 s: only \['1'\] came\.$"):
        await ask(device, server, "B?", b"1\n", until=2, timeout=0.5)
    assert await ask(device, server, "C?", b"2\n") == ["2"]
    await device.stop()


async def test_half_of_an_answer_is_no_answer(server: Server) -> None:
    lines: list[str] = []
    device = await Device("localhost", server.port, lines.append).start()
    asking = asyncio.ensure_future(device.request("A?"))
    await server.send(b"T=2")  # of "T=21.5"
    server.hang_up()
    with pytest.raises(CluConnectionError, match="before it answered"):
        await asking
    assert lines == ["T=2"]
    await device.stop()


async def test_request_fails_when_the_connection_is_lost_or_closed(server: Server) -> None:
    device = Device("localhost", server.port)
    with pytest.raises(CluConnectionError, match="is not connected: cannot send 'A\\?'"):
        await device.request("A?")
    await device.start()
    asking = asyncio.ensure_future(device.request("A?", timeout=None))
    await until(lambda: server.received)
    server.hang_up()
    with pytest.raises(CluConnectionError, match="closed the connection, or it was lost, before"):
        await asking
    await device.start()
    asking = asyncio.ensure_future(device.request("A?", timeout=None))
    await until(lambda: len(server.received) == 2)
    await device.stop()
    with pytest.raises(CluConnectionError, match="before it answered"):
        await asking


@pytest.mark.parametrize("condition", [0, -1, True, None])
async def test_condition_that_makes_no_sense_is_refused(server: Server, condition: Any) -> None:
    device = await Device("localhost", server.port).start()
    with pytest.raises(CluError):
        await device.request("A?", until=condition)
    assert await ask(device, server, "B?", b"2\n") == ["2"]
    await device.stop()


async def test_condition_that_raises_raises_from_the_request(server: Server) -> None:
    device = await Device("localhost", server.port).start()
    with pytest.raises(ZeroDivisionError):
        await ask(device, server, "A?", b"2\n", until=lambda _: 1 / 0)
    await device.stop()


async def test_lost_device_is_reported_and_not_connected_again_by_default(server: Server) -> None:
    events: list[str] = []
    device = Device(
        "localhost",
        server.port,
        on_connected=lambda device: events.append(f"connected {device.port}"),
        on_lost=lambda: events.append("lost"),
    )
    await device.start()
    await until(lambda: server.writers)
    server.hang_up()
    await until(lambda: len(events) == 2)
    assert events == [f"connected {server.port}", "lost"]
    assert device.listener is not None
    await asyncio.wait_for(device.listener, 10)  # it has ended
    await device.stop()
    assert len(events) == 2


async def test_device_connects_again_until_it_is_stopped(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu.device._FIRST_PAUSE", 0.01)
    events: list[str] = []

    async def connected() -> None:
        events.append("connected")

    async def lost() -> None:
        events.append("lost")

    device = Device("localhost", server.port, on_connected=connected, on_lost=lost, reconnect=0.05)
    await device.start()
    await until(lambda: server.writers)
    server.server.close()
    server.hang_up()
    await until(lambda: len(events) == 2)
    with pytest.raises(RuntimeError, match="already running"):
        await device.start()
    again = await asyncio.start_server(server._serve, "localhost", server.port)
    await until(lambda: len(events) == 3)
    assert events == ["connected", "lost", "connected"]
    assert await ask(device, server, "A?", b"1\n") == ["1"]
    await device.stop()
    assert not device.is_connected()
    assert device.listener is None
    assert events == ["connected", "lost", "connected"]
    again.close()


async def test_second_start_is_an_error_while_the_first_one_connects(server: Server) -> None:
    device = Device("localhost", server.port)
    results = await asyncio.gather(device.start(), device.start(), return_exceptions=True)
    assert results[0] is device
    assert isinstance(results[1], RuntimeError)
    await until(lambda: server.writers)
    assert len(server.writers) == 1
    await device.stop()
