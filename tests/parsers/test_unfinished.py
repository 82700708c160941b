"""Callbacks that return although their command has not ended."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import TYPE_CHECKING, Any

import click
import pytest

from clu import AMQPActor, Command, CommandStatus, JSONActor, JSONParser, LegacyActor, TCPBaseActor
from clu.parsers import _unfinished
from clu.parsers._unfinished import is_held
from clu.parsers.click import CluCommand, CluGroup
from clu.testing import setup_test_actor
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING_ELSE = "returned without a call of finish() or fail(), and nothing else has the command."

kept: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_unfinished, "_DELAY", 0.05)
    kept.clear()
    yield
    kept.clear()


@click.group(cls=CluGroup)
def parser(*args: Any) -> None:
    pass


@parser.command()
async def forget(command: Command[Any]) -> None:
    await asyncio.sleep(0)


@parser.command(name="forget-at-once")
def forget_at_once(command: Command[Any]) -> None:
    command.info(text="done, more or less")


@parser.group(name="lamp", invoke_without_command=True)
async def lamp() -> None:
    pass


@lamp.command(name="on")
async def on(command: Command[Any]) -> None:
    command.finish()


@parser.command(name="with-child")
async def with_child(command: Command[Any]) -> None:
    await command.child_command("forget")
    command.finish()


@parser.command()
async def finish(command: Command[Any]) -> None:
    command.finish()


async def _finish_later(command: Command[Any]) -> None:
    await asyncio.sleep(3600)
    command.finish()


class _Exposure:
    def __init__(self, command: Command[Any]) -> None:
        self.command = command

    def end(self) -> None:
        self.command.finish()


@parser.command()
@click.argument("HOW")
async def hand(command: Command[Any], how: str) -> None:
    loop = asyncio.get_running_loop()
    if how == "task":
        kept.append(loop.create_task(_finish_later(command)))
    elif how == "timer":
        kept.append(loop.call_later(3600, command.finish))
    elif how == "closure":
        kept.append(lambda: command.finish())
    elif how == "list":
        kept.append([command])
    elif how == "dictionary":
        kept.append({command.command_id: command})
    elif how == "object":
        kept.append(_Exposure(command))
    elif how == "method":
        kept.append(_Exposure(command).end)
    elif how == "generator":
        kept.append(each for each in [command])
        next(kept[-1])
    elif how == "status callback":
        other = loop.create_future()
        other.add_done_callback(lambda _: command.finish())
        kept.append(other)


def actor_of(kind: str, **kwargs: Any) -> Any:
    actor: Any
    if kind == "amqp":
        actor = type("Actor", (AMQPActor,), {"parser": parser})("camera", **kwargs)
    else:
        base: Any = {"json": JSONActor, "legacy": LegacyActor}[kind]
        actor = type("Actor", (base,), {"parser": parser})("camera", "127.0.0.1", 0, **kwargs)
    actor.log.sh.setLevel(100)
    return actor


@pytest.fixture(params=["json", "legacy", "amqp"])
async def actor(request: pytest.FixtureRequest) -> Any:
    return await setup_test_actor(actor_of(request.param))


async def invoke(actor: Any, body: str, command_id: int = 1) -> Any:
    """Run a command; what a test keeps of it counts as one that can end it."""
    command = actor.invoke_mock_command(body, command_id)
    return await command if asyncio.iscoroutine(command) else command


@pytest.fixture
def warnings(actor: Any) -> Any:
    return _warnings_of(actor)


def _warnings_of(actor: Any) -> Any:
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    actor.log.addHandler(handler)
    return lambda: messages


@pytest.mark.parametrize("body", ["forget", "forget-at-once", "lamp"])
async def test_a_command_that_nothing_can_end_is_a_warning_in_the_log(
    actor: Any, warnings: Any, body: str
) -> None:
    command = weakref.ref(await invoke(actor, body))  # the test must not have it
    await until(warnings)
    callback = f"tests.parsers.test_unfinished.{body.replace('-', '_')}"
    expected = f"Command '{body}' has not ended, and waits for ever: its callback {callback} "
    assert warnings() == [expected + NOTHING_ELSE]
    assert command().status is CommandStatus.RUNNING


async def test_a_child_that_its_parent_awaits_is_a_warning_too(actor: Any, warnings: Any) -> None:
    command = await invoke(actor, "with-child")
    await until(warnings)
    assert "Command 'forget' has not ended" in warnings()[0]
    command._task.cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "how",
    ["task", "timer", "closure", "list", "dictionary", "object", "method", "generator",
     "status callback"],
)  # fmt: skip
async def test_who_has_the_command_can_end_it(actor: Any, how: str) -> None:
    words = how if " " not in how else f"'{how}'"
    command = await invoke(actor, f"hand {words}")
    await until(command._task.done)
    await asyncio.sleep(0.01)
    reference = weakref.ref(command)
    del command
    assert is_held_in(reference)
    if how in ("task", "timer"):
        kept[-1].cancel()
        await asyncio.sleep(0.01)
    kept.clear()
    gc.collect()
    assert not is_held_in(reference)


def is_held_in(reference: weakref.ref[Any]) -> bool:
    """Whether a command is held, by others than the frame of a test."""
    command = reference()
    return is_held(command, command.context.obj["parser_args"])


async def test_one_warning_a_minute_for_each_callback(actor: Any, warnings: Any) -> None:
    for number in range(20):
        await invoke(actor, "forget", number)
    await until(warnings)
    await invoke(actor, "forget-at-once", 30)
    await until(lambda: len(warnings()) > 1)
    assert [each.split("'")[1] for each in warnings()] == ["forget", "forget-at-once"]


async def test_a_command_that_ends_in_time_is_no_warning(
    actor: Any, warnings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    monkeypatch.setattr(_unfinished, "_look", lambda *args: looks.append(args))
    command = await invoke(actor, "finish")
    await until(lambda: command.status.is_done)
    command = await invoke(actor, "lamp on")
    await until(lambda: command.status.is_done)
    assert not _unfinished._looks.get(actor)
    assert looks == warnings() == []


@pytest.mark.parametrize("kind", ["json", "legacy", "amqp"])
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("forget", "forget"),
        ("forget-at-once", "forget_at_once"),
        ("lamp", "lamp"),
        ("hand task", "hand"),
    ],
)
async def test_strict_actors_fail_what_a_callback_has_not_ended(
    kind: str, body: str, name: str
) -> None:
    actor = await setup_test_actor(actor_of(kind, strict=True))
    command = await invoke(actor, body)
    await until(lambda: command.status.is_done)
    assert command.status is CommandStatus.FAILED
    assert command.replies.get("error") == (
        f"Command '{body}' has not ended: its callback tests.parsers.test_unfinished.{name} "
        "returned without a call of finish() or fail()."
    )
    for task in kept:
        task.cancel()


async def test_a_strict_actor_leaves_commands_alone_that_end() -> None:
    actor = await setup_test_actor(actor_of("json", strict=True))
    for body in ("finish", "lamp on"):
        command = await invoke(actor, body)
        await until(lambda: command.status.is_done)  # noqa: B023
        assert command.status is CommandStatus.DONE


class _OwnEnd(CluCommand):
    """A command that is ended by what handles the end of its task."""

    def done_callback(self, task: Any, exception_handler: Any = None) -> bool:
        has_succeeded = super().done_callback(task, exception_handler=exception_handler)
        kept[-1].finish()
        return has_succeeded


@parser.command(cls=_OwnEnd)
async def ended(command: Command[Any]) -> None:
    kept.append(command)


@parser.command(name="returns-task")
def returns_task(command: Command[Any]) -> Any:
    async def finish() -> None:
        command.finish()

    return asyncio.get_running_loop().create_task(finish())


@parser.group(chain=True)
def chain() -> None:
    pass


@chain.command(name="first")
async def first(command: Command[Any]) -> None:
    command.info(text="first")


@chain.command(name="second")
async def second(command: Command[Any]) -> None:
    await asyncio.sleep(0)
    command.finish()


@pytest.mark.parametrize("body", ["ended", "returns-task", "chain first second"])
async def test_strict_actors_know_who_else_ends_a_command(body: str) -> None:
    actor = await setup_test_actor(actor_of("json", strict=True))
    command = await invoke(actor, body)
    await until(lambda: command.status.is_done)
    assert command.status is CommandStatus.DONE


class _JSON(JSONParser, TCPBaseActor):
    pass


@pytest.mark.parametrize("is_strict", [False, True])
async def test_callbacks_of_the_json_parser(is_strict: bool) -> None:
    async def move(command: Command[Any], payload: dict[str, Any]) -> None:
        pass

    actor = _JSON("stage", port=0, strict=is_strict)
    actor._write_internal = lambda *args, **kwargs: None  # type: ignore[method-assign]
    actor.log.sh.setLevel(100)
    warnings = _warnings_of(actor)
    actor.callbacks = {"move": move}
    command = weakref.ref(Command('{"command": "move"}', actor=actor).parse())
    if is_strict:
        ended = command()
        await until(lambda: ended.status.is_done)
        assert ended.status is CommandStatus.FAILED
        assert "returned without a call of finish() or fail()." in ended.replies.get("error")
        return
    await until(warnings)
    assert NOTHING_ELSE in warnings()[0]
