"""Code as users write it, with the types that they rely on. mypy checks it; nothing runs it."""

from __future__ import annotations

from typing import Any, TypeVar

import click
from typing_extensions import assert_type

from clu import (
    AMQPActor,
    AMQPClient,
    AMQPReply,
    BaseActor,
    BaseCommand,
    Command,
    CommandStatus,
    Device,
    JSONActor,
    LegacyActor,
    command_parser,
    run,
)
from clu.legacy import TronConnection
from clu.parsers.click import timeout, unique
from clu.remote import CommandResult, RemoteActor, Retries, connect
from clu.testing import ActorFactory, Bus, BusClient, FakeDevice, Hub, LogEntry, setup_test_actor
from clu.tools import ActorHandler
from clu.watch import Subscription, Update

ActorType = TypeVar("ActorType", bound=BaseActor)


class Camera(AMQPActor):
    """An actor with members of its own."""

    schema = {"type": "object", "properties": {"exposures": {"type": "integer"}}}

    def __init__(self, *args: Any, gain: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gain = gain

    async def read(self, seconds: float) -> bytes:
        """Read out."""
        return b""


class Oven(JSONActor):
    """A JSON actor."""

    parser_args = [{"limit": 300}]


class Guider(LegacyActor):
    """A legacy actor."""


class Controller(Device):
    """A device that overrides the handling of lines."""

    async def process_message(self, line: str) -> None:
        """Handle a line."""


class CameraCommand(Command[Camera]):
    """A command class of one's own."""

    exposures: int = 0


@command_parser.command(cancellable=True)
@click.argument("SECONDS", type=float)
@click.option("--flavour", type=click.Choice(["dark", "object"]), default="object")
@unique()
@timeout(60)
async def expose(command: Command[Camera], seconds: float, flavour: str) -> None:
    """Takes an exposure."""
    assert_type(command.actor, Camera)
    assert_type(command.actor.gain, float)
    assert_type(await command.actor.read(seconds), bytes)
    assert_type(command.child_command("status"), Command[Camera])
    assert_type(command.status, CommandStatus)
    command.debug("text")
    command.info({"exposures": 1}, internal=True)
    command.warning(flavour=flavour)
    command.error(error=ValueError("reason"))
    command.actor.write("i", {"exposures": 1}, command=command)
    child = await command.send_command("shutter", "open")
    if child.status.did_fail:
        command.fail(error="The shutter failed.")
        return
    command.finish(exposures=1)


@command_parser.group()
def lamps(*args: Any) -> None:
    """Controls the lamps."""


@lamps.command()
def status(command: Command[Oven], options: dict[str, int]) -> None:
    """Reports on the lamps."""
    assert_type(command.actor, Oven)
    command.finish(text=str(options))


def actor_of(command: BaseCommand[ActorType, Any]) -> ActorType:
    """Work with commands of any actor."""
    return command.actor


def name_of(command: Command[AMQPActor]) -> str:
    """Take the command of any AMQP actor."""
    return command.actor.name


def show(reply: AMQPReply) -> None:
    """Take a reply."""
    assert_type(reply.body, dict[str, Any])


async def use_actors(command: Command[Camera], mine: CameraCommand) -> None:
    """Start and stop actors, and pass commands on."""
    assert_type(await Camera("camera", gain=2.0).start(), Camera)
    assert_type(await Oven("oven", port=9999).start(), Oven)
    assert_type(await Guider("guider", "localhost", 9999).start(), Guider)
    assert_type(await Controller("localhost", 9999).start(), Controller)
    assert_type(await setup_test_actor(Oven("oven", port=0)), Oven)
    assert_type(Camera.from_config("camera.yaml", gain=3.0), Camera)
    async with Camera("camera") as camera:
        assert_type(camera, Camera)
    assert_type(actor_of(command), Camera)
    assert_type(mine.actor, Camera)
    name_of(command)
    name_of(mine)
    command.set_status(CommandStatus.DONE)
    command.set_status("DONE")
    camera.log.addHandler(ActorHandler(camera))


async def use_clients() -> bool:
    """Command actors."""
    async with AMQPClient("client", models=["camera"]) as client:
        assert_type(client, AMQPClient)
        command = await client.send_command("camera", "expose 1", reply_callback=show)
        client.models["camera"]["exposures"].register_callback(print)
        assert_type(command.status.did_succeed, bool)
        async with client.watch("camera.state", "event-rate", min=1, max=5.0) as updates:
            assert_type(updates, Subscription)
            async for update in updates:
                assert_type(update, Update)
                assert_type(update.when, float)
                assert_type(update.command_id, str | int | None)
        update = await client.wait_for("camera.state", lambda value: value == "idle", timeout=5)
        assert_type(update, Update)
        camera = await client.actor("camera", timeout=5)
        assert_type(camera, RemoteActor)
        result: CommandResult = await camera.expose(900, flavour="dark", retries=Retries(2))
        assert_type(await camera("status", on_reply=print), CommandResult)
        assert_type(await client.gather(camera.expose(1)), list[Any])
        print(result.last("filename"))
    async with await connect("tcp://localhost:9999") as oven:
        assert_type(await oven.wait_for("temperature"), Update)
    hub = await TronConnection("example.me", "localhost", models=["tcc"]).start()
    assert_type(hub, TronConnection)
    assert_type(await hub.actor("tcc"), RemoteActor)
    assert_type(hub.models["tcc"]["axePos"].value, Any)
    return command.status.did_succeed


async def test_camera(clu_bus: Bus, clu_client: BusClient, clu_actor: ActorFactory) -> None:
    """Use the fixtures of pytest."""
    assert_type(await clu_actor(Camera, "camera", gain=2), Camera)
    assert_type(await clu_actor(Camera.from_config, "camera.yaml"), Camera)
    assert_type(await clu_actor(Oven("oven", port=0)), Oven)
    command = await clu_client.send_command("camera", "expose 1", time_limit=5)
    assert_type(command.status.did_succeed, bool)
    entry = await clu_bus.expect("camera", state="idle", within=2, message_code=":")
    assert_type(entry, LogEntry)
    assert_type(clu_bus.log[0], LogEntry)
    assert_type(clu_bus.snapshot(command), list[tuple[str, dict[str, Any]]])
    async with Hub() as hub, FakeDevice({"T?": "1", "P?": ["2", b"3"]}) as device:
        hub.add_actor("camera", 9999)
        device.on("T?", "2", None, lambda line: line)


assert_type(run(use_clients()), bool)
