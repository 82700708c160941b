"""Actors that a test starts, and the recorded ways in which tests use them."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from clu import Command, CommandStatus, Device
from clu.exceptions import CluConnectionError, CluError, CluRuntimeError, CluTypeError
from clu.testing import Bus, MockReply, TestCommand, open_connection, setup_test_actor

from .actors import KINDS, SCHEMA, Camera, JSONCamera, LegacyCamera, run

if TYPE_CHECKING:
    import pathlib

    from clu.testing import ActorFactory

TCP_KINDS = (JSONCamera, LegacyCamera)


# -- making them --------------------------------------------------------------------------


class Named(Camera):
    """It gives its base class the name itself."""

    def __init__(self, device: Any, **kwargs: Any) -> None:
        self.device = device
        super().__init__("its-own", **kwargs)


class Passing(LegacyCamera):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class Complete(JSONCamera):
    def __init__(self) -> None:
        super().__init__("complete", port=9)


@pytest.mark.parametrize(
    ("make", "args", "kwargs", "name"),
    [
        (Camera, (), {}, "camera"),
        (Camera, ("red",), {}, "red"),
        (Camera, (), {"name": "blue", "schema": SCHEMA}, "blue"),
        (Camera, (), {"url": "amqp://nowhere.invalid"}, "camera"),
        (Named, (3,), {}, "its-own"),
        (JSONCamera, (), {}, "jsoncamera"),
        (JSONCamera, ("red", "localhost", 1), {}, "red"),
        (Complete, (), {}, "complete"),
        (LegacyCamera, ("red",), {"version": "1"}, "red"),
        (Passing, (), {}, "passing"),
        (
            Camera.from_config,
            ({"actor": {"name": "configured", "host": "no.invalid"}},),
            {},
            "configured",
        ),
        (lambda: JSONCamera("made", port=1), (), {}, "made"),
    ],
)
async def test_an_actor_is_made_of_what_is_given(
    make: Any, args: Any, kwargs: Any, name: str, clu_bus: Bus, clu_actor: ActorFactory
) -> None:
    actor = await clu_actor(make, *args, **kwargs)
    assert actor.name == name
    assert (await run(actor, "ping")).status.did_succeed
    assert clu_bus.log.commands(name)


async def test_an_actor_may_be_made_already(clu_actor: ActorFactory, clu_bus: Bus) -> None:
    camera = Camera("camera", host="nowhere.invalid")
    assert await clu_actor(camera) is camera
    assert clu_bus.connections == ["camera"]
    for started in (camera, await clu_actor(JSONCamera)):
        with pytest.raises(CluRuntimeError, match="was started already"):
            await clu_actor(started)


@pytest.mark.parametrize("wrong", [3, Device("localhost", 1), lambda: None, dict])
async def test_what_is_no_actor_is_refused(wrong: Any, clu_actor: ActorFactory) -> None:
    with pytest.raises(CluTypeError, match="actor"):
        await clu_actor(wrong)


async def test_mistakes_in_the_arguments_are_those_of_python(clu_actor: ActorFactory) -> None:
    with pytest.raises(TypeError, match="no_such"):
        await clu_actor(Camera, no_such=1)
    with pytest.raises(TypeError, match="'name'"):
        await clu_actor(Camera, "camera", name="camera")


# -- connections --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TCP_KINDS)
async def test_clients_connect_without_a_port(kind: Any, clu_actor: ActorFactory) -> None:
    actor = await clu_actor(kind)
    reader, writer = await clu_actor.connect(actor)
    other, _ = await clu_actor.connect(actor)
    assert writer.get_extra_info("socket").family == getattr(socket, "AF_UNIX", socket.AF_INET)
    writer.write(b"1 ping\n2 expose\n")
    seen = b""
    while b"-110" not in seen:
        seen += await asyncio.wait_for(reader.readline(), 5)
    assert b"Pong." in seen
    actor.write("w", temperature=-20)
    while b"-20" not in await asyncio.wait_for(other.readline(), 5):
        pass
    serving = asyncio.create_task(actor.run_forever())
    await asyncio.sleep(0)
    assert actor.server.is_serving()
    await actor.stop()
    await asyncio.wait_for(serving, 5)
    await asyncio.wait_for(reader.read(), 5)
    assert reader.at_eof()
    writer.close()
    with pytest.raises(CluConnectionError, match="was stopped"):
        await clu_actor.connect(actor)


@pytest.mark.parametrize("kind", TCP_KINDS)
async def test_a_client_that_does_not_read_is_disconnected(
    kind: Any, clu_actor: ActorFactory
) -> None:
    actor = await clu_actor(kind, buffer_limit=1000, stall_limit=0.1)
    reader, _ = await clu_actor.connect(actor)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(0.01)
    assert len(actor.server.transports) == 1
    for _ in range(100):
        actor.write("i", text="x" * 10_000)
    while actor.server.transports:
        await asyncio.sleep(0.01)
    assert (await run(actor, "ping")).status.did_succeed


async def test_an_actor_with_a_port_is_connected_to_as_well() -> None:
    actor = JSONCamera("camera", host="localhost", port=0)
    with pytest.raises(CluConnectionError, match="was not started"):
        await open_connection(actor)
    await actor.start()
    _, writer = await open_connection(actor)
    assert writer.get_extra_info("peername")[1] == actor.port
    writer.close()
    await actor.stop()


# -- what the tests of existing actors do -------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_commands_are_invoked_and_their_replies_are_there(
    kind: Any, clu_actor: ActorFactory
) -> None:
    actor = await clu_actor(kind)
    command = await run(actor, "expose")
    assert command.status is CommandStatus.DONE
    assert await command is command
    assert len(command.replies) == 4
    assert command.replies[0].message_code == ">"
    assert command.replies.get("state") == "exposing"
    assert actor.model["state"].value == "idle"
    assert "idle" in actor.mock_replies
    assert [reply.flag for reply in actor.mock_replies] == [">", "i", "i", ":"]
    assert isinstance(actor.mock_replies[1], MockReply)
    assert actor.mock_replies[2]["region"] == ("1,2" if kind is LegacyCamera else [1, 2])
    actor.mock_replies.clear()
    actor.write("w", text="warm")
    assert "warm" in actor.mock_replies


@pytest.mark.parametrize("kind", TCP_KINDS)
async def test_a_command_is_invoked_without_await(kind: Any, clu_actor: ActorFactory) -> None:
    """HAL invokes commands from timers."""
    actor = await clu_actor(kind)
    command = actor.invoke_mock_command("expose 0.01")
    assert isinstance(command, Command)
    later: list[Any] = []
    asyncio.get_running_loop().call_later(
        0, lambda: later.append(actor.invoke_mock_command("ping"))
    )
    await asyncio.wait_for(command, 5)
    assert (await later[0]).status.did_succeed


async def test_an_amqp_command_is_awaited_twice(clu_actor: ActorFactory) -> None:
    """As archon does."""
    camera = await clu_actor(Camera)
    command = await (await camera.invoke_mock_command("expose 0.01"))
    assert command.status.did_succeed
    command = await camera.invoke_mock_command("expose 0.01")
    assert not command.done()
    await command


@pytest.mark.parametrize("kind", KINDS)
async def test_an_actor_is_prepared_again(kind: Any, clu_actor: ActorFactory) -> None:
    """A test that still has a call of setup_test_actor goes on working."""
    actor = await setup_test_actor(await clu_actor(kind))
    assert (await run(actor, "expose")).status.did_succeed
    assert [reply.flag for reply in actor.mock_replies] == [">", "i", "i", ":"]


async def test_a_command_without_a_parser(clu_actor: ActorFactory) -> None:
    """HAL and archon make commands outside of any parser."""
    camera = await clu_actor(Camera)
    command = TestCommand("", commander_id=1, actor=camera)
    command.info(state="exposing")
    command.set_status(CommandStatus.DONE)
    assert command.replies.get("state") == "exposing"
    assert "exposing" in camera.mock_replies


async def test_mocks_of_a_connection_do_not_keep_it_from_ending(clu_actor: ActorFactory) -> None:
    """lvmopstools and lvmecp replace parts of the actor."""
    camera: Any = await clu_actor(Camera)
    camera.is_connected = MagicMock(return_value=True)
    camera.model = None
    assert (await run(camera, "expose")).status.did_succeed
    camera.timed_commands.add_command("expose", delay=0.01)
    await asyncio.sleep(0.05)


async def test_an_actor_whose_start_is_replaced_is_not_on_the_bus(
    clu_bus: Bus, clu_actor: ActorFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """archon replaces the method in the class, and lvmecp gives the actor a connection."""
    monkeypatch.setattr("clu.actor.AMQPBaseActor.start", AsyncMock())
    camera: Any = await clu_actor(Camera)
    camera.connection.connection = MagicMock(spec={"is_closed": False})
    assert (await run(camera, "expose")).status.did_succeed
    assert "idle" in camera.mock_replies
    assert clu_bus.connections == []


async def test_models_of_other_actors_are_replaced(clu_actor: ActorFactory) -> None:
    """HAL gives its actor models of actors that are not there."""
    camera: Any = await clu_actor(LegacyCamera)
    assert camera.tron is None
    camera.models["tcc"] = {"axePos": MagicMock(value=[1, 2, 3])}
    assert camera.models["tcc"]["axePos"].value == [1, 2, 3]
    assert (await run(camera, "expose")).status.did_succeed


async def test_a_rejected_reply_is_in_the_replies_as_it_was_sent(
    clu_bus: Bus, clu_actor: ActorFactory
) -> None:
    for kind in KINDS:
        actor = await clu_actor(kind, name=kind.__name__.lower())
        actor.write("i", no_such=1)
        actor.write("i", {"text": "kept"})
        assert "Failed validating" in str(actor.mock_replies[0]["error"])
        await clu_bus.expect(actor.name, error=lambda it: "Failed validating" in it)
        await clu_bus.expect(actor.name, text="kept")


async def test_an_actor_from_a_file_is_on_the_bus(
    tmp_path: pathlib.Path, clu_bus: Bus, clu_actor: ActorFactory
) -> None:
    path = tmp_path / "camera.yml"
    path.write_text("actor:\n  name: camera\n  host: nowhere.invalid\n  port: 1\n")
    await clu_actor(Camera.from_config, path)
    assert clu_bus.connections == ["camera"]


# -- the end ------------------------------------------------------------------------------


async def test_an_actor_that_does_not_start_is_no_trouble_later(clu_actor: ActorFactory) -> None:
    class Broken(JSONCamera):
        async def start(self) -> Any:
            await super().start()
            raise RuntimeError("no power")

    await clu_actor(Camera)
    with pytest.raises(CluError, match="another instance"):
        await clu_actor(Camera)
    with pytest.raises(RuntimeError, match="no power"):
        await clu_actor(Broken)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_actor_may_be_stopped_and_started_by_the_test(
    kind: Any, clu_actor: ActorFactory
) -> None:
    actor = await clu_actor(kind)
    await actor.stop()
    await actor.start()
    assert (await run(actor, "ping")).status.did_succeed
    await actor.stop()


async def test_what_is_cancelled_leaves_nothing(clu_bus: Bus, clu_actor: ActorFactory) -> None:
    await clu_actor(Camera)
    waiting = [asyncio.create_task(clu_bus.expect("camera", state="idle")) for _ in range(100)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert clu_bus.log._listeners == []
