"""Legacy actors and the client of a hub over real sockets."""

from __future__ import annotations

import asyncio
import pathlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from clu import Command, LegacyActor
from clu.exceptions import CluError
from clu.legacy import TronConnection

from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DICTIONARIES = str(pathlib.Path(__file__).parent / "dictionaries")


class Lines:
    """A client of a legacy actor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> Lines:
        return cls(*await asyncio.open_connection("localhost", port))

    def send(self, line: bytes) -> None:
        self.writer.write(line + b"\n")

    async def line(self) -> str:
        return (await asyncio.wait_for(self.reader.readline(), 10)).decode()

    async def until(self, code: str) -> list[str]:
        lines = []
        while True:
            lines.append(await self.line())
            assert lines[-1], lines
            if f" {code} " in lines[-1]:
                return lines

    async def ask(self, line: bytes, code: str = ":") -> list[str]:
        self.send(line)
        return await self.until(code)

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
async def actor() -> AsyncIterator[LegacyActor]:
    actor = await LegacyActor(
        "camera", "localhost", 0, version="1.2", additional_properties=True
    ).start()
    yield actor
    await actor.stop()


@pytest.fixture
async def client(actor: LegacyActor) -> AsyncIterator[Lines]:
    client = await Lines.connect(actor.port)
    yield client
    await client.close()


async def greeted(client: Lines) -> list[str]:
    lines = []
    while not lines or "version" not in lines[-1]:
        lines.append(await client.line())
    return lines


async def test_a_new_user_is_greeted(client: Lines) -> None:
    assert await greeted(client) == [
        "1 0 i yourUserID=1; num_users=1\n",
        "0 0 i UserInfo=1,127.0.0.1\n",
        "1 0 i version='1.2'\n",
    ]


async def test_a_command_is_answered_with_the_ids(client: Lines) -> None:
    await greeted(client)
    assert await client.ask(b"5 ping") == ["1 5 > \n", "1 5 : text=Pong.\n"]
    assert (await client.ask(b"apo.john 7 ping"))[-1] == "1 7 : text=Pong.\n"


@pytest.mark.parametrize(
    ("line", "command_id"),
    [
        (b"4 \xff\xfe", 4),
        (b"12", 12),
        (b"5 9x", 5),
        (b'6 echo "open', 6),
        (b"7 nonsense", 7),
        (b"8 ping --nonsense", 8),
        (b"9 pi\x00ng", 9),
    ],
)
async def test_bad_input_gets_one_failing_reply_and_the_connection_lives(
    client: Lines, line: bytes, command_id: int
) -> None:
    await greeted(client)
    lines = await client.ask(line, "f")
    assert lines[-1].startswith(f"1 {command_id} f error=")
    assert (await client.ask(b"3 ping"))[-1] == "1 3 : text=Pong.\n"


async def test_a_long_line_gets_an_error() -> None:
    actor = await LegacyActor("camera", "localhost", 0, line_limit=1000).start()
    client = await Lines.connect(actor.port)
    await greeted(client)
    assert "1000 bytes" in (await client.ask(b"5 " + b"x" * 5000, "f"))[-1]
    assert (await client.ask(b"3 ping"))[-1] == "1 3 : text=Pong.\n"
    await client.close()
    await actor.stop()


async def test_the_user_zero_and_broadcasts_are_all_users(
    actor: LegacyActor, client: Lines
) -> None:
    other = await Lines.connect(actor.port)
    await greeted(client)
    await greeted(other)
    actor.write("i", text="hello there")
    for each in (client, other):
        while "hello" not in (line := await each.line()):
            pass
        assert line == '0 0 i text="hello there"\n'
    actor.write("w", {"text": "you"}, user_id=2, command_id=9)
    assert await other.until("w") == ["2 9 w text=you\n"]
    await other.close()


@pytest.mark.parametrize("concatenate", [True, False])
async def test_keywords_go_into_one_line_or_one_each(
    actor: LegacyActor, client: Lines, concatenate: bool
) -> None:
    await greeted(client)
    actor.write("w", {"a": [1, 2.5], "b": True}, concatenate=concatenate)
    actor.write("d")
    lines = (await client.until("d"))[-3 if not concatenate else -2 : -1]
    assert lines == (
        ["0 0 w a=1,2.5; b=T\n"] if concatenate else ["0 0 w a=1,2.5\n", "0 0 w b=T\n"]
    )


@pytest.mark.parametrize("value", ["a\n0 0 f forged", "x; forged=1", "a\r\nb", "nul\0byte"])
async def test_a_value_cannot_forge_a_reply(actor: LegacyActor, client: Lines, value: str) -> None:
    from clu.legacy.types.parser import ActorReplyParser

    await greeted(client)
    actor.write("w", {"text": value})
    (line,) = await client.until("w")
    reply = ActorReplyParser().parse(line)
    assert [keyword.name for keyword in reply.keywords] == ["text"]


async def test_a_dictionary_in_a_dictionary_is_an_error_that_names_the_keyword(
    actor: LegacyActor,
) -> None:
    with pytest.raises(TypeError, match="'deep'") as caught:
        actor.write("i", {"deep": {"a": {"b": 1}}})
    assert isinstance(caught.value, CluError)


class Hub:
    """A hub with one actor, ``tcc``, which answers ``getFor`` and echoes commands."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "localhost", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while line := await reader.readline():
            self.lines.append(line.decode())
            commander, mid, target, *words = line.decode().split()
            if words[:1] == ["silence"]:
                continue
            if target == "keys":
                reply = f"{commander} {mid} keys_tcc : axePos=1.5,2.5,3.5"
            else:
                reply = f"{commander} {mid} {target} : objName={words[0]}"
            # In pieces, as networks may deliver it.
            data = reply.encode() + b"\n"
            writer.write(data[:7])
            await asyncio.sleep(0)
            writer.write(data[7:])
        writer.close()

    def send(self, data: bytes) -> None:
        self.writers[-1].write(data)

    def stop(self) -> None:
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        self.writers = []


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    await hub.start()
    yield hub
    hub.stop()
    await asyncio.sleep(0.01)


@pytest.fixture
def dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DICTIONARIES)
    monkeypatch.delitem(sys.modules, "actorkeys", raising=False)


async def test_a_client_of_a_hub_commands_and_follows_keywords(
    hub: Hub, dictionaries: None
) -> None:
    tron = await TronConnection("apo.test", "localhost", hub.port, models=["tcc"]).start()
    command = await asyncio.wait_for(tron.send_command("tcc", "hello"), 10)
    assert command.status.did_succeed
    assert command.replies[-1].keywords[0].name == "objName"
    hub.send(b"\xff garbage\n.tcc 0 tcc i axePos=4.5,5.5,6.5\n")
    await until(lambda: tron.models["tcc"]["AXEPOS"].value == [4.5, 5.5, 6.5])
    assert any("getFor=tcc" in line for line in hub.lines)
    tron.stop()
    assert not tron.connected()


async def test_commands_in_flight_fail_when_the_hub_goes_and_the_client_comes_back(
    hub: Hub, dictionaries: None
) -> None:
    tron = TronConnection("apo.test", "localhost", hub.port, models=["tcc"])
    await tron.start()
    assert tron.protocol is not None
    tron.protocol.initial_delay = tron.protocol._delay = 0.05
    tron.protocol.jitter = 0
    pending = tron.send_command("tcc", "silence")
    await until(lambda: any("silence" in line for line in hub.lines))
    hub.stop()
    await asyncio.wait_for(asyncio.shield(pending), 10)
    assert pending.status.did_fail
    assert "lost" in pending.replies.get("error")
    hub.lines.clear()
    await hub.start()
    await until(tron.connected)
    await until(lambda: any("getFor=tcc" in line for line in hub.lines))
    tron.stop()


async def test_a_hub_that_is_down_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    tron = await TronConnection("apo.test", "localhost", 1).start()
    assert not tron.connected()
    with pytest.raises(CluError, match="cannot connect to tron"):
        tron.send_command("tcc", "hello")
    tron.stop()
    assert "No connection to tron at localhost:1" in caplog.text


async def test_an_actor_asks_the_hub_to_connect_back_and_sends_commands_through_it(
    hub: Hub,
) -> None:
    actor = LegacyActor("camera", "localhost", 0, tron_host="localhost", tron_port=hub.port)
    await actor.start()
    await until(lambda: any("hub startNubs camera" in line for line in hub.lines))
    command: Command[Any] = actor.send_command("tcc", "hello")
    assert isinstance(command, Command)
    assert (await asyncio.wait_for(command, 10)).status.did_succeed
    await actor.stop()
