"""Invalid input stops no actor, connection or device, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from typing import TYPE_CHECKING, Any

import pytest

from clu import Device
from clu._tcp.server import LINE_LIMIT
from clu.parsers._words import WordQueue
from clu.parsers.click import cancel_command, split_words

from ..calls import Calls
from ..waiting import until
from .actors import Answer, Peer, make, make_offline, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clu import Command

MEGABYTE = 1024 * 1024

WARNINGS = logging.WARNING


def reset(connection: socket.socket) -> None:
    """Reset a connection, as a machine that crashes does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


async def connect(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    return connection


def last(answers: list[Answer]) -> tuple[int | None, str]:
    return answers[-1][:2]


# --- commands -----------------------------------------------------------------------------------


@pytest.mark.endurance
@pytest.mark.parametrize("word", ["a ", "'a' ", "a\\ b ", "-- ", '"a b" ', "\u00e9 "])
def test_a_command_of_megabytes_is_split_and_parsed_in_linear_time(word: str) -> None:
    number = 4 * MEGABYTE // len(word)

    async def count() -> Command[Any]:
        return await run(await make_offline("json"), "count " + word * number)

    # What takes more takes minutes here, and runs into the limit of the test.
    command = asyncio.run(count())
    assert command.status.did_succeed
    words = number - 1 if word == "-- " else len(split_words(word)) * number
    assert command.replies.get("text") == f"{words} words"


@pytest.mark.parametrize("word", ["-1 ", "--x ", "-xyz ", "-f "])
async def test_words_that_look_like_options_take_no_longer_than_others(word: str) -> None:
    actor = await make_offline("json")
    number = 10_000

    async def calls(word: str, words: int) -> int:
        with Calls() as calls:
            command = await run(actor, "count " + word * number)
        assert command.status.did_succeed
        assert command.replies.get("text") == f"{words} words"
        return calls.count

    # Click alone makes 16 times as many.
    assert await calls(word, 0 if "f" in word else number) < 3 * await calls("word ", number)


def test_a_queue_of_words_does_what_a_list_of_them_does() -> None:
    words = [str(number) for number in range(10)]
    queue, plain = WordQueue(words), list(words)
    for each in (queue, plain):
        assert each.pop(0) == "0"
        each.insert(0, "new")
        assert each[0] == "new"
        assert each[:3] == ["new", "1", "2"]
        del each[:3]
        assert [each[0], len(each), bool(each)] == ["3", 7, True]
        assert ["x"] + each == ["x", "3", "4", "5", "6", "7", "8", "9"]  # noqa: RUF005
    for _ in range(7):
        assert queue.pop(0) == plain.pop(0)
    assert not queue


@pytest.mark.parametrize(
    "command",
    [
        "",
        "help ",
        "keyword ",
        "get_command_model ",
        "sleep ",
        "ping ",
        "--",
        "!",
        '"',
        "count --flag=",
    ],
)
async def test_an_error_quotes_no_more_than_the_beginning_of_a_long_command(
    peer: Peer, command: str
) -> None:
    answers = await peer.ask(f"5 {command}" + "nonsense" * 100_000)
    assert last(answers) == (5, "f")
    assert sum(len(answer.text) for answer in answers) < 10_000
    assert "nonsensenonsense" in answers[-1].text


LINES = {
    "not UTF-8": (b"4 \xff\xfe ping", 4),
    "not UTF-8 in a text": (b"4 echo \xff", 4),
    "NUL": (b"5 pi\x00ng", 5),
    "NULs": (b"\x00" * 1000, 0),
    "unbalanced": (b'6 echo "unbalanced', 6),
    "single": (b"6 echo 'unbalanced", 6),
    "backslash": (b"6 echo trailing\\", 6),
    "unknown": (b"7 nonsense", 7),
    "a number of 22 digits": (b"9999999999999999999999 nonsense", 9999999999999999999999),
    "a number of 5000 digits": (b"9" * 5000 + b" ping", 0),
    "controls": (b"8 \x1b[2J\x07 ping", 8),
    "percent": (b"8 %s%d%n", 8),
    "braces": (b"8 {0.__class__}", 8),
    "megabyte": (b"9 " + b"x" * 1_000_000, 9),
}


@pytest.mark.parametrize("name", LINES)
async def test_a_bad_line_gets_one_failing_reply_with_its_id_and_no_line_in_the_log(
    peer: Peer, name: str, stray: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    line, command_id = LINES[name]
    answers = await peer.ask(line)
    assert last(answers) == (command_id, "f")
    assert {answer.command_id for answer in answers} == {command_id}
    assert last(await peer.ask("3 ping")) == (3, ":")
    assert stray == []
    assert [record for record in caplog.records if record.levelno >= WARNINGS] == []


@pytest.mark.parametrize("line", [b"12", b" 12 ", b"0", b"12\r"])
async def test_a_line_that_is_only_a_number_is_answered_with_an_error(
    peer: Peer, line: bytes
) -> None:
    assert last(await peer.ask(line))[1] == "f"
    assert last(await peer.ask("3 ping")) == (3, ":")


async def test_a_megabyte_without_a_newline_is_answered_at_its_end(peer: Peer) -> None:
    peer.writer.write(b"5 echo " + b"x" * 1_000_000)
    peer.writer.write_eof()
    answers = await peer.answers()
    assert last(answers) == (5, ":")
    assert "x" * 1_000_000 in answers[-1].text


async def test_an_endless_line_is_one_error_and_takes_no_memory(
    kind: str, actor: Any, peer: Peer
) -> None:
    for _ in range(8):
        peer.writer.write(b"y" * LINE_LIMIT)
        await peer.writer.drain()
    assert last(await peer.answers())[1] == "f"
    peer.writer.write(b"\n")
    assert last(await peer.ask("3 ping")) == (3, ":")


# --- connections --------------------------------------------------------------------------------


async def test_a_command_before_a_half_close_is_answered_and_the_client_forgotten(
    kind: str, actor: Any, stray: list[Any]
) -> None:
    async with await Peer.connect(kind, actor.port) as peer:
        peer.send("1 sleep 0.05")
        peer.writer.write_eof()
        assert last(await peer.answers()) == (1, ":")
        assert await peer.rest() == b""
    await until(lambda: not actor.transports)
    assert stray == []


PIECES = [b"", b"1 pi", b"1 wait\n2 pi", b'1 echo "', b"\xff", b"1 sleep 0.01\n" * 50]


@pytest.mark.endurance
async def test_hundreds_of_resets_and_hang_ups_are_forgotten_without_noise(
    actor: Any, peer: Peer, stray: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(WARNINGS)
    for number in range(600):
        connection = await connect(actor.port)
        connection.sendall(PIECES[number % len(PIECES)])
        if number % 2:
            reset(connection)
        else:
            connection.close()
    # Those that hung up after `wait` are half closed, and wait for the answer to it.
    peer.send("7 wait --stop")
    await peer.answers(7)
    await until(lambda: len(actor.transports) == len(actor.server.transports) == 1)
    assert last(await peer.ask("3 ping")) == (3, ":")
    assert stray == []
    assert [r.getMessage() for r in caplog.records if r.levelno >= WARNINGS] == []


def garbage(seed: int) -> Iterable[bytes]:
    """Return parts of invalid lines."""
    source = random.Random(seed)
    words = [
        b"ping",
        b"echo",
        b"help",
        b"sleep 0.001",
        b"--help",
        b"-5",
        b'"',
        b"'",
        b"\\",
        b"\x00",
    ]
    for _ in range(300):
        if source.random() < 0.5:
            line = b" ".join(source.choices(words, k=source.randrange(6)))
        else:
            line = source.randbytes(source.randrange(200)).replace(b"\n", b" ")
        yield b"%d %s\n" % (source.randrange(10**6), line)


@pytest.mark.parametrize("seed", range(3))
async def test_random_garbage_leaves_the_connection_and_the_others_alive(
    kind: str, actor: Any, peer: Peer, stray: list[Any], seed: int
) -> None:
    async with await Peer.connect(kind, actor.port) as vandal:
        data = b"".join(garbage(seed))
        pieces = random.Random(seed)
        while data:
            size = pieces.randrange(1, 2000)
            vandal.writer.write(data[:size])
            data = data[size:]
            await asyncio.sleep(0)
        vandal.send("1234567 ping")
        assert last(await vandal.answers(1234567)) == (1234567, ":")
        assert last(await peer.ask("3 ping")) == (3, ":")
    await until(lambda: len(actor.transports) == 1)
    await until(lambda: not actor._active_commands)
    assert stray == []


async def test_a_client_that_vanishes_with_commands_in_flight_costs_no_more_than_one_line(
    actor: Any, peer: Peer, stray: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    connection = socket.create_connection(("127.0.0.1", actor.port))
    connection.sendall(b"".join(b"%d wait\n" % number for number in range(300)))
    await until(lambda: len(actor._active_commands) == 300)
    reset(connection)
    cancel_command("camera-command-parser_wait")
    await until(lambda: not actor._active_commands)
    for number in range(100):
        actor.write("i", text=f"to all {number}")
    await until(lambda: len(actor.transports) == 1)
    assert len([record for record in caplog.records if record.levelno >= WARNINGS]) <= 1
    assert stray == []


# --- devices ------------------------------------------------------------------------------------


async def test_a_device_whose_server_sends_garbage_and_resets_is_one_line_in_the_log(
    stray_loop: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []

    def callback(line: str) -> None:
        lines.append(line)
        raise SystemError("a callback that always fails")

    listener = socket.create_server(("127.0.0.1", 0))
    device = await Device("127.0.0.1", listener.getsockname()[1], callback).start()
    connection, _ = await asyncio.to_thread(listener.accept)
    expected = 0
    for line in garbage(7):
        connection.sendall(line)
        expected += 1
    await until(lambda: len(lines) == expected)
    caplog.clear()
    connection.sendall(b"x" * MEGABYTE + b"\n")
    await until(lambda: len(lines) == expected + 1)
    assert len(lines[-1]) == MEGABYTE
    assert "callback" in caplog.records[-1].getMessage()
    caplog.clear()
    reset(connection)
    await until(lambda: not device.is_connected())
    with pytest.raises(AssertionError, match="not connected"):
        device.write("anyone?")
    await device.stop()
    listener.close()
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("Lost the device at 127.0.0.1:")
    assert stray_loop == []


@pytest.fixture
async def stray_loop() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    return found


@pytest.mark.parametrize("limit", [1000])
async def test_a_line_over_the_limit_is_one_error_with_its_id(kind: str, limit: int) -> None:
    actor = await make(kind, line_limit=limit).start()
    async with await Peer.connect(kind, actor.port) as peer:
        assert last(await peer.ask("9 echo " + "x" * 100 * limit)) == (9, "f")
        assert last(await peer.ask("3 ping")) == (3, ":")
    await actor.stop()
