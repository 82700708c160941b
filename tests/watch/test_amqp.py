"""Subscriptions of clients and actors on a broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPActor, AMQPClient
from clu.exceptions import CluError, CluValueError, KeywordTimeout
from tests import recorded_release
from tests.amqp.actors import SCHEMA, Camera, Listener
from tests.proxy import Proxy
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker


class Plain(AMQPActor):
    """An actor without a schema."""


@pytest.fixture
async def camera(broker: Broker) -> AsyncIterator[Camera]:
    async with Camera("camera", url=broker.url) as camera:
        yield camera


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("client", url=broker.url) as client:
        yield client
        assert not client._watchers  # nothing is left
        assert client._callbacks == []


async def value_of(subscription: Any) -> Any:
    return (await asyncio.wait_for(subscription.__anext__(), 40)).value


async def test_a_latecomer_gets_the_last_value(camera: Camera, client: AMQPClient) -> None:
    camera.write("i", number=3)
    await client.send_command("camera", "ping")  # what was written is no news now
    assert camera.model is not None
    async with client.watch("camera.number") as updates:
        update = await updates.__anext__()
        assert (update.name, update.value, update.code) == ("camera.number", 3, None)
        assert update.when == camera.model["number"].last_seen
        command = await client.send_command("camera", "count 1")
        update = await updates.__anext__()
        assert (update.value, update.code) == (0, "i")
        assert update.command_id == command.command_id


async def test_asking_for_the_last_value_is_no_assignment_for_others(
    broker: Broker, camera: Camera, client: AMQPClient
) -> None:
    camera.write("i", number=3)
    async with AMQPClient("other", url=broker.url, models=["camera"]) as other:
        async with client.watch("camera.number") as updates:
            assert await value_of(updates) == 3
            assert camera.model is not None
            seen = camera.model["number"].last_seen
            assert (await other.wait_for("camera.number")).value == 3
            await client.send_command("camera", "ping")
            assert updates._slot.update is None
        assert camera.model["number"].last_seen == seen
        assert other.models["camera"]["number"].last_seen is None


async def test_a_model_that_knows_the_value_spares_the_question(
    broker: Broker, camera: Camera, listener: Listener
) -> None:
    async with AMQPClient("other", url=broker.url, models=["camera"]) as other:
        camera.write("i", number=3)
        await until(lambda: other.models["camera"]["number"].value == 3)
        sent = len(listener.find("command.camera"))
        assert (await other.wait_for("camera.number")).value == 3
        async with other.watch("camera.number", "event") as updates:
            assert await value_of(updates) == 3
            camera.write("i", number=4)
            assert await value_of(updates) == 4
        with pytest.raises(CluValueError, match="Did you mean number"):
            other.watch("camera.numbr")
        with pytest.raises(CluValueError, match=r"camera.word has no numbers"):
            other.watch("camera.word", delta=1)
        await other.send_command("camera", "ping")
        await until(lambda: len(listener.find("command.camera")) > sent)
        assert len(listener.find("command.camera")) == sent + 1


@pytest.fixture
async def listener(broker: Broker) -> AsyncIterator[Listener]:
    listener = await Listener.connect(broker.url)
    yield listener
    await listener.close()


async def test_many_keywords_of_an_actor_are_asked_for_together(
    broker: Broker, client: AMQPClient, listener: Listener
) -> None:
    names = [f"key{number}" for number in range(200)]
    schema = {"type": "object", "properties": {name: {"type": "integer"} for name in names}}
    async with Camera("camera", url=broker.url, schema=schema) as camera:
        for number, name in enumerate(names):
            camera.write("i", {name: number})
        await client.send_command("camera", "ping")  # what was written is no news now
        waiting = [client.wait_for(f"camera.{name}") for name in names]
        updates = await asyncio.gather(*waiting)
        assert [update.value for update in updates] == list(range(200))
        await until(lambda: len(listener.find("command.camera")) > 2)
        commands = [
            json.loads(item.body)["command_string"] for item in listener.find("command.camera")
        ]
        assert commands == ["ping", "get_schema", "keyword --value '*'"]


async def test_wrong_keywords_are_errors(camera: Camera, client: AMQPClient) -> None:
    with pytest.raises(CluValueError, match=r"no keyword 'wrod'\. Did you mean word\?"):
        await client.watch("camera.wrod").__anext__()
    with pytest.raises(CluValueError, match=r"no keyword 'x'\. It has number, word\."):
        await client.wait_for("camera.x")
    with pytest.raises(CluValueError, match=r"camera.word has no numbers"):
        await client.watch("camera.word", delta=1).__anext__()
    with pytest.raises(CluValueError, match="The keyword 'word' is of no actor"):
        client.watch("word")


async def test_a_name_may_have_dots(broker: Broker, client: AMQPClient) -> None:
    async with Camera("lvm.sci.camera", url=broker.url) as camera:
        camera.write("i", number=5)
        assert (await client.wait_for("lvm.sci.camera.number")).value == 5


async def test_an_actor_without_a_schema_can_be_watched(broker: Broker, client: AMQPClient) -> None:
    async with (
        Plain("plain", url=broker.url, validate=False) as plain,
        client.watch("plain.anything") as updates,
    ):
        waiting = asyncio.create_task(value_of(updates))
        while not waiting.done():
            plain.write("i", anything=[1, 2])
            await asyncio.sleep(0.01)
        assert await waiting == [1, 2]


async def test_an_actor_that_comes_later_is_asked_then(broker: Broker, client: AMQPClient) -> None:
    with pytest.raises(KeywordTimeout, match=r"No value came\. There is no actor 'camera'\."):
        await client.wait_for("camera.number", timeout=1.0)
    updates, wrong = client.watch("camera.number"), client.watch("camera.wrod")
    await until(lambda: all(item.reason for item, _ in client._get_watchers()._watched.values()))
    async with Camera("camera", url=broker.url) as camera:
        with pytest.raises(CluValueError, match="Did you mean word"):
            await wrong.__anext__()
        camera.write("i", number=3)
        assert await value_of(updates) == 3
        updates.close()


async def test_an_actor_follows_itself_and_others(broker: Broker, camera: Camera) -> None:
    async with Plain("guider", url=broker.url, schema=SCHEMA) as guider:
        guider.write("i", number=1)
        camera.write("i", number=2)
        assert not guider._receives_replies
        assert (await guider.wait_for("number")).value == 1
        assert (await guider.wait_for("guider.number")).value == 1
        assert not guider._receives_replies
        async with guider.watch("camera.number") as updates:
            assert await value_of(updates) == 2
            assert guider._receives_replies
            camera.write("i", number=3)
            assert await value_of(updates) == 3


@pytest.mark.rabbitmq
@pytest.mark.parametrize("kind", [AMQPClient, Plain])
async def test_it_survives_the_loss_of_the_connection(
    broker: Broker, camera: Camera, kind: type[AMQPClient]
) -> None:
    async with Proxy(broker.port) as proxy, kind("follower", url=proxy.url) as follower:
        camera.write("i", number=1, word="same")
        async with (
            follower.watch("camera.number") as updates,
            follower.watch("camera.word") as words,
        ):
            assert await value_of(updates) == 1
            assert await value_of(words) == "same"
            proxy.hold()
            proxy.cut()
            await until(lambda: not follower.is_connected())
            camera.write("i", number=2)
            proxy.release()
            assert await value_of(updates) == 2
            camera.write("i", number=3)
            while await value_of(updates) != 3:
                pass
            assert words._slot.update is None  # it has not changed
            camera.write("i", word="other")
            assert await value_of(words) == "other"


@pytest.mark.rabbitmq
async def test_waiting_survives_the_loss_of_the_connection(broker: Broker, camera: Camera) -> None:
    async with Proxy(broker.port) as proxy, AMQPClient("follower", url=proxy.url) as follower:
        waiting = asyncio.create_task(
            follower.wait_for("camera.word", lambda value: value == "open", timeout=40)
        )
        await until(lambda: follower._watchers)
        proxy.hold()
        proxy.cut()
        await until(lambda: not follower.is_connected())
        camera.write("i", word="open")
        proxy.release()
        assert (await waiting).value == "open"


async def test_stopping_the_client_ends_what_waits(broker: Broker, camera: Camera) -> None:
    client = await AMQPClient("client", url=broker.url).start()
    waiting = asyncio.create_task(client.wait_for("camera.number"))
    updates = client.watch("camera.number")
    await asyncio.sleep(0)
    await client.stop()
    with pytest.raises(CluError, match="The client was stopped"):
        await waiting
    assert [update async for update in updates] == []


async def test_what_is_watched_before_the_start_comes_after_it(
    broker: Broker, camera: Camera
) -> None:
    camera.write("i", number=3)
    client = AMQPClient("client", url=broker.url)
    async with client.watch("camera.number") as updates:
        await asyncio.sleep(0)
        async with client:
            assert await value_of(updates) == 3


async def test_a_name_that_is_too_long_for_the_broker_has_a_reason(client: AMQPClient) -> None:
    with pytest.raises(KeywordTimeout) as raised:
        await client.wait_for(f"{'a' * 300}.number", timeout=0.5)
    assert raised.value.reason


# --- the recorded release -------------------------------------------------------------------

RECORDED_SCHEMA = {
    "type": "object",
    "properties": {"temperature": {"type": "number"}, "state": {"type": "string"}},
}


@contextlib.asynccontextmanager
async def recorded(script: str, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """Run a script with the recorded release; yield what it prints, once it is ready."""
    click = recorded_release.click_folder(recorded_release.newest_click())
    process = await asyncio.create_subprocess_exec(
        str(recorded_release.PYTHON),
        str(pathlib.Path(__file__).with_name(script)),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=recorded_release.environment(PYTHONPATH=str(click)),
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


needs_recorded = pytest.mark.skipif(
    not recorded_release.PYTHON.exists(), reason="make recorded has not been run"
)


@pytest.mark.rabbitmq
@needs_recorded
async def test_an_actor_of_the_recorded_release_is_asked_for_its_status(
    broker: Broker, client: AMQPClient
) -> None:
    async with recorded("recorded_actor.py", "old", broker.url, json.dumps(RECORDED_SCHEMA)):
        async with client.watch("old.temperature", delta=0.5) as updates:
            assert await value_of(updates) == -20.5
        waiting = asyncio.create_task(client.wait_for("old.state", lambda state: state == "busy"))
        await until(lambda: client._get_watchers())
        await client.send_command("old", "change busy")
        assert (await waiting).actor == "old"
        with pytest.raises(CluValueError, match=r"no keyword 'sate'\. Did you mean state\?"):
            await client.wait_for("old.sate")


@pytest.mark.rabbitmq
@needs_recorded
async def test_an_actor_of_the_recorded_release_without_a_schema_can_be_watched(
    broker: Broker, client: AMQPClient
) -> None:
    async with recorded("recorded_actor.py", "old", broker.url):
        waiting = asyncio.create_task(client.wait_for("old.error"))
        await until(lambda: client._get_watchers())
        while not waiting.done():
            await client.send_command("old", "change busy")
        assert "Failed validating" in (await waiting).value


@pytest.mark.rabbitmq
@needs_recorded
async def test_a_client_of_the_recorded_release_is_not_disturbed(
    broker: Broker, camera: Camera, client: AMQPClient
) -> None:
    async with recorded("recorded_client.py", broker.url) as printed:
        camera.write("i", number=3)
        assert await printed.readline() == b"number 3\n"
        assert (await client.wait_for("camera.number")).value == 3
        camera.write("i", number=4)
        lines = [await printed.readline()]
        while not lines[-1].startswith(b"number"):
            lines.append(await printed.readline())
        assert lines[-1] == b"number 4\n"
        assert {line.split()[0] for line in lines} <= {b"schema", b"keyword_values", b"number"}


async def test_an_actor_that_is_started_again_is_asked_again_but_not_for_its_status(
    broker: Broker, client: AMQPClient, listener: Listener
) -> None:
    async with Camera("camera", url=broker.url) as camera:
        camera.write("i", number=1)
        updates = client.watch("camera.number")
        assert await value_of(updates) == 1
    seen = len(listener.find("command.camera"))
    camera = Camera("camera", url=broker.url)
    camera.write("i", number=2, silent=True)  # before it is connected
    async with camera:
        assert await value_of(updates) == 2
        await client.send_command("camera", "ping")
        await until(lambda: len(listener.find("command.camera")) >= seen + 2)
        commands = [
            json.loads(item.body)["command_string"] for item in listener.find("command.camera")
        ]
        assert commands[seen:] == ["keyword --value number", "ping"]
    updates.close()
