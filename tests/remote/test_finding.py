"""Finding an actor: it is waited for, asked for its commands once, and told if it is not there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
from typing import TYPE_CHECKING, Any

import click
import pytest

from clu import AMQPActor, AMQPClient, Command, JSONActor
from clu.exceptions import (
    ActorNotFound,
    CluConnectionError,
    CluError,
    CluValueError,
    CommandFailed,
    InvalidCommand,
)
from clu.parsers.click import CluCommand
from clu.parsers.json import JSONParser
from clu.remote import JSONClient, Retries

from ..amqp.actors import Camera as CameraWithoutModel
from ..amqp.actors import Listener
from ..broker import free_port
from ..waiting import until
from . import actors
from .actors import SCHEMA, AMQPCamera
from .conftest import JSONCamera, LegacyCamera, ask_hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aio_pika

    from clu.testing import Hub

    from ..broker import Broker


@contextlib.asynccontextmanager
async def recorder(broker: Broker) -> AsyncIterator[list[str]]:
    """Take all commands, as a program that records everything does."""
    listener = await Listener.connect(broker.url)
    channel = await listener.connection.channel()
    exchange = await channel.get_exchange("sdss_exchange")
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(exchange, "command.#")
    texts: list[str] = []

    async def take(message: Any) -> None:
        texts.append(json.loads(message.body)["command_string"])

    await queue.consume(take, no_ack=True)
    try:
        yield texts
    finally:
        await listener.close()


async def test_an_actor_is_waited_for(broker: Broker, client: AMQPClient) -> None:
    waiting = asyncio.ensure_future(client.actor("camera", timeout=30))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    async with AMQPCamera("camera", url=broker.url):
        camera = await waiting
        assert (await camera.count(1)).last("number") == 0


async def test_an_actor_is_waited_for_behind_a_recorder(broker: Broker, client: AMQPClient) -> None:
    async with recorder(broker):
        waiting = asyncio.ensure_future(client.actor("camera", timeout=30))
        await asyncio.sleep(0.5)
        async with AMQPCamera("camera", url=broker.url):
            assert (await (await waiting).count(1)).last("number") == 0


async def test_who_is_not_there_is_told_with_those_who_are(
    camera: AMQPCamera, client: AMQPClient
) -> None:
    with pytest.raises(ActorNotFound) as caught:
        await client.actor("camra", timeout=0.3)
    error = caught.value
    assert isinstance(error, LookupError)
    assert isinstance(error, CluError)
    assert str(error) == ("There is no actor 'camra'. Did you mean camera? There is: camera.")
    assert (error.actor, error.present) == ("camra", ["camera"])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


async def test_an_actor_that_does_not_answer_is_told(broker: Broker, client: AMQPClient) -> None:
    async with recorder(broker):
        with pytest.raises(ActorNotFound, match=r"camera does not answer within 0\.2 s\."):
            await client.actor("camera", timeout=0.2)


async def test_the_time_to_wait_is_a_number_of_seconds(client: AMQPClient) -> None:
    with pytest.raises(CluValueError, match="timeout must be greater than 0, not 0"):
        await client.actor("camera", timeout=0)


async def test_commands_are_asked_for_once_for_a_version(
    broker: Broker, camera: AMQPCamera, client: AMQPClient
) -> None:
    async with recorder(broker) as texts:
        one = await client.actor("camera")
        two = await client.actor("camera")
        assert one._spec is two._spec
        await until(lambda: len(texts) == 3)
        assert texts == ["version", "get-command-model", "version"]
        camera.version = "1.2.4"
        assert (await client.actor("camera"))._spec is not one._spec


async def test_commands_are_asked_for_again_when_the_actor_was_started_again(
    broker: Broker, client: AMQPClient
) -> None:
    class Growing(AMQPActor):
        parser = click.Group("growing", commands=dict(actors.parser.commands))

    async with Growing("growing", url=broker.url, version="1"):
        first = await client.actor("growing")
        assert "dance" not in dir(first)

    @click.command(cls=CluCommand)
    def dance(command: Command[Any]) -> None:
        command.finish()

    Growing.parser.add_command(dance)
    async with Growing("growing", url=broker.url, version="1"):
        await until(lambda: client._known_commands == {})
        second = await client.actor("growing")
        await second.dance()
        del Growing.parser.commands["dance"]
        with pytest.raises(InvalidCommand):
            await second.dance()
        assert "dance" not in dir(await client.actor("growing"))


async def test_an_actor_without_a_version_is_asked_each_time(
    broker: Broker, client: AMQPClient
) -> None:
    async with AMQPCamera("camera", url=broker.url), recorder(broker) as texts:
        await client.actor("camera")
        await client.actor("camera")
        await until(lambda: texts.count("get-command-model") == 2)


async def test_an_actor_that_does_not_tell_its_commands_takes_command_strings(
    broker: Broker, client: AMQPClient
) -> None:
    async with CameraWithoutModel("camera", url=broker.url):
        with pytest.raises(CommandFailed, match=r"does not tell its commands: .*get_command_model"):
            await client.actor("camera")
        camera = await client.actor("camera", model={})
        assert (await camera("count 2")).last("number") == 1
        with pytest.raises(AttributeError, match="camera has no command 'count'"):
            camera.count


async def test_an_actor_that_takes_json_does_not_tell_its_commands(tmp_path: Any) -> None:
    class Stage(JSONParser, JSONActor):
        pass

    actor: Any = Stage("stage", port=free_port())
    await actor.start()
    try:
        async with JSONClient("localhost", actor.port) as client:
            with pytest.raises(CommandFailed, match="does not tell its commands"):
                await client.actor(timeout=1)
    finally:
        await actor.stop()


async def test_without_a_connection_there_is_an_error_that_says_so(client: AMQPClient) -> None:
    await client.stop()
    with pytest.raises(CluConnectionError, match="There is no connection to the broker"):
        await client.actor("camera", timeout=0.3)


async def test_a_tcp_actor_that_comes_back_may_have_other_commands() -> None:
    port = free_port()
    actor = await JSONCamera("camera", port=port, version="1").start()
    async with JSONClient("localhost", port) as client:
        camera = await client.actor()
        await actor.stop()
        await until(lambda: not client.is_connected())
        with pytest.raises(CluConnectionError, match="Not connected"):
            await camera.ping()
        waiting = asyncio.ensure_future(client.actor(timeout=30))
        again = asyncio.ensure_future(camera.ping(retries=Retries(20, delay=0.1)))
        actor = await JSONCamera("camera", port=port, version="1").start()
        assert (await waiting)._spec is not camera._spec
        await again
        await actor.stop()


async def test_a_hub_tells_who_is_not_there(hub: Hub) -> None:
    client = await ask_hub(hub)
    with pytest.raises(ActorNotFound, match=r"^There is no actor 'nobody'\.$"):
        await client.actor("nobody", timeout=0.3)
    await hub.stop()
    await until(lambda: not client.connected())
    with pytest.raises(CluConnectionError, match="Not connected to tron"):
        await client.actor("nobody", timeout=0.3)
    client.stop()


async def test_an_actor_commands_another_one_as_a_part_of_its_own_command(
    broker: Broker, camera: AMQPCamera, client: AMQPClient
) -> None:
    async with AMQPCamera("other", url=broker.url):
        listener = await Listener.connect(broker.url)
        channel = await listener.connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(await channel.get_exchange("sdss_exchange"), "command.other.#")
        sent: list[aio_pika.abc.AbstractIncomingMessage] = []

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            sent.append(message)

        await queue.consume(take, no_ack=True)
        result = await (await client.actor("camera")).forward("other")
        assert result.last("text") == "other counted to 1"
        await until(lambda: len(sent) == 3)
        headers = sent[-1].headers
        assert headers["commander_id"] == "client.camera.other"
        assert headers["command_id"] == str(result.replies[0].command.command_id)
        await listener.close()


async def test_a_part_that_is_sent_again_has_an_id_of_its_own(
    broker: Broker, camera: AMQPCamera
) -> None:
    actors.attempts.clear()
    async with AMQPCamera("other", url=broker.url) as other:
        command: Command[Any] = Command(
            "x", commander_id="user.other", command_id="abc", actor=other
        )
        remote = await other.actor("camera")
        await remote.flaky(2, command=command, retries=Retries(2, delay=0))
        assert actors.attempts[0] == "abc"
        assert len(set(actors.attempts)) == 3
        command.cancel()


async def test_a_legacy_actor_commands_another_one_behind_its_hub(hub: Hub) -> None:
    camera = await LegacyCamera("camera", "127.0.0.1", free_port(), schema=SCHEMA).start()
    hub.add_actor("camera", camera.port)
    sequencer = LegacyCamera(
        "sequencer", "127.0.0.1", free_port(), tron_host="127.0.0.1", tron_port=hub.port
    )
    await sequencer.start()
    await sequencer.send_command("hub", "startNubs camera")
    remote = await sequencer.actor("camera")
    command: Command[Any] = Command("x", commander_id="APO.Jose", actor=sequencer)
    result = await remote.count(2, command=command)
    assert result.last("number") == ["1"]
    assert [line.split()[0] for line in hub.received if line.endswith(" count 2")] == ["APO.Jose"]
    command.cancel()
    sequencer.tron.stop()  # type: ignore[union-attr]
    with pytest.raises(CluConnectionError, match="Not connected to tron"):
        await remote.count(2)
    await sequencer.stop()
    await camera.stop()


async def test_a_legacy_actor_without_a_hub_commands_nobody() -> None:
    alone = await LegacyCamera("alone", "127.0.0.1", free_port()).start()
    with pytest.raises(CluError, match="cannot connect to tron"):
        await alone.actor("camera")
    await alone.stop()
