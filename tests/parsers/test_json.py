"""Commands as JSON objects."""

from __future__ import annotations

import asyncio
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


async def test_a_callback_may_be_a_function(actor: Actor) -> None:
    actor.callbacks = {"move": lambda command, payload: command.finish()}
    assert (await run(actor, '{"command": "move"}')).status is CommandStatus.DONE


async def test_a_function_that_returns_the_command_is_not_awaited_for_it(actor: Actor) -> None:
    actor.callbacks = {"later": lambda command, payload: command}
    command: Command[Any] = Command('{"command": "later"}', actor=actor)
    command.parse()
    assert command._task is None
    command.finish()


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
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_callback_that_raises_fails_the_command(
    actor: Actor, error: BaseException, is_async: bool
) -> None:
    def fail(command: Command[Any], payload: dict[str, Any]) -> None:
        raise error

    async def fail_later(command: Command[Any], payload: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        raise error

    actor.log.sh.setLevel(100)
    actor.callbacks = {"fail": fail_later if is_async else fail}
    command = await run(actor, '{"command": "fail"}')
    assert command.status is CommandStatus.FAILED
    assert type(error).__name__ in actor.sent[-1][1]["error"]


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
