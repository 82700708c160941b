"""Commands parsed with click."""

from __future__ import annotations

import asyncio
import datetime
import enum
import functools
import json
import pathlib
from typing import TYPE_CHECKING, Any

import click
import click.globals
import pytest

from clu import Command, CommandStatus, JSONActor, LegacyActor
from clu.parsers.click import (
    CluCommand,
    CluGroup,
    cancel_command,
    command_parser,
    coro_helper,
    coroutine,
    get_command_model,
    get_current_command_name,
    get_running_tasks,
    help_,
    pass_args,
    ping,
    timeout,
    unique,
    version,
)
from clu.testing import setup_test_actor

if TYPE_CHECKING:
    from clu.testing import MockReplyList


@click.group(cls=CluGroup)
def parser(*args: Any) -> None:
    pass


for builtin in (ping, version, help_, get_command_model):
    parser.add_command(builtin)


class Actor(JSONActor):
    parser = parser
    mock_replies: MockReplyList


@pytest.fixture
async def actor() -> Actor:
    actor: Actor = await setup_test_actor(Actor("camera", port=0, additional_properties=True))
    actor.log.sh.setLevel(100)
    return actor


async def run(actor: Actor, body: str) -> Command[Any]:
    command = actor.invoke_mock_command(body, 1)
    await asyncio.wait_for(asyncio.shield(command), 5)
    return command


def sent(actor: Actor) -> list[tuple[str, dict[str, Any]]]:
    return [(reply.flag, dict(reply)) for reply in actor.mock_replies]


UNCAUGHT = (
    "Command {!r} failed because of an uncaught error {!r}. "
    "See traceback in the log for more information."
)


class OwnError(BaseException):
    """Not an Exception."""


RAISED: dict[str, tuple[BaseException, CommandStatus, str]] = {
    "value": (
        ValueError("broken"),
        CommandStatus.FAILED,
        UNCAUGHT.format("raise value", "ValueError: broken"),
    ),
    "own": (OwnError("x"), CommandStatus.FAILED, UNCAUGHT.format("raise own", "OwnError: x")),
    "exit": (SystemExit(0), CommandStatus.FAILED, UNCAUGHT.format("raise exit", "SystemExit: 0")),
    "generator": (
        GeneratorExit(),
        CommandStatus.FAILED,
        UNCAUGHT.format("raise generator", "GeneratorExit: "),
    ),
    "abort": (click.Abort(), CommandStatus.FAILED, "Command 'raise abort' was aborted."),
    "click-exit": (
        click.exceptions.Exit(0),
        CommandStatus.FAILED,
        "Command 'raise click-exit' was aborted.",
    ),
    "usage": (
        click.BadArgumentUsage("bad"),
        CommandStatus.FAILED,
        "Command 'raise usage' does not exist or cannot be parsed.",
    ),
    "cancelled": (
        asyncio.CancelledError(),
        CommandStatus.CANCELLED,
        "This command has been cancelled.",
    ),
}


@parser.command(name="raise")
@click.argument("name")
async def raise_async(command: Command[Any], name: str) -> None:
    await asyncio.sleep(0)
    raise RAISED[name][0]


@parser.command()
@click.argument("name")
def raise_sync(command: Command[Any], name: str) -> None:
    raise RAISED[name][0]


@parser.group()
def group_raises() -> None:
    raise RAISED["own"][0]


@group_raises.command(name="leaf")
def group_leaf(command: Command[Any]) -> None:
    command.finish(text="not reached")


class BrokenType(click.ParamType):
    name = "broken"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        raise OwnError("in a parameter type")


@parser.command()
@click.argument("value", type=BrokenType())
def broken_type(command: Command[Any], value: Any) -> None:
    command.finish()


@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("verb", ["raise", "raise-sync"])
async def test_whatever_a_callback_raises_there_is_one_end_with_the_reason(
    actor: Actor, verb: str, name: str
) -> None:
    _, status, reason = RAISED[name]
    command = await run(actor, f"{verb} {name}")
    assert command.status is status
    ends = [reply for code, reply in sent(actor) if code in ":f"]
    assert ends == [{"error": reason.replace("'raise ", f"'{verb} ")}]
    assert (await run(actor, "ping")).status is CommandStatus.DONE


async def test_keyboard_interrupt_stops_the_program(actor: Actor) -> None:
    @parser.command()
    def interrupt(command: Command[Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actor.invoke_mock_command("interrupt")


@pytest.mark.parametrize("body", ["group-raises leaf", "broken-type 5"])
async def test_an_error_before_the_callback_ends_the_command(actor: Actor, body: str) -> None:
    command = await run(actor, body)
    assert command.status is CommandStatus.FAILED
    assert "OwnError" in command.replies[-1].message["error"]


async def test_a_usage_error_is_explained(actor: Actor) -> None:
    await run(actor, "raise-sync usage")
    assert sent(actor)[1] == ("w", {"help": ["BadArgumentUsage: bad"]})


@parser.command()
@click.argument("name")
async def late(command: Command[Any], name: str) -> None:
    command.finish(text="ok")
    raise RAISED[name][0]


@pytest.mark.parametrize(
    ("name", "codes"), [("value", "i"), ("usage", "we"), ("abort", ""), ("cancelled", "")]
)
async def test_an_error_after_the_end_does_not_end_it_again(
    actor: Actor, name: str, codes: str
) -> None:
    command = await run(actor, f"late {name}")
    await asyncio.sleep(0.01)
    assert command.status is CommandStatus.DONE
    assert "".join(code for code, _ in sent(actor)) == ">:" + codes


@pytest.mark.parametrize("body", ["raise-sync value", "raise value", "late value"])
async def test_errors_can_be_passed_to_the_loop_instead_of_the_log(
    actor: Actor, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[BaseException] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: seen.append(context["exception"]))
    actor.parser_raise_on_error = True
    try:
        await run(actor, body)
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert seen == [RAISED["value"][0]]
    assert "failed because of an uncaught error" in str(sent(actor)[-1])
    assert not any(record.exc_info for record in caplog.records)


async def test_what_is_no_exception_does_not_reach_the_loop(
    actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    actor.parser_raise_on_error = True
    command = await run(actor, "raise exit")
    assert command.status is CommandStatus.FAILED
    assert caplog.records[-1].exc_info is not None


async def test_an_empty_command_ends_without_running(actor: Actor) -> None:
    command: Command[Any] = Command("  ", actor=actor).parse()
    assert command.status is CommandStatus.DONE
    assert sent(actor) == [(":", {})]


@pytest.mark.parametrize("body", ['echo "open', "echo end\\"])
async def test_words_that_cannot_be_split_fail(actor: Actor, body: str) -> None:
    assert (await run(actor, body)).status is CommandStatus.FAILED
    assert [code for code, _ in sent(actor)] == [">", "w", "f"]


@parser.command()
@click.argument("x", type=int, nargs=-1)
@click.option("--flag", is_flag=True)
async def numbers(command: Command[Any], x: tuple[int, ...], flag: bool) -> None:
    command.finish(text=f"{x} {flag}")


async def test_negative_numbers_are_arguments(actor: Actor) -> None:
    await run(actor, "numbers 1 -2 --flag -3")
    assert sent(actor)[-1] == (":", {"text": "(1, -2, -3) True"})


async def test_help_anywhere_asks_for_help(actor: Actor) -> None:
    for body in ("numbers 1 --help", "--help numbers", "help numbers"):
        await run(actor, body)
        assert sent(actor)[-1][1]["help"][0] == "Usage: camera numbers [OPTIONS] [X]..."
    await run(actor, "help nope")
    assert sent(actor)[-1] == ("f", {"error": "command nope not found."})


async def test_a_sync_callback_ends_at_once(actor: Actor) -> None:
    command = actor.invoke_mock_command("ping")
    assert command.status is CommandStatus.DONE


@parser.command()
@click.pass_context
async def with_context(ctx: click.Context, command: Command[Any], *args: Any) -> None:
    command.finish(text=f"{ctx.info_name} {command.body} {args} {ctx.obj.get('mine')}")


async def test_the_context_comes_before_the_command_and_the_parser_arguments(
    actor: Actor,
) -> None:
    actor.parser_args = ["a", "b"]
    actor.context_obj = {"mine": 5}
    await run(actor, "with-context")
    assert sent(actor)[-1] == (":", {"text": "with-context with-context ('a', 'b') 5"})


async def test_parser_arguments_are_read_at_each_command(actor: Actor) -> None:
    actor.parser_args = []
    await run(actor, "with-context")
    actor.parser_args = ["new"]
    await run(actor, "with-context")
    assert "('new',)" in sent(actor)[-1][1]["text"]


@parser.group()
@pass_args()
@click.pass_context
def stage(ctx: click.Context, command: Command[Any], *args: Any) -> None:
    command.info(text=f"{ctx.invoked_subcommand} {args}")


@stage.command()
async def move(command: Command[Any], *args: Any) -> None:
    command.finish(text="moved")


@parser.group()
@pass_args()
def gate(command: Command[Any], *args: Any) -> None:
    command.fail(error="closed")
    raise click.Abort


@gate.command(name="pass")
async def gate_pass(command: Command[Any]) -> None:
    command.info(text="not reached")


async def test_a_group_callback_gets_the_context_command_and_arguments(actor: Actor) -> None:
    actor.parser_args = ["a"]
    await run(actor, "stage move")
    assert sent(actor)[1:] == [("i", {"text": "move ('a',)"}), (":", {"text": "moved"})]


async def test_a_group_can_stop_its_subcommand(actor: Actor) -> None:
    await run(actor, "gate pass")
    assert sent(actor) == [(">", {}), ("f", {"error": "closed"})]


async def test_a_group_without_subcommand_is_aborted(actor: Actor) -> None:
    await run(actor, "stage")
    assert sent(actor)[-1] == ("f", {"error": "Command 'stage' was aborted."})


@parser.command()
@unique()
async def only(command: Command[Any]) -> None:
    await asyncio.sleep(0.05)
    command.finish()


async def test_a_unique_command_fails_while_it_runs(actor: Actor) -> None:
    first = actor.invoke_mock_command("only", 1)
    second = actor.invoke_mock_command("only", 2)
    assert second.status is CommandStatus.FAILED
    name = "camera-command-parser_only"
    assert second.replies[-1].message == {
        "error": f"Another command with name {name} is already running."
    }
    assert (await first).status is CommandStatus.DONE
    assert get_running_tasks(name) is None
    assert (await run(actor, "only")).status is CommandStatus.DONE


@parser.command()
@timeout(0.05)
async def slow(command: Command[Any]) -> None:
    await asyncio.sleep(60)


async def test_a_timeout_ends_the_command_and_its_callback(actor: Actor) -> None:
    command = await run(actor, "slow")
    assert command.status is CommandStatus.TIMEDOUT
    assert sent(actor)[-1] == ("f", {"error": "Command timed out after 0.05 seconds."})
    await asyncio.sleep(0)
    assert get_running_tasks("camera-command-parser_slow") is None


async def test_a_time_limit_ends_the_callback_too(actor: Actor) -> None:
    command: Command[Any] = Command("forever 1", actor=actor, time_limit=0.02)
    command.parse()
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert command.status is CommandStatus.TIMEDOUT
    await asyncio.sleep(0)
    assert get_running_tasks("camera-command-parser_forever") is None


@parser.command(cancellable=True)
@click.argument("where", type=float)
async def forever(command: Command[Any], where: float) -> None:
    command.info(text=get_current_command_name())
    await asyncio.sleep(60)


async def test_a_cancellable_command_is_stopped_without_its_arguments(actor: Actor) -> None:
    command = actor.invoke_mock_command("forever 5", 1)
    await asyncio.sleep(0)
    stop = actor.invoke_mock_command("forever --stop", 2)
    assert stop.replies[-1].message == {"text": "Command has been scheduled for cancellation."}
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert command.status is CommandStatus.CANCELLED
    assert command.replies[-1].message == {"error": "This command has been cancelled."}


async def test_to_stop_what_does_not_run_fails_and_starts_nothing(actor: Actor) -> None:
    command = await run(actor, "forever --stop")
    assert command.status is CommandStatus.FAILED
    assert sent(actor)[-1] == (
        "f",
        {"error": "Cannot find running command camera-command-parser_forever."},
    )
    assert get_running_tasks("camera-command-parser_forever") is None


async def test_a_cancellable_command_runs_once_at_a_time(actor: Actor) -> None:
    name = "camera-command-parser_forever"
    one, two = (actor.invoke_mock_command(f"forever {i}", i) for i in range(2))
    await asyncio.sleep(0)
    assert two.status is CommandStatus.FAILED
    assert two.replies[-1].message == {"error": f"Another command {name} is already running."}
    stop = actor.invoke_mock_command("forever --stop", 2)
    assert stop.status is CommandStatus.DONE
    await asyncio.wait_for(asyncio.shield(one), 5)
    assert one.status is CommandStatus.CANCELLED
    await asyncio.sleep(0)
    again = actor.invoke_mock_command("forever 5", 3)
    await asyncio.sleep(0)
    assert again.status is CommandStatus.RUNNING
    assert cancel_command(name)
    await asyncio.wait_for(asyncio.shield(again), 5)


@parser.command()
async def endless(command: Command[Any]) -> None:
    await asyncio.sleep(60)


async def test_a_command_is_cancelled_by_name_and_can_keep_the_last(actor: Actor) -> None:
    name = "camera-command-parser_endless"
    commands = [actor.invoke_mock_command("endless", i) for i in range(3)]
    await asyncio.sleep(0)
    assert len(get_running_tasks(name) or []) == 3
    assert cancel_command(name, keep_last=True)
    await asyncio.wait_for(asyncio.gather(*commands[:2]), 5)
    assert [c.status.name for c in commands] == ["CANCELLED", "CANCELLED", "RUNNING"]
    assert cancel_command(name)
    await asyncio.wait_for(asyncio.shield(commands[2]), 5)
    assert not cancel_command(name)
    with pytest.raises(ValueError, match="Cannot find any running command"):
        cancel_command(name, ok_no_exists=False)


@parser.command(internal=True)
async def secret(command: Command[Any]) -> None:
    command.info(text="x")
    command.finish()


async def test_the_replies_of_an_internal_command_are_internal(actor: Actor) -> None:
    command = await run(actor, "secret")
    assert [reply.internal for reply in command.replies] == [True, True, True]


def doubling(f: Any) -> Any:
    @click.option("--times", type=int, default=2)
    @functools.wraps(f)
    def wrapper(command: Command[Any], *args: Any, times: int, **kwargs: Any) -> Any:
        command.info(text=str(times))
        return f(command, *args, **kwargs)

    return wrapper


@parser.command()
@doubling
async def wrapped(command: Command[Any]) -> None:
    await asyncio.sleep(0)
    command.finish(text="wrapped")


async def test_the_coroutine_behind_a_decorator_runs(actor: Actor) -> None:
    await run(actor, "wrapped --times 3")
    assert sent(actor)[1:] == [("i", {"text": "3"}), (":", {"text": "wrapped"})]


@parser.command()
@click.argument("number", type=int)
async def context_later(command: Command[Any], number: int) -> None:
    async def child() -> int:
        await asyncio.sleep(0.01)
        return int(click.get_current_context().params["number"])

    await asyncio.sleep(0.01 * (5 - number))
    task = asyncio.create_task(child())
    command.finish(text=f"{click.get_current_context().params['number']} {await task}")


async def test_each_of_many_commands_and_their_tasks_sees_its_own_context(actor: Actor) -> None:
    commands = [actor.invoke_mock_command(f"context-later {i}", i) for i in range(5)]
    await asyncio.wait_for(asyncio.gather(*commands), 5)
    assert [c.replies.get("text") for c in commands] == [f"{i} {i}" for i in range(5)]


@parser.command(name="my-context")
@click.argument("number", type=int)
def my_context(command: Command[Any], number: int) -> None:
    assert command.context is not None
    command.finish(text=f"{command.context.info_name} {command.context.params}")


async def test_the_context_of_a_command_has_its_arguments(actor: Actor) -> None:
    await run(actor, "my-context 5")
    assert actor.mock_replies[-1]["text"] == "my-context {'number': 5}"
    refused = await run(actor, "my-context five")
    assert refused.context is None


class Watched(CluCommand):
    """A command that notes how its tasks are run and end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.noted: list[object] = []

    async def _schedule_callback(self, ctx: click.Context, timeout: float | None = None) -> Any:
        self.noted.append(timeout)
        return await super()._schedule_callback(ctx, timeout)

    def done_callback(self, task: Any, exception_handler: Any = None) -> bool:
        self.noted.append(task.exception())
        return super().done_callback(task, exception_handler=exception_handler)


async def test_a_subclass_can_run_the_callback_and_see_its_task_end(actor: Actor) -> None:
    async def fail(command: Command[Any]) -> None:
        raise ValueError("kaput")

    async def work(command: Command[Any]) -> None:
        command.finish()

    failing, working = (Watched(f.__name__, callback=f) for f in (timeout(5)(fail), work))
    actor.parser = CluGroup(commands=[failing, working])
    assert (await run(actor, "fail")).status is CommandStatus.FAILED
    assert "ValueError: kaput" in actor.mock_replies[-1]["error"]
    assert failing.noted[0] == 5
    assert isinstance(failing.noted[1], ValueError)
    assert (await run(actor, "work")).status is CommandStatus.DONE
    await asyncio.sleep(0)
    assert working.noted == [None, None]


def test_no_command_is_called_none() -> None:
    assert get_running_tasks(None) == []
    assert get_running_tasks("nope") is None


async def test_no_context_is_left_behind(actor: Actor) -> None:
    for body in ("ping", "raise value", "nope", 'bad "quote', "stage move", "gate pass"):
        await run(actor, body)
    assert click.get_current_context(silent=True) is None


@pytest.mark.parametrize(
    ("body", "status"), [("ping", CommandStatus.DONE), ("nope", CommandStatus.FAILED)]
)
async def test_a_child_command_ends_and_the_parent_goes_on(
    actor: Actor, body: str, status: CommandStatus
) -> None:
    parent: Command[Any] = Command("parent", actor=actor)
    child = await asyncio.wait_for(parent.child_command(body), 5)
    assert child.status is status
    assert parent.status is CommandStatus.READY
    assert all(code not in ":f>" for code, _ in sent(actor))


async def test_unknown_commands_are_named(actor: Actor) -> None:
    await run(actor, "nope 1 2")
    assert sent(actor)[-1] == (
        "f",
        {"error": "Command 'nope 1 2' does not exist or cannot be parsed."},
    )


async def test_a_click_command_can_be_added_and_replaced(actor: Actor) -> None:
    @click.command(cls=CluCommand, name="version")
    async def own_version(command: Command[Any]) -> None:
        command.finish(text="mine")

    original = parser.commands.pop("version")
    parser.add_command(own_version)
    try:
        await run(actor, "version")
        assert sent(actor)[-1] == (":", {"text": "mine"})
    finally:
        parser.add_command(original)


async def test_a_command_may_be_called_like_a_builtin(actor: Actor) -> None:
    @parser.command()
    def set(command: Command[Any]) -> None:  # noqa: A001
        command.finish(text="set")

    await run(actor, "set")
    assert sent(actor)[-1] == (":", {"text": "set"})


async def test_aliases_work(actor: Actor) -> None:
    @parser.command(aliases=["st", "stat"])
    def status(command: Command[Any]) -> None:
        command.finish(text="status")

    await run(actor, "st")
    assert sent(actor)[-1] == (":", {"text": "status"})


async def test_the_command_model_is_what_unclick_takes(actor: Actor) -> None:
    from unclick import build_command_string

    await run(actor, "get-command-model forever")
    model = sent(actor)[-1][1]["command_model"]
    assert model["name"] == "forever"
    assert build_command_string(model, 1.5) == "forever 1.5"
    await run(actor, "get-command-model")
    assert "numbers" in sent(actor)[-1][1]["command_model"]["commands"]
    await run(actor, "get-command-model nope")
    assert sent(actor)[-1] == ("f", {"error": "Cannot find command nope."})


async def test_who_cancels_what_a_callback_awaits_can_fail_its_command_with_a_reason(
    actor: Actor,
) -> None:
    waiting = asyncio.get_running_loop().create_future()

    @parser.command()
    async def expose(command: Command[Any]) -> None:
        await waiting

    command = actor.invoke_mock_command("expose", 1)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    command.fail(error="aborted")
    await asyncio.sleep(0.01)
    assert command.status is CommandStatus.FAILED
    assert sent(actor) == [(">", {}), ("f", {"error": "aborted"})]


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_timeout_inside_a_callback_is_one_of_its_command(
    actor: Actor, is_async: bool
) -> None:
    async def later(command: Command[Any]) -> None:
        raise asyncio.TimeoutError

    def now(command: Command[Any]) -> None:
        raise asyncio.TimeoutError

    parser.command(name="late-answer")(later if is_async else now)
    command = await run(actor, "late-answer")
    assert command.status is CommandStatus.TIMEDOUT
    assert sent(actor)[-1] == ("f", {"error": "Command timed out after None seconds."})


async def test_a_command_without_an_actor_runs_and_ends(actor: Actor) -> None:
    ran = []

    @parser.command(name="mine")
    @click.argument("x", type=int)
    async def mine(command: Command[Any], x: int) -> None:
        ran.append(x)
        command.finish()

    for body, status in {
        "mine -1": "DONE",
        "mine": "FAILED",
        "raise value": "FAILED",
        "raise cancelled": "CANCELLED",
        "late value": "DONE",
        "late usage": "DONE",
        "nope": "FAILED",
        "help": "FAILED",
        "things": "FAILED",
    }.items():
        command: Command[Any] = Command(body)
        actor.parse_command(command)
        await asyncio.wait_for(asyncio.shield(command), 5)
        await asyncio.sleep(0.01)
        assert command.status.name == status, body
    assert ran == [-1]
    assert sent(actor) == []


@parser.group()
def things(*args: Any) -> None:
    """Some things."""


@things.command(name="first")
def first(command: Command[Any]) -> None:
    """The first."""
    command.finish()


async def test_a_group_without_a_subcommand_answers_with_its_help(actor: Actor) -> None:
    command = await run(actor, "things")
    assert command.status is CommandStatus.FAILED
    (_, (code, message), end) = sent(actor)
    assert (code, end) == ("w", ("f", {"error": "Command 'things' was aborted."}))
    assert message["help"][0] == "Usage: camera things [OPTIONS] COMMAND [ARGS]..."
    assert "  first  The first." in message["help"]
    await run(actor, "help things")
    assert sent(actor)[-1] == (":", message)


async def test_a_command_can_ask_for_its_help_without_arguments(actor: Actor) -> None:
    @parser.command(no_args_is_help=True)
    @click.argument("x", required=False)
    def helpless(command: Command[Any], x: str) -> None:
        command.finish()

    assert (await run(actor, "helpless")).status is CommandStatus.FAILED
    if hasattr(click.exceptions, "NoArgsIsHelpError"):  # since click 8.2
        assert sent(actor)[-2][1]["help"][0].startswith("NoArgsIsHelpError: Usage: ")
    assert (await run(actor, "helpless 5")).status is CommandStatus.DONE


@pytest.mark.parametrize("kind", [JSONActor, LegacyActor])
async def test_an_unknown_command_is_a_usage_error_for_legacy_clients(kind: Any) -> None:
    other = await setup_test_actor(kind("camera", "localhost", 0))
    command = await run(other, "nope")
    text = str(command.replies[-2].message["help"])
    name = "NoSuchCommand" if hasattr(click.exceptions, "NoSuchCommand") else "UsageError"
    assert f"{'UsageError' if kind is LegacyActor else name}: No such command 'nope'." in text


async def test_the_command_and_parser_arguments_come_before_what_click_passes(
    actor: Actor,
) -> None:
    taken: list[Any] = []

    @parser.group()
    @click.pass_obj
    @click.pass_context
    @pass_args()
    def above(*args: Any) -> None:
        taken.extend(type(arg).__name__ for arg in args)

    @above.command()
    @click.pass_context
    def within(ctx: click.Context, command: Command[Any], *args: Any) -> None:
        # A command sees the commands beside it, and the context only what is for it.
        taken.append(list(ctx.command.commands))  # type: ignore[attr-defined]
        taken.append(sorted(ctx.obj))
        command.finish()

    actor.parser_args = [5]
    await run(actor, "above within")
    assert taken == ["Command", "int", "Context", "dict", ["within"], ["parser_args"]]
    with pytest.raises(AttributeError, match="'lonely' has no 'commands'"):
        CluCommand("lonely").commands


async def test_the_command_model_is_that_of_unclick(actor: Actor) -> None:
    from unclick import command_to_json

    await run(actor, "get-command-model")
    assert sent(actor)[-1][1]["command_model"] == json.loads(command_to_json(Actor.parser))


async def test_a_command_model_has_commands_that_json_has_no_values_for(actor: Actor) -> None:
    class Color(enum.Enum):
        RED = "red"

    def now() -> float:
        return 1.0

    defaults: list[Any] = [
        now,
        pathlib.Path("a/b"),
        Color.RED,
        {"b", "a"},
        b"c",
        datetime.date(2026, 1, 2),
    ]
    params: list[click.Parameter] = [
        click.Option([f"--x{number}"], default=default) for number, default in enumerate(defaults)
    ]
    params.append(click.Option(["--y"], type=now))
    Actor.parser.add_command(click.Command("odd", params=params))
    try:
        command = await run(actor, "get-command-model odd")
    finally:
        del Actor.parser.commands["odd"]
    assert command.status.did_succeed
    found = sent(actor)[-1][1]["command_model"]["params"]
    assert [item["default"] for item in found[:7]] == [
        *("(dynamic)", "a/b", "RED", ["a", "b"], "c", "2026-01-02", None)
    ]


async def test_the_command_model_is_an_internal_reply(actor: Actor) -> None:
    command = await run(actor, "get-command-model ping")
    assert command.replies[-1].internal is True


async def test_the_command_model_is_a_line_of_json_for_legacy_clients() -> None:
    legacy = await setup_test_actor(LegacyActor("camera", "localhost", 0))
    command = await run(legacy, "get-command-model ping")  # type: ignore[arg-type]
    assert command.status is CommandStatus.DONE
    text = command.replies[-1].message["command_model"]
    assert "\n" not in text
    assert json.loads(text)["name"] == "ping"
    # The text is a string in the line, which has quotes of its own.
    line = legacy.mock_replies[-1]["command_model"]  # type: ignore[attr-defined]
    assert json.loads(line) == text


async def test_help_and_what_tells_of_the_actor_is_not_logged(
    actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    for body, data in {"help": "Usage", "get-command-model": '"params"', "help nope": None}.items():
        caplog.clear()
        await run(actor, body)
        texts = [record.getMessage() for record in caplog.records]
        if data is None:
            assert texts[-1].endswith('"data": {"error": "command nope not found."}}')
        else:
            assert not any(data in text for text in texts), body
            assert texts[0] == (
                f"New command received: 'camera {body}' (commander_id=666, command_id=1)"
            )


async def test_a_command_cannot_forge_a_line_of_the_log(
    actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    actor.invoke_mock_command("ping\r\nERROR\x1b[2J \x85 x", 1)
    assert "New command received: 'camera ping\\r\\nERROR\\x1b[2J \\x85 x' (" in caplog.text


async def test_the_record_of_an_uncaught_error_comes_after_the_reply(
    actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    await run(actor, "raise value")
    *_, reply, record = caplog.records
    assert "failed because of an uncaught error" in reply.getMessage()
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        "Command 'raise value' failed with error:",
    )
    assert record.exc_info is not None


async def test_coroutine_helpers_take_functions_and_coroutine_functions() -> None:
    async def double(x: int) -> int:
        return 2 * x

    assert await coro_helper(double, 2) == 4
    assert await coro_helper(lambda x: x + 1, 2) == 3
    assert coroutine(double) is double
    assert await coroutine(lambda: 5)() == 5


def test_there_is_one_parser_for_the_process() -> None:
    names = {"ping", "version", "get_schema", "help", "get-command-model", "keyword"}
    assert names <= set(command_parser.commands)
    assert JSONActor.parser is command_parser
