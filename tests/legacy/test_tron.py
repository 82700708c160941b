"""The connection to a hub over real sockets, and the models of the actors behind it."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import logging
import warnings
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clu import Command, CommandStatus
from clu.exceptions import CluError, CluWarning, CommandError
from clu.legacy import TronConnection, TronKey, TronModel
from clu.legacy.tron import TronClientProtocol, TronLoggingFilter
from clu.legacy.types import pvt
from clu.legacy.types.keys import Consumer, Key, KeysDictionary, KeysDictionaryError
from clu.legacy.types.messages import Keyword
from clu.legacy.types.messages import Reply as HubReply
from clu.legacy.types.parser import ReplyParser
from clu.legacy.types.types import PVT, CompoundValueType, Enum, Float, Int, String

from ..waiting import until

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator

    from clu.testing import Hub

parser = ReplyParser()


def make_client(hub: Hub, **kwargs: Any) -> TronConnection:
    kwargs.setdefault("models", ["tcc"])
    client = TronConnection("APO.Jane", "127.0.0.1", hub.port, **kwargs)
    client.log.sh.setLevel(logging.CRITICAL)
    return client


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[TronConnection]:
    client = await make_client(hub).start(get_keys=False)
    await until(lambda: hub.clients)
    yield client
    client.stop()


async def received_all(client: TronConnection, hub: Hub) -> None:
    """Wait until the client has handled all that the hub has sent."""
    await client.send_command("nobody", "end")


# --- commands ---------------------------------------------------------------------------------


async def test_commands_are_numbered_and_keep_their_commander(
    client: TronConnection, hub: Hub
) -> None:
    await asyncio.gather(
        client.send_command("tcc", "track"),
        client.send_command("tcc", "offset", "arc", 1.5, commander="foo.bar"),
        client.send_command("tcc", "status", mid=77),
        client.send_command("tcc", "stop"),
    )
    assert hub.received == [
        "APO.Jane 1 tcc track",
        "foo.bar 2 tcc offset arc 1.5",
        "APO.Jane 77 tcc status",
        "APO.Jane 3 tcc stop",
    ]


async def test_numbers_wrap_and_are_not_used_twice(client: TronConnection, hub: Hub) -> None:
    hub.silent = True
    client._mid = 2**32 - 1
    for _ in range(3):
        client.send_command("tcc", "x")
    client._mid = 2**32 - 1
    client.send_command("tcc", "x")
    await until(lambda: len(hub.received) == 4)
    assert [int(line.split()[1]) for line in hub.received] == [2**32 - 1, 0, 1, 2]


async def test_a_command_follows_its_replies(client: TronConnection, hub: Hub) -> None:
    hub.silent = True
    seen: list[Any] = []
    command = client.send_command("tcc", "go", reply_callback=seen.append)
    assert isinstance(command, Command)
    assert command.raw_command_string == "APO.Jane 1 tcc go\n"
    assert command.commander_id == "APO.Jane"
    assert (command.actor, command.status) == (None, CommandStatus.READY)
    hub.say("APO.Jane 1 tcc > ")
    await until(lambda: command.status is CommandStatus.RUNNING)
    hub.say('APO.Jane 1 tcc i axePos=1,2,NaN; objName="M 31"')
    hub.say("APO.Jane 1 hub w Late; Because=x,y")
    hub.say("APO.Jane 1 keys_tcc d secFocus=5")
    hub.say("APO.Jane 1 tcc e")
    hub.say("APO.Jane 1 tcc : ")
    assert await asyncio.wait_for(command, 10) is command
    assert await command is command
    assert command.status is CommandStatus.DONE
    hub.say("APO.Jane 1 tcc i late=1")
    hub.silent = False
    await received_all(client, hub)
    messages = [(r.message_code.value, dict(r.message)) for r in command.replies]
    assert messages == [
        (">", {}),
        ("i", {"axepos": [1.0, 2.0, None], "objname": ["M 31"]}),
        ("w", {"Late": [], "Because": ["x", "y"]}),
        ("d", {"secfocus": [5.0]}),
        (":", {}),
    ]
    assert command.replies.get("axePos") == command.replies.get("axepos") == [1.0, 2.0, None]
    keywords = command.replies[1].keywords
    assert [keyword.name for keyword in keywords] == ["axePos", "objName"]
    assert keywords[0].values[1].native == 2.0
    assert all(reply.command is command for reply in command.replies)
    assert [type(reply) for reply in seen] == [HubReply] * 5
    assert seen[1].header.actor == "tcc"


@pytest.mark.parametrize(
    ("code", "status"),
    [(":", "DONE"), ("f", "FAILED"), ("F", "FAILED"), ("!", "FAILED")],
)
async def test_how_a_command_ends(client: TronConnection, hub: Hub, code: str, status: str) -> None:
    hub.silent = True
    command = client.send_command("nobody", "go")
    hub.say(f'APO.Jane 1 nobody {code} text="that was it"')
    await asyncio.wait_for(command, 10)
    assert command.status.name == status
    assert command.replies.get("text") == ["that was it"]
    assert client.running_commands == {}


async def test_replies_to_others_are_none_of_a_command(client: TronConnection, hub: Hub) -> None:
    hub.silent = True
    command = client.send_command("nobody", "go")
    with pytest.raises(CommandError, match="The command 1 is still running"):
        client.send_command("nobody", "go", commander="foo.bar", mid=1)
    other = client.send_command("nobody", "go", commander="foo.bar")
    for header in (
        "you.too 1",
        "foo.bar 1",
        "APO.Jane 2",
        "APO.Jane.hal 1",
        "APO.Jane 2",
        ".nobody 0",
        ".Jane 1",
    ):
        hub.say(f"{header} nobody f x=1")
    hub.say("foo.bar 2 nobody : ")
    await asyncio.wait_for(other, 10)
    assert command.replies == []
    assert not command.done()
    hub.say("APO.Jane 1 nobody : ")
    await asyncio.wait_for(command, 10)


async def test_an_actor_on_the_way_is_a_part_of_the_commander(
    client: TronConnection, hub: Hub
) -> None:
    command = await client.send_command("nobody", "go", commander="APO.Jane.hal")
    assert command.status.did_fail
    assert hub.received == ["APO.Jane.hal 1 nobody go"]


async def test_a_command_that_takes_too_long_times_out(client: TronConnection, hub: Hub) -> None:
    hub.silent = True
    command = await client.send_command("tcc", "go", time_limit=0.02)
    assert command.status is CommandStatus.TIMEDOUT
    assert client.running_commands == {}


async def test_the_former_name_of_the_callback_is_deprecated(
    client: TronConnection, hub: Hub
) -> None:
    seen: list[Any] = []
    with pytest.warns(DeprecationWarning, match="'callback' argument is deprecated"):
        command = client.send_command("nobody", "go", callback=seen.append)
    await command
    assert len(seen) == 1


async def test_a_callback_may_be_a_coroutine_function_or_fail(
    client: TronConnection, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    async def later(reply: HubReply) -> None:
        await asyncio.sleep(0)
        seen.append(reply)

    def fail(reply: HubReply) -> None:
        raise RuntimeError("no good")

    async def fail_later(reply: HubReply) -> None:
        raise RuntimeError("no better")

    def leave(reply: HubReply) -> None:
        raise SystemExit(3)

    async def leave_later(reply: HubReply) -> None:
        raise SystemExit(4)

    await client.send_command("nobody", "go", reply_callback=later)
    await client.send_command("nobody", "go", reply_callback=fail)
    for callback in (fail_later, leave, leave_later):
        await client.send_command("nobody", "go", reply_callback=callback)
    assert len(seen) == 1
    await until(lambda: "SystemExit: 4" in caplog.text)
    assert "no good" in caplog.text
    assert "no better" in caplog.text
    for callback in (fail, fail_later, leave, leave_later):
        assert f"callback {__name__}.{callback.__qualname__} raised" in caplog.text


async def test_what_is_called_on_connection_may_fail(
    client: TronConnection, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(connection: TronConnection) -> None:
        raise SystemExit(3)

    client.on_connection = leave
    client._connected()
    assert f"callback {__name__}.{leave.__qualname__} raised" in caplog.text
    assert client.connected()


@pytest.mark.parametrize("text", ["a\nfoo.bar 9 tcc b", "a\rb", "a\0b"])
async def test_a_command_cannot_hold_another_one(client: TronConnection, text: str) -> None:
    with pytest.raises(CommandError, match="not one line"):
        client.send_command("tcc", text)
    with pytest.raises(CommandError, match="not one line"):
        client.send_command("tcc", "x", commander=f"foo.bar{text}")
    assert client.running_commands == {}


async def test_newlines_at_the_end_of_a_command_do_not_matter(
    client: TronConnection, hub: Hub
) -> None:
    await client.send_command("tcc", "go\r\n")
    assert hub.received == ["APO.Jane 1 tcc go"]


def test_the_form_of_a_commander_is_checked() -> None:
    for good in ("a.b", "A_1.b.c", "APO.Jane-2"):
        assert TronConnection(good, "localhost").commander == good
    for bad in ("me", ".b", "a.", "1a.b", "a b.c", "é.b", "a..b", "a.1b", "a.b\n", ""):
        with pytest.raises(ValueError, match="Invalid commander format"):
            TronConnection(bad, "localhost")


# --- the connection ---------------------------------------------------------------------------


async def test_keys_are_asked_for_in_tens_in_the_order_of_the_model(hub: Hub) -> None:
    client = await make_client(hub, models=["many", "tcc"]).start()
    assert client.connected()
    await received_all(client, hub)
    asked = hub.commands("keys")
    names = [f"key{number}" for number in range(300)]
    assert asked[:30] == [
        f"keys getFor=many {' '.join(names[start : start + 10])}" for start in range(0, 300, 10)
    ]
    assert asked[30:] == [f"keys getFor=tcc {' '.join(client.models['tcc']).lower()}"]
    hub.received.clear()
    await client.get_keys()
    await received_all(client, hub)
    assert hub.commands("keys") == asked
    assert client.running_commands == {}
    client.stop()


async def test_the_values_that_were_asked_for_reach_the_model(hub: Hub) -> None:
    hub.keys["tcc"] = {"axepos": "1,2,3", "enabled": "T", "objname": '"M 31; x"'}
    client = await make_client(hub).start()
    await received_all(client, hub)
    tcc = client.models["tcc"]
    assert tcc["axePos"].value == [1.0, 2.0, 3.0]
    assert tcc["enabled"].value == [True]
    assert tcc["objName"].value == ["M 31; x"]
    client.stop()


async def test_lines_may_be_split_anywhere(client: TronConnection, hub: Hub) -> None:
    lines = [f'.tcc 0 tcc i secFocus={i}; objName="café {i}"\n' for i in range(40)]
    values: list[Any] = []
    client.models["tcc"].register_callback(lambda model, key: values.append(key.value))
    data = "".join(lines).encode()
    sizes = [1, 2, 3, 5, 7, 11]
    start = 0
    while start < len(data):
        size = sizes[start % len(sizes)]
        hub.say(data[start : start + size])
        start += size
        if start % 50 == 0:
            await asyncio.sleep(0)
    await received_all(client, hub)
    assert values == [value for i in range(40) for value in ([float(i)], [f"café {i}"])]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 400), max_size=40))
def test_lines_may_be_split_at_any_byte(cuts: list[int]) -> None:
    connection = make_offline()
    data = "".join(f'.stage 0 stage i pos={i}; text="café {i}"\n' for i in range(12)).encode()
    seen: list[Any] = []
    connection.models["stage"]["pos"].register_callback(lambda key: seen.append(key.value))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        connection._handle_reply(data[start:end])
    assert seen == [[i] for i in range(12)]
    assert connection.models["stage"]["text"].value == ["café 11"]


def make_offline() -> TronConnection:
    """Return a connection that is not connected, with a model."""
    connection = TronConnection("APO.Jane", "localhost", 1)
    connection.log.sh.setLevel(logging.CRITICAL)
    keys = KeysDictionary("stage", (1, 0), Key("pos", Int()), Key("text", String()))
    connection.models["stage"] = TronModel(keys)
    return connection


GARBAGE = [
    b"garbage",
    b"\xff\xfe\x00",
    b'.tcc 0 tcc i objName="caf\xff"',
    b".tcc 0 tcc i secFocus=1;;; bad",
    b".tcc 0 tcc i",
    b".tcc 0 tcc q secFocus=1",
    b'.tcc 0 tcc i objName="unbalanced',
    b".tcc 99999999999999999999999999x tcc i secFocus=1",
    b"APO.Jane 1 tcc",
    b"\x00" * 100,
    b"9" * 10_000,
]


async def test_garbage_is_skipped_line_by_line_with_a_log_entry(
    client: TronConnection, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    for number, line in enumerate(GARBAGE):
        hub.say(line + b"\n.tcc 0 tcc i secFocus=%d\r\n\n" % number)
    await received_all(client, hub)
    assert client.models["tcc"]["secFocus"].value == [float(len(GARBAGE) - 1)]
    entries = [r for r in caplog.records if r.getMessage().startswith("Failed parsing reply")]
    assert len(entries) == len(GARBAGE)
    assert {entry.levelno for entry in entries} == {logging.WARNING}
    assert max(len(entry.getMessage()) for entry in entries) < 1500


async def test_a_line_without_an_end_is_skipped(
    client: TronConnection, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        hub.say(b"x" * 100_000)
        await asyncio.sleep(0)
    hub.say(b"\n.tcc 0 tcc i secFocus=7\n")
    await received_all(client, hub)
    assert client.models["tcc"]["secFocus"].value == [7.0]
    assert "of over 1048576 bytes" in caplog.text


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.text(max_size=60).map(str.encode),
            st.text(alphabet="=,;\"' \\abct.01\n", max_size=40).map(
                lambda text: f".stage 0 stage i {text}".encode()
            ),
            st.sampled_from([b"pos=1", b".stage 0 stage i pos=", b"\n", b"APO.Jane 0 stage : \n"]),
        ),
        max_size=20,
    )
)
def test_no_bytes_of_a_hub_raise_anything(pieces: list[bytes]) -> None:
    connection = make_offline()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CluWarning)
            for piece in pieces:
                connection._handle_reply(piece)
            connection._handle_reply(b"\n.stage 0 stage i pos=123\n")
    finally:
        logging.disable(logging.NOTSET)
    assert connection.models["stage"]["pos"].value == [123]


async def test_a_failure_to_handle_a_line_is_logged_and_the_next_line_is_handled(
    client: TronConnection, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hub.say(".tcc 0 tcc i unknown=1; secFocus=3")
        hub.say(".tcc 0 tcc i secFocus=4")
        await received_all(client, hub)
    assert client.models["tcc"]["secFocus"].value == [4.0]
    assert "Failed handling reply" in caplog.text


async def test_pending_commands_fail_when_the_connection_drops_and_it_comes_back(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    client = await make_client(hub).start()
    await received_all(client, hub)
    hub.silent = True
    seen: list[Any] = []
    command = client.send_command("tcc", "go", reply_callback=seen.append)
    await until(lambda: hub.received[-1].endswith("tcc go"))
    hub.received.clear()
    await hub.stop()
    await asyncio.wait_for(command, 10)
    assert command.status is CommandStatus.FAILED
    (reply,) = command.replies
    assert reply.message == {
        "error": "The connection to the hub was lost before the command ended."
    }
    assert [keyword.name for keyword in reply.keywords] == ["error"]
    assert seen[0].header.code == "F"
    assert not client.connected()
    assert client.transport is None
    with pytest.raises(CluError, match="cannot connect to tron"):
        client.send_command("tcc", "go")
    assert "No connection to tron at 127.0.0.1" in caplog.text
    hub.silent = False
    hub.keys["tcc"] = {"secfocus": "12"}
    await hub.start()
    await until(lambda: client.models["tcc"]["secFocus"].value == [12.0])
    assert client.connected()
    assert hub.commands("keys") == hub.commands() != []
    client.stop()


async def test_half_a_line_does_not_survive_a_lost_connection(
    client: TronConnection, hub: Hub
) -> None:
    received_values: list[Any] = []
    client.models["tcc"]["secFocus"].register_callback(
        lambda key: received_values.append(key.value)
    )
    hub.say(b".tcc 0 tcc i secFocus=1\n.tcc 0 tcc i secFoc")
    await received_value(client, 1.0)
    await hub.restart()
    await until(lambda: client.connected() and hub.clients)
    hub.say(b"us=9\n.tcc 0 tcc i secFocus=2\n")
    await received_value(client, 2.0)
    assert received_values == [[1.0], [2.0]]


async def received_value(client: TronConnection, value: float) -> None:
    await until(lambda: client.models["tcc"]["secFocus"].value == [value])


async def test_attempts_are_further_and_further_apart(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.stop()
    monkeypatch.setattr(TronClientProtocol, "initial_delay", 0.001)
    client = make_client(hub)
    assert (TronClientProtocol.factor, TronClientProtocol.jitter) == (
        2.7182818284590451,
        0.119626565582,
    )
    await client.start()
    assert client.protocol is not None
    await until(lambda: client.protocol is not None and client.protocol._retries >= 4)
    assert client.protocol.delay > 0.01
    await hub.start()
    await until(client.connected)
    assert client.protocol._retries == 0
    client.stop()


async def test_a_hub_that_is_down_at_the_start_is_found_later(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    await hub.stop()
    client = make_client(hub)
    assert await client.start() is client
    assert not client.connected()
    assert "No connection to tron at 127.0.0.1" in caplog.text
    await hub.start()
    await until(lambda: hub.commands("keys"))
    assert client.connected()
    client.stop()


async def test_a_hub_that_cannot_be_reached_does_not_hold_up_the_start(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("clu.legacy.tron._TIMEOUT", 0.02)

    async def never(self: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(TronClientProtocol, "_connect", never)
    client = await make_client(hub).start()
    assert "Still trying to connect" in caplog.text
    client.stop()


async def test_stop_ends_everything(hub: Hub) -> None:
    client = await make_client(hub).start(get_keys=False)
    hub.silent = True
    command = client.send_command("tcc", "go")
    forever = asyncio.create_task(client.run_forever())
    await asyncio.sleep(0)
    client.stop()
    client.stop()
    await asyncio.wait_for(forever, 10)
    assert command.status is CommandStatus.FAILED
    assert "was closed before" in command.replies.get("error")
    assert not client.connected()
    await until(lambda: not hub.clients)
    await asyncio.sleep(0.05)
    assert hub.connections == 1


async def test_a_client_runs_on_while_its_connection_is_renewed(
    client: TronConnection, hub: Hub
) -> None:
    forever = asyncio.create_task(client.run_forever())
    await client.reconnect()
    await received_all(client, hub)
    assert not forever.done()
    client.stop()
    await asyncio.wait_for(forever, 10)


async def test_stop_while_connecting_ends_the_start(hub: Hub) -> None:
    client = make_client(hub)
    starting = asyncio.create_task(client.start())
    await asyncio.sleep(0)
    client.stop()
    await asyncio.wait_for(starting, 2)
    assert not client.connected()


async def test_a_start_that_is_cancelled_leaves_nothing_behind(hub: Hub) -> None:
    client = make_client(hub)
    starting = asyncio.create_task(client.start())
    await asyncio.sleep(0)
    starting.cancel()
    client.stop()
    await asyncio.gather(starting, return_exceptions=True)
    await asyncio.sleep(0.02)
    assert not client.connected()
    await until(lambda: not hub.clients)


async def test_a_client_starts_again(client: TronConnection, hub: Hub) -> None:
    first = client.transport
    await client.start(get_keys=False)
    assert client.transport is not first
    assert first.is_closing()
    await received_all(client, hub)
    assert hub.connections == 2
    await client.reconnect()
    await received_all(client, hub)
    assert hub.connections == 3
    client.stop()
    await client.start(get_keys=True)
    await received_all(client, hub)
    assert hub.commands("keys")


async def test_the_transport_can_be_closed_by_hand(client: TronConnection, hub: Hub) -> None:
    client.transport.close()
    assert not client.connected()
    await until(lambda: hub.connections == 2 and client.connected())


def test_lines_that_cannot_be_parsed_stay_off_the_terminal() -> None:
    client = TronConnection("APO.Jane", "localhost")
    again = TronConnection("APO.Jane", "localhost", log=client.log)
    filters = [item for item in again.log.sh.filters if isinstance(item, TronLoggingFilter)]
    assert len(filters) == 1

    def passes(message: str, *args: Any) -> bool:
        return filters[0].filter(logging.LogRecord("n", 30, "p", 1, message, args, None))

    assert not passes("Failed parsing reply 'x'.")
    assert not passes("%s %r.", "Failed parsing reply", "x")
    assert passes("Failed parsing keyword tcc.x.")
    assert passes("anything else")


def test_a_client_needs_the_dictionaries_of_its_models(actorkeys: pathlib.Path) -> None:
    client = TronConnection("APO.Jane", "localhost", models=["tcc"])
    assert isinstance(client.keyword_dicts["tcc"], KeysDictionary)
    assert isinstance(client.models["tcc"], TronModel)
    assert repr(client) == "<TronConnection (name='tron')>"
    assert (client.port, client.name, client.connected()) == (6093, "tron", False)
    with pytest.raises(KeysDictionaryError):
        TronConnection("APO.Jane", "localhost", models=["nope"])


# --- models -----------------------------------------------------------------------------------


def keys() -> list[Key]:
    return [
        Key("a", Float() * 3),
        Key("b", String() * (0,)),
        Key("d", PVT(), Int()),
        Key("e"),
        Key("f", CompoundValueType(Int(), String(), name="cc")),
        Key("G", Enum("x", "y")),
        Key("h", Int(invalid="?")),
    ]


@pytest.fixture
def model() -> TronModel:
    return TronModel(KeysDictionary("stage", (1, 0), *keys()))


def update(model: TronModel, keywords: str) -> dict[str, Any]:
    return model.parse_reply(parser.parse(f".stage 0 stage i {keywords}"))


def test_a_model_begins_without_values(model: TronModel) -> None:
    assert model.flatten() == {
        "a": [None],
        "b": [None],
        "d": [None, None],
        "e": [],
        "f": [None],
        "G": [None],
        "h": [None],
    }
    assert (model.name, model.last_seen, repr(model)) == ("stage", None, "<Model (stage)>")
    assert model["A"].name == "a"
    assert model["a"].model is model
    assert json.loads(model.jsonify()) == model.flatten()


@pytest.mark.parametrize(
    ("keywords", "values"),
    [
        ("a=1,2,3", {"a": [1.0, 2.0, 3.0]}),
        ("b", {"b": []}),
        ("B=1,2", {"b": ["1", "2"]}),
        ("d=1,2,3,4", {"d": [(1.0, 2.0, 3.0), 4]}),
        ("e", {"e": []}),
        ("f=1,x", {"f": [(1, "x")]}),
        ("g=X", {"g": ["x"]}),
        ("h=?", {"h": [None]}),
        ("a=1,2,3; h=5; a=4,5,6", {"a": [4.0, 5.0, 6.0], "h": [5]}),
    ],
)
def test_a_reply_updates_the_model(model: TronModel, keywords: str, values: dict[str, Any]) -> None:
    assert update(model, keywords) == values
    for name, value in values.items():
        key = model[name]
        assert key.value == value
        assert type(key.value) is list
        assert key.last_seen == model.last_seen is not None
        assert key.keyword is not None
        assert key.keyword.matched
        assert key.flatten() == {key.name: value}
        assert len(key) == len(value)
        if value:
            assert bool(key)
            assert key[0] == value[0]
            assert key[:1] == value[:1]
            assert type(key[0]) in (float, str, int, tuple, type(None))


def test_what_does_not_fit_is_warned_about_and_the_rest_is_taken(model: TronModel) -> None:
    with pytest.warns(CluWarning) as caught:
        assert update(model, "z=1; a=1,2,oops; h=4; e=5") == {"h": [4]}
    assert [str(warning.message) for warning in caught] == [
        "Cannot parse unknown keyword stage.z.",
        "Failed parsing keyword stage.a.",
        "Failed parsing keyword stage.e.",
    ]
    assert model["a"].value == [None]
    assert model["a"].keyword is None
    assert "z" not in model
    with pytest.warns(CluWarning) as again:
        assert update(model, "z=1; y=2; h=5") == {"h": [5]}
    assert [str(warning.message)[-9:] for warning in again] == [" stage.z.", " stage.y."]


def test_callbacks_get_copies_of_what_was_true_at_that_moment(model: TronModel) -> None:
    models: list[Any] = []
    singles: list[Any] = []
    model.register_callback(lambda values, key: models.append((values, key)))
    model["h"].register_callback(singles.append)
    update(model, "h=1; e; h=2")
    assert [(values["h"], key.name, key.value) for values, key in models] == [
        ([1], "h", [1]),
        ([1], "e", []),
        ([2], "h", [2]),
    ]
    assert type(models[0][0]) is dict
    assert [key.value for key in singles] == [[1], [2]]
    frozen = singles[0]
    assert isinstance(frozen, TronKey)
    assert frozen is not model["h"]
    assert frozen.keyword.values[0].native == 1
    assert (frozen.name, frozen.model, frozen.key) == ("h", model, model["h"].key)
    assert model["h"].value == [2]
    update(model, "a=1,2,3")
    assert len(singles) == 2


async def test_callbacks_may_be_coroutine_functions_and_take_fewer_arguments(
    model: TronModel,
) -> None:
    seen: list[Any] = []

    async def of_model(values: dict[str, Any]) -> None:
        seen.append(values["h"])

    async def of_key(key: TronKey) -> None:
        seen.append(key.value)

    model.register_callback(of_model)
    model["h"].register_callback(of_key)
    assert of_model in model._callbacks
    update(model, "h=1; h=2")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(seen) == [[1], [1], [2], [2]]
    model["h"].remove_callback(of_key)
    with pytest.raises(AssertionError):
        model["h"].remove_callback(of_key)


@pytest.mark.parametrize("error", [RuntimeError("no good"), SystemExit("no good")])
def test_a_callback_that_fails_does_not_stop_the_update(
    model: TronModel, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    model.register_callback(fail)
    model["h"].register_callback(fail)
    assert update(model, "h=1; e; b=2") == {"h": [1], "e": [], "b": ["2"]}
    assert "no good" in caplog.text
    assert f"{fail.__qualname__} raised" in caplog.text


def test_a_reload_forgets_values_and_callbacks(model: TronModel) -> None:
    old = model["h"]
    model.register_callback(print)
    old.register_callback(print)
    update(model, "e")
    model.reload()
    assert model["h"] is not old
    assert model["h"].value == [None]
    assert model.last_seen is None
    assert (model._callbacks, model["h"]._callbacks) == ([], [])
    assert list(model) == [key.name for key in keys()]


def test_the_callback_of_a_model_may_be_given_to_it() -> None:
    seen: list[Any] = []
    model = TronModel(KeysDictionary("stage", (1, 0), *keys()), seen.append)
    update(model, "h=3")
    assert seen[0]["h"] == [3]


def test_keys_of_a_model_can_be_replaced_by_anything(
    model: TronModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = MagicMock()
    monkeypatch.setitem(model, "H", fake)  # type: ignore[arg-type]
    assert model["h"] is fake
    update(model, "h=1; e")
    assert model["e"].value == []
    monkeypatch.undo()
    assert isinstance(model["h"], TronKey)


def test_matching_can_be_traced(model: TronModel, capsys: pytest.CaptureFixture[str]) -> None:
    Consumer.debug = True
    try:
        assert update(model, "h=1") == {"h": [1]}
    finally:
        Consumer.debug = False
    assert "Key(h) << KEY(h)" in capsys.readouterr().out


def test_a_key_can_be_made_by_hand() -> None:
    key = TronKey("a", Key("a", Float() * 3))
    assert (key.value, key.keyword, key.model, key.last_seen) == ([None], None, None, None)
    seen: list[Any] = []
    keyword = Keyword("a", [Enum("x", "y")("Y")])
    key = TronKey("a", Key("a", Enum("x", "y")), keyword, callback=seen.append)
    assert key.value == ["y"]
    assert key.last_seen is not None
    assert key.keyword is keyword
    position = TronKey("p", Key("p", PVT()), Keyword("p", [pvt.PVT(pos=1, vel=2, t=3)]))
    assert position.value == [(1.0, 2.0, 3.0)]
    assert TronKey("a", Key("a", String()), Keyword("a", ["raw"])).value == ["raw"]
    key.value = [1, 2]
    assert seen[-1].value == [1, 2]
    assert key[1] == 2
    key.update_keyword(keyword)
    assert seen[-1].value == ["y"]
    assert repr(key) == "<TronKey (a): ['y']>"


def test_a_copy_of_a_key_does_not_follow_it() -> None:
    seen: list[Any] = []
    key = TronKey("a", Key("a", Int()), Keyword("a", [Int()(1)]), callback=seen.append)
    twin = key.copy()
    assert type(twin) is TronKey
    assert (twin.value, twin.keyword, twin.last_seen) == ([1], key.keyword, key.last_seen)
    key.value.append(2)
    key.value = [3]
    assert twin.value == [1]
    twin.value = [4]
    assert [item.value for item in seen] == [[1], [3]]
    assert copy.copy(key).value == [3]


def test_an_update_looks_at_no_more_than_what_it_updates(
    actorkeys: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TronModel(KeysDictionary.load("many"))

    def no_more(*_: object) -> None:
        raise AssertionError("the whole model was looked at")

    for name in ("flatten", "items", "values", "__iter__", "keys"):
        monkeypatch.setattr(TronModel, name, no_more)
    monkeypatch.setattr(TronKey, "copy", no_more)
    reply = parser.parse(".many 0 many i key7=1,2,3,x; KEY299=4,5,6,y")
    assert model.parse_reply(reply) == {"key7": [1.0, 2.0, 3.0, "x"], "key299": [4, 5, 6, "y"]}
