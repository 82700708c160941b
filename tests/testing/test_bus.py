"""What a bus records, and what tests expect of it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient
from clu.exceptions import CluTypeError, CluValueError
from clu.sync import Client
from clu.testing import Bus, BusLog
from clu.testing.recorder import Recorder

from .actors import Camera, JSONCamera, LegacyCamera, run

if TYPE_CHECKING:
    from clu.testing import ActorFactory, BusClient


@pytest.fixture
async def camera(clu_actor: ActorFactory) -> Camera:
    return await clu_actor(Camera)


def lines(log: BusLog) -> list[str]:
    """Return what a log shows, without the times."""
    return [line[10:] for line in str(log).splitlines()]


# -- the log ------------------------------------------------------------------------------


async def test_commands_and_replies_are_shown_as_a_tree(
    camera: Camera, clu_bus: Bus, clu_client: BusClient, clu_actor: ActorFactory
) -> None:
    await clu_actor(Camera, name="dome")
    await clu_client.send_command("dome", "ask camera")
    camera.write("w", temperature=-90)
    await clu_bus.expect("camera", temperature=-90)
    await clu_client.send_command("nobody", "ping")
    assert lines(clu_bus.log) == [
        "test -> dome: ask camera",
        "  dome >",
        "  dome -> camera: expose",
        "    camera >",
        "    camera i state='exposing'",
        "    camera i state='idle'; temperature=-110; region=[1, 2]",
        "    camera :",
        "  dome :",
        "camera w temperature=-90 (to all)",
        "test -> nobody: ping (no such actor)",
    ]


async def test_an_entry_has_what_was_sent(
    camera: Camera, clu_bus: Bus, clu_client: BusClient
) -> None:
    command = await clu_client.send_command("camera", "expose 0")
    sent, first, *_, last = clu_bus.log
    assert (sent.kind, sent.sender, sent.receiver) == ("command", "test", "camera")
    assert (sent.text, sent.message_code, sent.is_lost) == ("expose 0", "", False)
    assert (sent.command_id, sent.commander_id) == (command.command_id, "test.camera")
    assert (first.kind, first.message_code, first.keywords) == ("reply", ">", {})
    assert first.is_internal
    assert (last.sender, last.receiver, last.message_code) == ("camera", "", ":")
    assert (last.command_id, last.commander_id) == (command.command_id, "test.camera")
    assert 0 <= sent.time <= first.time <= last.time
    assert not last.is_broadcast
    assert clu_bus.log.replies("camera") == clu_bus.log[1:]
    assert clu_bus.log.commands("camera") == [clu_bus.log[0]]
    assert clu_bus.log.replies("dome") == clu_bus.log.commands("dome") == []


async def test_a_task_is_recorded(camera: Camera, clu_bus: Bus, clu_client: BusClient) -> None:
    done = asyncio.Event()
    camera.add_task_handler("cool", lambda task: done.set())
    await clu_client.send_task("camera", "cool", {"to": -120})
    await asyncio.wait_for(done.wait(), 5)
    [entry] = clu_bus.log
    assert (entry.kind, entry.text, entry.keywords) == ("task", "cool", {"to": -120})
    assert lines(clu_bus.log) == ["test -> camera: task cool to=-120"]


@pytest.mark.parametrize("kind", [JSONCamera, LegacyCamera])
async def test_actors_without_a_broker_are_recorded(
    kind: Any, clu_bus: Bus, clu_actor: ActorFactory
) -> None:
    camera = await clu_actor(kind, name="camera")
    command = await run(camera, "twice")
    await run(camera, "expose")
    await clu_bus.expect("camera", state="idle", region=[1, 2])
    assert lines(clu_bus.log) == [
        "user 666 -> camera: twice",
        "  camera >",
        "  camera -> camera: ping",
        "  camera i text='Pong.'",
        "  camera : text='twice'",
        "user 666 -> camera: expose",
        "  camera >",
        "  camera i state='exposing'",
        "  camera i state='idle'; temperature=-110; region=[1, 2]",
        "  camera :",
    ]
    assert clu_bus.snapshot(command)[-1] == (":", {"text": "twice"})


def test_the_times_are_those_of_the_test() -> None:
    async def main() -> None:
        async with (
            Bus() as bus,
            Camera("camera", url=bus.url),
            AMQPClient("client", url=bus.url) as client,
            bus.fast_forward(),
        ):
            await client.send_command("camera", "expose 600")
            last = await bus.expect("camera", state="idle")
            with pytest.raises(AssertionError, match="within 3600 s"):
                await bus.expect("camera", state="idle", within=3600)
            assert 600 <= last.time < 660

    asyncio.run(main())


async def test_the_log_keeps_the_latest_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clu.testing.log.MOST", 30)
    monkeypatch.setattr("clu.testing.log.FEWER", 10)
    log = Recorder()
    for number in range(100):
        log.record_command("test", "camera", f"move {number}", ("test.camera", str(number)))
    assert len(log) + log.forgotten == 100
    assert len(log) <= 30
    assert log[-1].text == "move 99"
    assert [number for number, _ in log.after(95)] == [95, 96, 97, 98, 99]
    assert str(log).splitlines()[0] == f"({log.forgotten} earlier entries are not shown)"
    log.clear()
    assert (len(log), log.forgotten, str(log)) == (0, 100, "(100 earlier entries are not shown)")


async def test_what_is_long_or_strange_is_shown_in_a_line(
    camera: Camera, clu_bus: Bus, clu_client: BusClient
) -> None:
    await clu_client.send_command("camera", "get_schema")
    camera.write("i", text="a\nb\x00é" + "x" * 500, validate=False)
    entry = await clu_bus.expect("camera", text=str)
    assert "\n" not in str(entry)
    assert max(map(len, str(clu_bus.log).splitlines())) <= 160
    connection = await clu_bus.connect("odd")
    channel = await connection.channel()
    exchange = await channel.get_exchange("sdss_exchange")
    import aio_pika

    for body in (b"\xff", b"[1]", b"", b'{"command_string": {"a": 1}}'):
        await exchange.publish(
            aio_pika.Message(body, headers={}), "command.camera", mandatory=False
        )
    await connection.close()
    await clu_bus.expect("camera", error=re.compile("a.: 1"))
    assert [entry.text for entry in clu_bus.log.commands()][-4:] == [
        "\\xff",
        "[1]",
        "null",
        '{"a": 1}',
    ]


# -- expectations -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        -110,
        pytest.approx(-110.001, abs=0.1),
        lambda value: value < -100,
        float,
        int,
        ...,
    ],
)
async def test_a_value_is_expected_in_several_ways(
    value: Any, camera: Camera, clu_bus: Bus
) -> None:
    camera.write("i", temperature=-110 if value is not float else -110.5)
    entry = await clu_bus.expect("camera", temperature=value)
    assert entry.is_broadcast


async def test_lists_patterns_and_names_of_parameters_are_expected(
    camera: Camera, clu_bus: Bus
) -> None:
    camera.write("i", region=(1, 2), state="exposing")
    camera.write("e", {"within": 3, "self": [1.5]}, validate=False)
    await clu_bus.expect("camera", region=(1, 2), state=re.compile("^expos"))
    await clu_bus.expect("camera", region=pytest.approx([1, 2]))
    await clu_bus.expect("camera", {"within": 3, "self": [1.5]}, within=5)
    await clu_bus.expect("camera", message_code="e")


async def test_replies_are_expected_in_their_order(camera: Camera, clu_bus: Bus) -> None:
    for state in ("idle", "exposing", "idle"):
        camera.write("i", state=state)
    camera.write("i", temperature=1)
    await clu_bus.expect("camera", temperature=1)
    await clu_bus.expect("camera", state="exposing")
    await clu_bus.expect("camera", state="idle")
    with pytest.raises(AssertionError, match="satisfied an earlier expectation") as raised:
        await clu_bus.expect("camera", state="idle", within=0.05)
    assert "It replied nothing" not in str(raised.value)


async def test_what_comes_later_is_waited_for(
    camera: Camera, clu_bus: Bus, clu_client: BusClient
) -> None:
    command = await clu_client.send_command("camera", "expose 0.1", await_command=False)
    expected = await asyncio.gather(
        clu_bus.expect("camera", state="idle"), clu_bus.expect("camera", message_code=":")
    )
    assert [entry.message_code for entry in expected] == ["i", ":"]
    await command


async def test_replies_to_another_thread_are_expected(camera: Camera, clu_bus: Bus) -> None:
    def command() -> None:
        with Client(clu_bus.url, name="other") as client:
            client.send("camera", "expose")

    _, entry = await asyncio.gather(
        asyncio.to_thread(command), clu_bus.expect("camera", state="idle", within=20)
    )
    assert entry.commander_id == "other.camera"


async def test_a_failure_tells_what_came(camera: Camera, clu_bus: Bus) -> None:
    camera.write("i", state="idle")
    camera.write("w", temperature="warm", validate=False)
    with pytest.raises(AssertionError) as raised:
        await clu_bus.expect("camera", temperature=lambda it: it < 0, within=0.05)
    why = "'<' not supported between instances of 'str' and 'int'"
    told = re.sub(r" +\d\.\d{3}  ", "", str(raised.value))
    assert told.splitlines() == [
        "camera did not reply temperature=<lambda> within 0.05 s.",
        "It replied:",
        "camera i state='idle' (to all)  <- there is no temperature",
        "camera w temperature='warm' (to all)  <- <lambda> raises TypeError for temperature: "
        + why,
    ]
    with pytest.raises(AssertionError, match=r"nothing at all\. Others did: camera\."):
        await clu_bus.expect("dome", within=0)


async def test_what_cannot_be_expected_is_an_error(clu_bus: Bus) -> None:
    with pytest.raises(CluTypeError, match="is a string, not 3"):
        await clu_bus.expect(3)  # type: ignore[arg-type]
    for within in (-1, float("nan")):
        with pytest.raises(CluValueError, match="within"):
            await clu_bus.expect("camera", within=within)
    with pytest.raises(CluTypeError, match="not 5"):
        clu_bus.snapshot(5)


# -- the client ---------------------------------------------------------------------------


async def test_the_client_gets_what_actors_write_from_the_start(
    clu_bus: Bus, clu_client: BusClient, clu_actor: ActorFactory
) -> None:
    replies: list[Any] = []
    clu_client.add_reply_callback(replies.append)
    camera = await clu_actor(Camera)
    assert clu_bus.connections == ["test", "camera"]
    camera.write("i", temperature=-1)
    update = await clu_client.wait_for("camera.temperature", lambda value: value == -1, timeout=5)
    assert update.value == -1
    assert [reply.body for reply in replies if reply.body] == [{"temperature": -1}]


async def test_the_client_sends_many_first_commands_at_once(
    clu_bus: Bus, clu_client: BusClient
) -> None:
    commands = await asyncio.gather(*(clu_client.send_command("x", "ping") for _ in range(100)))
    assert all("Failed routing" in str(command.replies.get("error")) for command in commands)
    assert clu_bus.connections == ["test"]


# -- snapshots ----------------------------------------------------------------------------


async def test_a_snapshot_is_plain_data(
    camera: Camera, clu_bus: Bus, clu_client: BusClient
) -> None:
    command = await clu_client.send_command("camera", "expose")
    camera.write("w", text="warm")
    await clu_bus.expect("camera", text="warm")
    expected = [
        (">", {}),
        ("i", {"state": "exposing"}),
        ("i", {"state": "idle", "temperature": -110, "region": [1, 2]}),
        (":", {}),
    ]
    assert clu_bus.snapshot(command) == expected
    assert clu_bus.snapshot("camera") == [*expected, ("w", {"text": "warm"})]
    assert json.loads(json.dumps(clu_bus.snapshot(command))) == [list(each) for each in expected]
    assert clu_bus.snapshot(await clu_client.send_command("camera", "expose")) == expected


async def test_ten_thousand_replies_are_recorded(camera: Camera, clu_bus: Bus) -> None:
    async with AMQPClient("gui", url=clu_bus.url):
        for number in range(10_000):
            camera.write("i", temperature=number)
            await camera.drain()
        await clu_bus.expect("camera", temperature=9_999)
    assert [keywords["temperature"] for _, keywords in clu_bus.snapshot("camera")] == list(
        range(10_000)
    )
