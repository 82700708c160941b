"""Messages that are longer than the broker takes, and the length of frames."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, Command, CommandStatus
from clu.exceptions import CluConnectionError, CluValueError
from tests.broker import Broker

from ..waiting import until
from .actors import Camera, make_parser, ping

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

KIB = 1024


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that takes messages of 64 KiB."""
    directory: pathlib.Path = tmp_path_factory.mktemp("narrow")
    (directory / "rabbitmq.conf").write_text(f"max_message_size = {64 * KIB}\n")
    broker = Broker(directory)
    broker.start()
    yield broker
    broker.stop()


class Photographer(Camera):
    """An actor that sends as much as it is told."""

    parser = make_parser()
    schema = {
        "type": "object",
        "properties": {
            "image": {"type": "string"},
            "exposure": {"type": "integer"},
            "number": {"type": "integer"},
            "count": {"type": "integer"},
        },
    }
    size = 0


@Photographer.parser.command()  # type: ignore[attr-defined]
async def photograph(command: Command[Any]) -> None:
    """Write numbers around a reply that may be too long."""
    size = command.actor.size
    command.info(number=1)
    command.info(image="x" * size, exposure=5)
    command.info(number=2)
    command.finish(image="y" * size)


async def run(client: AMQPClient, size: int, actor: Photographer) -> Command[Any]:
    actor.size = size
    command = await asyncio.wait_for(client.send_command("camera", "photograph"), 20)
    assert isinstance(command, Command)
    return command


def messages(command: Command[Any]) -> list[Any]:
    return [reply.body for reply in command.replies if reply.body]


async def test_a_reply_over_the_limit_is_replaced_by_an_error(broker: Broker) -> None:
    async with (
        Photographer("camera", url=broker.url, max_message_size=10 * KIB) as actor,
        AMQPClient("client", url=broker.url) as client,
    ):
        command = await run(client, 20 * KIB, actor)
        first, error, second, last = messages(command)
        assert (first, second) == ({"number": 1}, {"number": 2})
        assert error["error"] == (
            "The reply has 20505 bytes (image 20482, exposure 1), "
            "more than max_message_size (10240)."
        )
        assert last["error"].startswith("The reply has 20492 bytes (image 20482), more than")
        assert command.status is CommandStatus.DONE
        assert (await run(client, 5 * KIB, actor)).replies[-1].body == {"image": "y" * 5 * KIB}
        assert actor.stats["dropped"] == 0


async def test_the_limit_of_the_broker_is_learnt(
    narrow: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with (
        Photographer("camera", url=narrow.url) as actor,
        AMQPClient("client", url=narrow.url) as client,
    ):
        numbers: list[int] = []
        client.add_reply_callback(lambda reply: numbers.append(reply.body.get("count")))
        assert len(messages(await run(client, 60 * KIB, actor))) == 4
        for count in range(100):
            actor.write("i", count=count)
        command = await run(client, 100 * KIB, actor)
        assert command.status is CommandStatus.DONE
        texts = [body.get("error", "") for body in messages(command)]
        assert sum("more than max_message_size (65536)" in text for text in texts) == 2
        assert {"number": 1} in messages(command)
        assert {"number": 2} in messages(command)
        assert actor._sender is not None
        assert actor._sender.max_message_size == 64 * KIB
        # The second time nothing is tried.
        caplog.clear()
        assert len(messages(await run(client, 100 * KIB, actor))) == 4
        assert caplog.records == []
        assert [number for number in numbers if number is not None] == list(range(100))
        assert await ping(client) == "Pong."


async def test_a_command_over_the_limit_is_an_error(broker: Broker, narrow: Broker) -> None:
    async with AMQPClient("client", url=broker.url, max_message_size=KIB) as client:
        with pytest.raises(CluValueError, match=r"The message to 'camera' has 20.. bytes"):
            await client.send_command("camera", "echo " + "x" * 2000)
        assert client.running_commands == {}
    async with Camera("camera", url=narrow.url), AMQPClient("client", url=narrow.url) as client:
        with pytest.raises(CluValueError, match="the broker takes 65536 at most"):
            await client.send_command("camera", "echo " + "x" * 100 * KIB)
        with pytest.raises(CluValueError, match="more than max_message_size"):
            await client.send_command("camera", "echo " + "x" * 100 * KIB)
        assert client.running_commands == {}
        assert await ping(client) == "Pong."


async def test_frames_have_the_length_in_the_address(broker: Broker) -> None:
    async with Camera("camera", url=f"{broker.url}?frame_max=8192") as camera:
        assert camera._sender is not None
        assert camera._sender._frame_max == 8192
        async with AMQPClient("client", url=broker.url) as client:
            command = await client.send_command("camera", "echo " + "x" * 50000)
            assert command.replies[-1].body == {"text": "x" * 50000}
            await until(lambda: camera.stats["backlog"] == 0)


@pytest.mark.parametrize("text", ["x", "-1", "1e5", "100", "99999999999"])
async def test_a_frame_max_that_is_no_length_is_refused_at_once(text: str) -> None:
    with pytest.raises(CluValueError, match=f"frame_max={text} in the address"):
        await AMQPClient("client", url=f"amqp://nowhere/?frame_max={text}").start()


async def test_a_frame_max_that_the_broker_does_not_accept_is_named(broker: Broker) -> None:
    with pytest.raises(
        CluConnectionError, match=r"frame_max=500000 .* more than it accepts: 131072"
    ):
        await AMQPClient("client", url=f"{broker.url}?frame_max=500000").start()
