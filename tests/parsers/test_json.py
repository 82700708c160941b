"""Commands as JSON objects."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from clu import Command, CommandStatus, JSONParser, TCPBaseActor


class Actor(JSONParser, TCPBaseActor):
    """Keeps its replies."""

    def __init__(self) -> None:
        super().__init__("stage", port=0)
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def _write_internal(self, reply: Any, write_to_log: bool = True) -> None:
        self.sent.append((reply.message_code.value, reply.message))


@pytest.fixture
async def actor() -> Actor:
    return Actor()


async def run(actor: Actor, body: str) -> Command[Any]:
    command: Command[Any] = Command(body, actor=actor)
    command.parse()
    await asyncio.wait_for(asyncio.shield(command), 5)
    return command


async def test_the_callback_of_the_verb_gets_the_other_keys(actor: Actor) -> None:
    async def move(command: Command[Any], extra: str, payload: dict[str, Any]) -> None:
        command.finish(text=f"{extra} {payload}")

    actor.callbacks = {"move": move}
    actor.parser_args = ["arg"]
    command = await run(actor, '{"command": "move", "to": 5}')
    assert command.status is CommandStatus.DONE
    assert actor.sent == [(">", {}), (":", {"text": "arg {'to': 5}"})]


class Mover:
    """A callback that is an object."""

    async def __call__(self, command: Command[Any], payload: dict[str, Any]) -> None:
        command.finish(text="moved")


async def test_a_callback_may_be_anything_that_returns_a_coroutine(actor: Actor) -> None:
    async def move(to: str, command: Command[Any], payload: dict[str, Any]) -> None:
        command.finish(text=to)

    actor.callbacks = {"move": Mover(), "part": functools.partial(move, "there")}
    assert (await run(actor, '{"command": "move"}')).status is CommandStatus.DONE
    assert (await run(actor, '{"command": "part"}')).status is CommandStatus.DONE


async def test_a_plain_function_as_callback_fails_without_being_called(actor: Actor) -> None:
    actor.callbacks = {"move": lambda command, payload: command.finish()}
    assert (await run(actor, '{"command": "move"}')).status is CommandStatus.FAILED
    error = "Callback 'move' is not a coroutine function."
    assert actor.sent == [(">", {}), ("f", {"error": error})]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("garbage", "Cannot deserialise command string 'garbage'"),
        ("{", "Cannot deserialise"),
        ("[" * 100_000, "Cannot deserialise"),
        ("null", "does not contain a 'command' parameter"),
        ("[1]", "does not contain a 'command' parameter"),
        ('"command"', "does not contain a 'command' parameter"),
        ("5", "does not contain a 'command' parameter"),
        ('{"verb": 1}', "does not contain a 'command' parameter"),
        ('{"command": "nope"}', "Cannot find a callback for command 'nope'."),
        ('{"command": 5}', "Cannot find a callback for command 5."),
        ('{"command": ["a"]}', "Cannot find a callback for command ['a']."),
        ('{"command": null}', "Cannot find a callback for command None."),
    ],
)
async def test_what_is_not_a_command_fails_with_the_reason(
    actor: Actor, body: str, reason: str
) -> None:
    command = await run(actor, body)
    assert command.status is CommandStatus.FAILED
    assert [code for code, _ in actor.sent] == [">", "f"]
    assert reason in actor.sent[-1][1]["error"]


async def test_an_empty_command_ends_well(actor: Actor) -> None:
    assert (await run(actor, "  ")).status is CommandStatus.DONE
    assert actor.sent == [(":", {})]


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(0), GeneratorExit()])
async def test_a_callback_that_raises_fails_the_command(
    actor: Actor, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(command: Command[Any], payload: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        raise error

    actor.log.sh.setLevel(100)
    actor.callbacks = {"fail": fail}
    command = await run(actor, '{"command": "fail"}')
    assert command.status is CommandStatus.FAILED
    assert type(error).__name__ in actor.sent[-1][1]["error"]
    assert caplog.records[-1].exc_info is not None


async def test_a_callback_with_wrong_arguments_fails_the_command(actor: Actor) -> None:
    async def move(command: Command[Any]) -> None:
        pass

    actor.log.sh.setLevel(100)
    actor.callbacks = {"move": move}
    assert (await run(actor, '{"command": "move"}')).status is CommandStatus.FAILED
    assert "TypeError" in actor.sent[-1][1]["error"]


async def test_a_cancelled_callback_ends_the_command_as_cancelled(actor: Actor) -> None:
    async def wait(command: Command[Any], payload: dict[str, Any]) -> None:
        await asyncio.sleep(60)

    actor.callbacks = {"wait": wait}
    command: Command[Any] = Command('{"command": "wait"}', actor=actor)
    command.parse()
    await asyncio.sleep(0)
    assert command._task is not None
    command._task.cancel()
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert command.status is CommandStatus.CANCELLED


async def test_who_cancels_a_callback_can_fail_its_command_with_a_reason(actor: Actor) -> None:
    waiting = asyncio.get_running_loop().create_future()

    async def wait(command: Command[Any], payload: dict[str, Any]) -> None:
        await waiting

    actor.callbacks = {"wait": wait}
    command: Command[Any] = Command('{"command": "wait"}', actor=actor)
    command.parse()
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    command.fail(error="aborted")
    await asyncio.sleep(0.01)
    assert command.status is CommandStatus.FAILED
    assert actor.sent == [(">", {}), ("f", {"error": "aborted"})]
