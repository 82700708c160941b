"""Models of actors that are started after who follows them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from clu import AMQPActor, AMQPClient, CluError
from clu.exceptions import CluTimeoutError, CluValueError, CluWarning

from ..waiting import until
from .actors import SCHEMA, Camera

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker


@contextlib.asynccontextmanager
async def follower(
    broker: Broker, kind: type[AMQPClient] = AMQPClient
) -> AsyncIterator[AMQPClient]:
    """A client that follows the actor ``camera``, which is not there."""
    client = kind("follower", url=broker.url, models=["camera"])
    with pytest.warns(CluWarning, match="Cannot load model 'camera'. Failed getting schema"):
        await client.start()
    yield client
    await client.stop()


class Follower(AMQPActor):
    """An actor that follows another one."""


@pytest.mark.parametrize("kind", [AMQPClient, Follower])
async def test_the_model_comes_with_the_actor(broker: Broker, kind: type[AMQPClient]) -> None:
    async with follower(broker, kind) as client:
        with pytest.raises(KeyError):
            client.models["camera"]
        async with Camera("camera", url=broker.url) as camera:
            await until(lambda: "camera" in client.models)
            camera.write("i", number=5)
            await until(lambda: client.models["camera"]["number"].value == 5)
        assert client.models.missing == {}


async def test_it_comes_with_the_first_reply_of_an_actor_that_announces_nothing(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Camera, "_announce", lambda *_: None)
    async with follower(broker) as client, Camera("camera", url=broker.url) as camera:
        await asyncio.sleep(0.3)
        assert "camera" not in client.models
        camera.write("i", number=7)
        await until(lambda: "camera" in client.models)
        # What the reply said is not lost.
        assert client.models["camera"]["number"].value == 7


async def test_it_is_waited_for(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Camera, "_announce", lambda *_: None)  # and that says nothing
    async with follower(broker) as client:
        waiting = asyncio.ensure_future(client.models.wait("camera", timeout=40))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        async with Camera("camera", url=broker.url):
            model = await waiting
            assert set(SCHEMA["properties"]) <= set(model)  # type: ignore[call-overload]
            assert await client.models.wait("camera") is model


async def test_to_wait_too_long_is_an_error_that_says_why(broker: Broker) -> None:
    async with follower(broker) as client:
        with pytest.raises(CluTimeoutError) as caught:
            await client.models.wait("camera", timeout=0.2)
    assert str(caught.value) == (
        "There was no model of 'camera' within 0.2 s. Failed getting schema for camera."
    )
    assert isinstance(caught.value, (CluError, TimeoutError))


async def test_who_is_not_followed_is_not_waited_for(broker: Broker) -> None:
    async with follower(broker) as client:
        with pytest.raises(CluValueError, match=r"'wheel' is not followed. Followed: 'camera'\."):
            await client.models.wait("wheel")


async def test_an_actor_without_a_schema_is_not_asked_at_each_reply(broker: Broker) -> None:
    async with follower(broker) as client:
        camera = Camera("camera", url=broker.url)
        camera.model = None
        commands: list[str] = []
        parse = camera.parse_command

        def count(command: object) -> object:
            commands.append(command.body)  # type: ignore[attr-defined]
            return parse(command)  # type: ignore[arg-type]

        camera.parse_command = count  # type: ignore[assignment,method-assign]
        async with camera:
            await until(lambda: commands)
            for number in range(200):
                camera.write("i", number=number, validate=False)
                await asyncio.sleep(0.001)
            assert len(commands) < 20  # it is asked now and then, but for 200 replies
            await until(lambda: not client.models.missing["camera"].is_loading)
            assert client.models.missing["camera"].reason == "Failed getting schema for camera."


async def test_when_the_follower_stops_nobody_waits(broker: Broker) -> None:
    async with follower(broker) as client:
        waiting = asyncio.ensure_future(client.models.wait("camera", timeout=0.5))
        await asyncio.sleep(0.1)
    with pytest.raises(CluTimeoutError):
        await waiting
