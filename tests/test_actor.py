"""TCP JSON actors over real sockets."""

from __future__ import annotations

import asyncio
import datetime
import enum
import json
import logging
import math
import pathlib
import socket
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest

from clu import Command, JSONActor, JSONParser, TCPBaseActor
from clu.exceptions import CluError
from clu.parsers.click import CluGroup, get_schema, help_, keyword, ping, version

from .tcp_client import Client, codes, last
from .waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def make_parser() -> click.Group:
    @click.group(cls=CluGroup)
    def parser(*args: Any) -> None:
        pass

    for command in (ping, version, get_schema, help_, keyword):
        parser.add_command(command)

    @parser.command()
    @click.argument("text")
    def echo(command: Command[Any], text: str) -> None:
        command.finish(text=text)

    @parser.command(cancellable=True)
    async def wait(command: Command[Any]) -> None:
        command.info(text="waiting")
        await asyncio.sleep(60)

    @parser.command()
    @click.argument("seconds", type=float)
    async def sleep(command: Command[Any], seconds: float) -> None:
        await asyncio.sleep(seconds)
        command.finish(text="slept")

    return parser


def make_actor(**kwargs: Any) -> JSONActor:
    class Actor(JSONActor):
        parser = make_parser()

    kwargs.setdefault("additional_properties", True)
    return Actor("camera", port=0, version="1.2.3", **kwargs)


@pytest.fixture
async def actor() -> AsyncIterator[JSONActor]:
    actor = await make_actor().start()
    yield actor
    await actor.stop()


@pytest.fixture
async def client(actor: JSONActor) -> AsyncIterator[Client]:
    async with await Client.connect(actor.port) as client:
        yield client


async def test_a_command_is_answered_with_its_id(client: Client) -> None:
    replies = await client.ask("5 ping")
    assert codes(replies) == [">", ":"]
    assert replies[-1]["data"] == {"text": "Pong."}
    header = replies[-1]["header"]
    assert header == {
        "command_id": 5,
        "commander_id": header["commander_id"],
        "message_code": ":",
        "internal": False,
        "sender": "camera",
    }
    assert replies[0]["header"]["internal"] is True


async def test_a_command_without_an_id_gets_zero(client: Client) -> None:
    assert last(await client.ask("ping"))[:2] == (0, ":")


async def test_many_commands_in_one_packet_are_all_answered(client: Client) -> None:
    client.writer.write(b"".join(b"%d echo %d\n" % (i, i) for i in range(1, 500)))
    ended = []
    while len(ended) < 499:
        reply = await client.reply()
        if reply["header"]["message_code"] == ":":
            ended.append((reply["header"]["command_id"], reply["data"]["text"]))
    assert ended == [(i, str(i)) for i in range(1, 500)]


async def test_a_line_may_come_in_many_packets(client: Client) -> None:
    for byte in b"7 ping\n":
        client.writer.write(bytes([byte]))
        await asyncio.sleep(0.001)
    assert last(await client.replies())[:2] == (7, ":")


@pytest.mark.parametrize(
    ("line", "command_id", "reason"),
    [
        (b"4 \xff\xfe ping", 4, "not UTF-8"),
        (b"\xff", 0, "not UTF-8"),
        (b"5 pi\x00ng", 5, "does not exist"),
        (b"\x00\x00", 0, "does not exist"),
        (b'6 echo "unbalanced', 6, "cannot be parsed"),
        (b"6 echo trailing\\", 6, "cannot be parsed"),
        (b"7 ping --nonsense", 7, "cannot be parsed"),
        (b"7 --nonsense", 7, "cannot be parsed"),
        (b"8 nonsense", 8, "does not exist"),
        (b"-5 ping", 0, "cannot be parsed"),
        (b"99999999999999999999999 nonsense", 99999999999999999999999, "does not exist"),
        (b"9" * 5000 + b" ping", 0, "5000 digits"),
        (b"12", 0, "does not exist"),
        (b"1.5 ping", 0, "does not exist"),
        ("٣ ping".encode(), 0, "does not exist"),
    ],
)
async def test_bad_input_gets_one_failing_reply_and_the_connection_lives(
    client: Client, line: bytes, command_id: int, reason: str
) -> None:
    replies = await client.ask(line)
    assert codes(replies).count("f") == 1
    assert {reply["header"]["command_id"] for reply in replies} == {command_id}
    assert reason in replies[-1]["data"]["error"]
    assert last(await client.ask("3 ping"))[:2] == (3, ":")


async def test_an_id_over_64_bits_comes_back(client: Client) -> None:
    number = 10**100
    assert last(await client.ask(f"{number} ping"))[:2] == (number, ":")


@pytest.mark.parametrize("line", ["", "   ", "\r"])
async def test_an_empty_line_ends_well(client: Client, line: str) -> None:
    assert last(await client.ask(line)) == (0, ":", {})


async def test_a_line_over_the_limit_gets_an_error_and_the_connection_goes_on() -> None:
    actor = await make_actor(line_limit=1000).start()
    async with await Client.connect(actor.port) as client:
        assert last(await client.ask("1 echo " + "x" * 900))[1] == ":"
        command_id, code, data = last(await client.ask("2 echo " + "x" * 100_000))
        assert (command_id, code) == (2, "f")
        assert "1000 bytes" in data["error"]
        assert last(await client.ask("3 ping"))[:2] == (3, ":")
    await actor.stop()


async def test_a_line_of_a_megabyte_is_accepted_by_default(client: Client) -> None:
    text = "x" * (1024 * 1024 - 100)
    assert last(await client.ask(f"1 echo {text}"))[2] == {"text": text}


async def test_the_error_about_a_long_line_does_not_wait_for_its_end() -> None:
    actor = await make_actor(line_limit=1000).start()
    async with await Client.connect(actor.port) as client:
        client.writer.write(b"9 echo " + b"x" * 5000)
        assert last(await client.replies())[:2] == (9, "f")
        client.writer.write(b"x" * 5000 + b"\n")
        assert last(await client.ask("3 ping"))[:2] == (3, ":")
    await actor.stop()


async def test_the_default_address_is_localhost(actor: JSONActor) -> None:
    addresses = {s.getsockname()[0] for s in actor.server._server.sockets}
    assert addresses <= {"127.0.0.1", "::1"}


async def test_a_port_is_needed() -> None:
    with pytest.raises(ValueError, match="port needs to be specified") as caught:
        JSONActor("camera")
    assert isinstance(caught.value, CluError)


async def test_a_broadcast_reaches_all_clients_and_a_reply_only_the_commander(
    actor: JSONActor,
) -> None:
    async with await Client.connect(actor.port) as one, await Client.connect(actor.port) as two:
        await one.ask("1 ping")
        await two.ask("1 ping")
        actor.write("i", text="to all")
        assert (await one.reply())["data"] == (await two.reply())["data"] == {"text": "to all"}
        await one.ask("2 ping")
        actor.write("i", text="again")
        first = await two.reply()
        assert first["data"] == {"text": "again"}
        assert first["header"]["commander_id"] is None
        assert first["header"]["command_id"] is None


async def test_a_client_that_does_not_read_is_cut_off_while_others_keep_their_flow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    actor = await make_actor(buffer_limit=1024 * 1024, stall_limit=0.5).start()
    unresponsive = socket.create_connection(("localhost", actor.port))
    unresponsive.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with await Client.connect(actor.port) as good:
        await good.ask("1 ping")
        await until(lambda: len(actor.transports) == 2)
        text = "x" * 10_000
        received = 0
        for number in range(2000):
            actor.write("i", text=text, number=number)
            reply = await good.reply()
            assert reply["data"]["number"] == number
            received += 1
        assert received == 2000
        await until(lambda: len(actor.transports) == 1)
        assert last(await good.ask("2 ping"))[:2] == (2, ":")
    reasons = [r.getMessage() for r in caplog.records if "does not read" in r.getMessage()]
    assert len(reasons) == 1
    assert "1048576" in reasons[0]
    unresponsive.close()
    await actor.stop()


async def test_one_reply_larger_than_the_limit_reaches_a_client_that_reads() -> None:
    actor = await make_actor(buffer_limit=100_000).start()
    async with await Client.connect(actor.port) as client:
        await client.ask("1 ping")
        actor.write("i", text="x" * 3_000_000)
        assert len((await client.reply())["data"]["text"]) == 3_000_000
        assert last(await client.ask("2 ping"))[:2] == (2, ":")
    await actor.stop()


async def test_the_writes_of_one_turn_leave_in_one_piece(actor: JSONActor, client: Client) -> None:
    await client.ask("1 ping")
    (transport,) = actor.transports.values()
    pieces: list[bytes] = []
    inner = transport._transport

    class Spy:
        def write(self, data: bytes) -> None:
            pieces.append(data)
            inner.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    transport._transport = Spy()
    for number in range(10):
        actor.write("i", number=number)
    replies = [await client.reply() for _ in range(10)]
    assert [reply["data"]["number"] for reply in replies] == list(range(10))
    assert len(pieces) == 1


async def test_a_command_before_a_half_close_is_answered(actor: JSONActor) -> None:
    async with await Client.connect(actor.port) as client:
        client.send("1 sleep 0.1")
        client.writer.write_eof()
        assert last(await client.replies()) == (1, ":", {"text": "slept"})
        assert await asyncio.wait_for(client.reader.read(), 10) == b""
    await until(lambda: not actor.transports)


async def test_a_last_line_without_newline_is_answered(actor: JSONActor) -> None:
    async with await Client.connect(actor.port) as client:
        client.writer.write(b"8 ping")
        client.writer.write_eof()
        assert last(await client.replies())[:2] == (8, ":")


async def test_a_reset_connection_is_forgotten_without_noise(
    actor: JSONActor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    raw = socket.create_connection(("localhost", actor.port))
    raw.sendall(b"1 wait\n2 pi")
    await until(lambda: len(actor.transports) == 1 and actor._active_commands)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    raw.close()
    await until(lambda: not actor.transports)
    assert caplog.records == []


async def test_stop_ends_running_commands_closes_sockets_and_frees_the_port() -> None:
    actor = await make_actor().start()
    port = actor.port
    async with await Client.connect(port) as client:
        client.send("1 wait")
        await client.reply()
        await client.reply()
        await actor.stop()
        assert last(await client.replies())[:2] == (1, "f")
        assert await asyncio.wait_for(client.reader.read(), 10) == b""
    again = await type(actor)("camera", port=port).start()
    await again.stop()


async def test_stop_sends_what_was_written_and_disconnects_unresponsive_clients() -> None:
    actor = await make_actor(buffer_limit=64 * 1024 * 1024).start()
    unresponsive = socket.create_connection(("localhost", actor.port))
    async with await Client.connect(actor.port) as client:
        await client.ask("1 ping")
        await until(lambda: len(actor.transports) == 2)
        actor.write("i", text="x" * 10_000_000)
        stopping = asyncio.create_task(actor.stop())
        assert len((await client.reply())["data"]["text"]) == 10_000_000
        await asyncio.wait_for(stopping, 10)
        assert await asyncio.wait_for(client.reader.read(), 10) == b""
    assert not actor.server.transports
    assert not actor.server._handlers
    unresponsive.close()


async def test_an_actor_starts_again_after_a_stop() -> None:
    actor = await make_actor().start()
    await actor.stop()
    await actor.stop()
    await actor.start()
    async with await Client.connect(actor.port) as client:
        assert last(await client.ask("1 ping"))[1] == ":"
    await actor.stop()


async def test_stop_before_start_is_harmless() -> None:
    await make_actor().stop()


async def test_a_command_runs_on_while_others_are_answered(client: Client) -> None:
    client.send("1 sleep 0.2")
    client.send("2 ping")
    ended = [last(await client.replies())[0], last(await client.replies())[0]]
    assert ended == [2, 1]


async def test_a_running_command_is_cancelled_by_stop(client: Client) -> None:
    client.send("1 wait")
    await client.reply()
    await client.reply()
    client.send("2 wait --stop")
    ends = {}
    while len(ends) < 2:
        reply = await client.reply()
        if reply["header"]["message_code"] in ":f":
            ends[reply["header"]["command_id"]] = reply
    assert ends[1]["data"] == {"error": "This command has been cancelled."}
    assert ends[2]["data"] == {"text": "Command has been scheduled for cancellation."}


async def test_multiline_mode_indents_for_human_eyes(actor: JSONActor) -> None:
    async with await Client.connect(actor.port) as client:
        client.send("1 multiline --on")
        text = b""
        while text.count(b"\n}\n") < 1:
            text += await asyncio.wait_for(client.reader.readline(), 10)
        assert b'\n    "header": {\n        "command_id": 1' in text


async def test_replies_are_logged_once_as_they_were_sent(tmp_path: pathlib.Path) -> None:
    actor = await make_actor(log_dir=tmp_path).start()
    actor.log.sh.setLevel(logging.CRITICAL)
    async with await Client.connect(actor.port) as client:
        await client.ask("1 ping")
        actor.write("i", text="not for the log", write_to_log=False)
        actor.write("i", text="for the log")
        await client.reply()
        sent = await client.reply()
    await actor.stop()
    for handler in list(actor.log.handlers):
        if isinstance(handler, logging.FileHandler):
            actor.log.removeHandler(handler)
            handler.close()
    log = (tmp_path / "camera.log").read_text()
    logged = [json.loads(line.split(" - ", 2)[2]) for line in log.splitlines() if "REPLY" in line]
    assert logged[-1] == sent
    assert "not for the log" not in log
    user_id = sent["header"]["commander_id"] or logged[0]["header"]["commander_id"]
    start, connected, command, *_, end = [line.split(" - ", 2)[2] for line in log.splitlines()][1:]
    assert start == f"running TCP server on localhost:{actor.port}"
    assert connected.startswith(f"user {user_id} connected from ")
    assert command == (
        f"New command received: 'camera ping' (commander_id={user_id!r}, command_id=1)"
    )
    assert end == f"user {user_id} disconnected."


async def test_connections_above_the_limit_get_a_message() -> None:
    actor = await make_actor(max_connections=1).start()
    async with await Client.connect(actor.port) as one:
        await one.ask("1 ping")
        async with await Client.connect(actor.port) as two:
            told = await asyncio.wait_for(two.reader.read(), 10)
            assert told == b"Max number of connections reached.\n"
        assert last(await one.ask("2 ping"))[1] == ":"
    await actor.stop()


async def test_timed_commands_run_and_reach_the_clients(actor: JSONActor, client: Client) -> None:
    await client.ask("1 ping")
    actor.timed_commands.add_command("ping", delay=30)
    replies = await client.replies()
    assert replies[-1]["data"] == {"text": "Pong."}
    assert replies[-1]["header"]["commander_id"] == ".camera"


async def test_a_json_actor_cannot_command_others(actor: JSONActor) -> None:
    with pytest.raises(NotImplementedError, match="JSONActor cannot send commands"):
        actor.send_command("other", "ping")


class Colour(enum.Enum):
    RED = "red"


VALUES = [
    (math.nan, "nan"),
    (math.inf, math.inf),
    (-math.inf, -math.inf),
    (2**64, 2**64),
    (-(10**30), -(10**30)),
    ({1: "a", None: "b", 1.5: "d"}, {"1": "a", "null": "b", "1.5": "d"}),
    ((1, (2, 3)), [1, [2, 3]]),
    (Colour.RED, "red"),
    (np.float64(1.5), 1.5),
    (np.float32(0.5), 0.5),
    (np.int64(7), 7),
    (np.bool_(True), True),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([1.0, np.inf]), [1.0, math.inf]),
    (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (pathlib.PurePosixPath("/data/x.fits"), "/data/x.fits"),
    ("\ud800", "\ud800"),
    ("é\u2028", "é\u2028"),
    (None, None),
]


@pytest.mark.parametrize(("value", "received"), VALUES, ids=lambda v: str(v)[:20])
async def test_a_value_keeps_its_meaning_on_the_wire(
    actor: JSONActor, client: Client, value: Any, received: Any
) -> None:
    await client.ask("1 ping")
    actor.write("i", {"value": value}, validate=False)
    got = (await client.reply())["data"]["value"]
    if received == "nan":
        assert math.isnan(got)
    else:
        assert got == received
        assert type(got) is type(received)


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object(), {(1, 2): 3}, 1 + 2j], ids=lambda v: type(v).__name__
)
async def test_a_value_that_cannot_be_sent_is_an_error_that_names_the_keyword(
    actor: JSONActor, client: Client, value: Any
) -> None:
    await client.ask("1 ping")
    actor.write("i", {"good": 1, "image": value}, validate=False)
    reply = await client.reply()
    assert reply["header"]["message_code"] == "e"
    assert "'image'" in reply["data"]["error"]
    assert last(await client.ask("2 ping"))[1] == ":"


async def test_a_command_ends_though_its_last_reply_cannot_be_sent(actor: JSONActor) -> None:
    @actor.parser.command()  # type: ignore[attr-defined]
    async def picture(command: Command[Any]) -> None:
        command.finish(image=b"bytes")

    async with await Client.connect(actor.port) as client:
        replies = await client.ask("1 picture")
        assert codes(replies) == [">", "e", ":"]
        assert "'image'" in replies[1]["data"]["error"]


async def test_a_command_ends_though_its_last_reply_is_not_in_the_schema() -> None:
    actor = await make_actor(schema={"type": "object", "properties": {}}).start()
    actor.model.schema["additionalProperties"] = False

    @actor.parser.command()  # type: ignore[attr-defined]
    async def flag(command: Command[Any]) -> None:
        command.finish(flag=True)

    async with await Client.connect(actor.port) as client:
        replies = await client.ask("1 flag")
        assert codes(replies) == [">", "e", ":"]
        assert replies[1]["data"]["error"] == (
            "Failed validating the reply: message {'flag': True} does not match the schema. "
            "The keyword 'flag' is not in it."
        )
    await actor.stop()


async def test_a_json_parser_serves_over_tcp() -> None:
    class Actor(JSONParser, TCPBaseActor):
        pass

    async def go(command: Command[Any], payload: dict[str, Any]) -> None:
        command.finish(text=str(payload))

    actor = Actor("stage", port=0)
    actor.callbacks = {"go": go}
    await actor.start()
    async with await Client.connect(actor.port) as client:
        replies = await client.ask('3 {"command": "go", "to": 5}')
        assert last(replies) == (3, ":", {"text": "{'to': 5}"})
    await actor.stop()


async def test_two_hundred_clients_get_their_own_replies(actor: JSONActor) -> None:
    async def use(number: int) -> None:
        async with await Client.connect(actor.port) as client:
            for index in range(10):
                text = f"{number}-{index}"
                command_id, code, data = last(await client.ask(f"{index} echo {text}"))
                assert (command_id, code, data) == (index, ":", {"text": text})

    await asyncio.gather(*(use(number) for number in range(200)))
    await until(lambda: not actor.transports)
