"""Commands over a broker always end, exactly once.

What does not depend on how commands come is in tests/reliability/test_commands_end.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPActor, AMQPClient, Command, CommandStatus
from clu.exceptions import CommandError
from tests.conftest import HAS_UVLOOP
from tests.reliability.programs import check_interrupt
from tests.reliability.raising import BODIES

from ..waiting import until
from .actors import Camera, Listener, codes, make_parser, ping

if TYPE_CHECKING:
    from tests.broker import Broker


async def test_whatever_is_raised_there_is_one_end_and_the_actor_goes_on(
    actor: AMQPActor, client: AMQPClient, listener: Listener
) -> None:
    commands = await asyncio.wait_for(
        asyncio.gather(*(client.send_command("camera", body) for body in BODIES)), 20
    )
    for body, command in zip(BODIES, commands, strict=True):
        assert command.status.did_fail, body
        assert command.replies.get("error"), body
    assert await ping(client) == "Pong."
    await until(lambda: any(m.headers["message_code"] == ":" for m in ends(listener)))
    assert len(ends(listener)) == len(BODIES) + 1
    assert not actor._active_commands


def ends(listener: Listener) -> list[Any]:
    replies = listener.find("reply.client.camera")
    return [reply for reply in replies if reply.headers["message_code"] in (":", "f")]


@pytest.mark.parametrize("body", ["", "  ", "\t\n"])
async def test_an_empty_command_ends(camera: Camera, client: AMQPClient, body: str) -> None:
    command = await asyncio.wait_for(client.send_command("camera", body), 10)
    assert command.status is CommandStatus.DONE
    assert codes(command) == [":"]


INTERRUPTED = """
class Actor(clu.AMQPActor):
    pass
Actor.parser = parser

async def main():
    url, verb = sys.argv[1:]
    actor = Actor("interrupted", url=url)
    actor.log.sh.setLevel(100)
    await actor.start()
    client = await clu.AMQPClient("interrupting", url=url).start()
    await client.send_command("interrupted", verb, await_command=False)
    await asyncio.sleep(20)
    print("went on")
"""


@pytest.mark.rabbitmq
@pytest.mark.parametrize(
    ("verb", "loop"),
    [("sync", "asyncio"), *([("sync", "uvloop"), ("async", "uvloop")] if HAS_UVLOOP else [])],
)
def test_keyboard_interrupt_in_a_callback_stops_the_program(
    broker: Broker, verb: str, loop: str
) -> None:
    check_interrupt(INTERRUPTED, loop, broker.url, verb)


# --- several commands of one id -----------------------------------------------------------------


async def test_the_id_of_a_command_that_runs_is_refused_and_the_first_ends(
    camera: Camera, client: AMQPClient
) -> None:
    first = await client.send_command("camera", "sleep 0.2", command_id="x", await_command=False)
    for actor in ("camera", "nobody"):
        with pytest.raises(CommandError, match="command 'x' is still running"):
            await asyncio.wait_for(client.send_command(actor, "ping", command_id="x"), 10)
    await asyncio.wait_for(first, 10)
    assert first.replies.get("text") == "slept"
    again = await asyncio.wait_for(client.send_command("camera", "ping", command_id="x"), 10)
    assert again.replies.get("text") == "Pong."
    assert client.running_commands == {}


async def test_an_actor_answers_the_same_id_twice_at_once(
    camera: Camera, listener: Listener
) -> None:
    for body in ("sleep 0.05", "sleep 0.01", "ping"):
        await listener.command({"command_string": body}, command_id="x", commander_id="a.camera")

    def count() -> int:
        return sum(m.headers["message_code"] == ":" for m in listener.find("reply.a.camera"))

    await until(lambda: count() == 3)
    assert not camera._active_commands


async def test_commands_of_two_clients_with_the_same_id_end_apart(
    broker: Broker, camera: Camera, client: AMQPClient
) -> None:
    async with AMQPClient("other", url=broker.url) as other:
        slow = await client.send_command("camera", "sleep 0.2", command_id="x", await_command=False)
        quick = await asyncio.wait_for(other.send_command("camera", "ping", command_id="x"), 10)
        assert codes(quick) == [">", ":"]
        assert not slow.done()
        await asyncio.wait_for(slow, 10)
    assert codes(slow) == [">", ":"]
    assert slow.replies.get("text") == "slept"


class Relay(Camera):
    """An actor that goes on after a part of its command was done by another one."""

    parser = make_parser()


@Relay.parser.command()
async def relay(command: Command[Any]) -> None:
    part = await command.send_command("camera", "count 1", new_command=False)
    command.info(word="between")
    again = await command.send_command("camera", "dance", new_command=False)
    command.finish(word=f"{part.status.name} {again.status.name}")


async def test_a_relayed_command_ends_when_its_own_actor_ends_it(
    broker: Broker, camera: Camera, client: AMQPClient
) -> None:
    seen: list[tuple[str, str]] = []
    async with Relay("relay", url=broker.url):
        command = await asyncio.wait_for(
            client.send_command(
                "relay",
                "relay",
                reply_callback=lambda reply: seen.append((reply.sender, reply.message_code)),
            ),
            10,
        )
    assert command.status is CommandStatus.DONE
    assert command.replies[-1].message == {"word": "DONE FAILED"}
    # The replies to the parts are seen too, but do not end it.
    assert [code for sender, code in seen if sender == "relay"] == [">", "i", ":"]
    assert [code for sender, code in seen if sender == "camera"] == [">", "i", ":", ">", "w", "f"]
    assert len(command.replies) == len(seen)


async def test_a_part_of_a_command_does_not_end_with_the_whole(
    broker: Broker, camera: Camera
) -> None:
    async with Relay("relay", url=broker.url) as relay:
        whole: Command[Any] = Command(
            "", commander_id="client.relay", command_id="whole", actor=relay
        )
        sending = whole.send_command("camera", "sleep 0.2", new_command=False, await_command=False)
        part = await asyncio.wait_for(sending, 10)
        assert part.command_id == "whole"
        whole.info(word="going")
        whole.finish(word="left")
        await asyncio.wait_for(part, 10)
    assert codes(part) == [">", ":"]
    assert part.replies.get("text") == "slept"


async def test_only_its_own_actor_ends_a_command(
    client: AMQPClient, listener: Listener, camera: Camera
) -> None:
    command = await client.send_command("camera", "sleep 60", command_id="x", await_command=False)
    await until(lambda: codes(command) == [">"])
    seen: list[Any] = []
    client.add_reply_callback(seen.append)

    async def end(sender: str, **headers: Any) -> None:
        headers = {"message_code": ":", "sender": sender, "command_id": "x", **headers}
        await listener.publish("reply.client.camera", {}, headers, correlation_id="x")

    await end("stranger", commander_id="client.camera")
    await end("stranger")
    await end("camera", commander_id="other.camera")
    await until(lambda: len(seen) == 3)
    assert not command.done()
    assert codes(command) == [">"]
    await end("camera")  # one that does not say whom it answers
    await asyncio.wait_for(command, 10)
    assert codes(command) == [">", ":"]
