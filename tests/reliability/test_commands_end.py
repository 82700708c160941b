"""Commands always end, exactly once, on each kind of actor."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import click
import numpy
import pytest

from clu import Command, CommandStatus
from clu.exceptions import CluTypeError
from clu.parsers._tasks import _running
from clu.parsers.click import (
    CluGroup,
    cancel_command,
    get_current_command_name,
    pass_args,
)

from ..waiting import until
from .actors import Peer, ends, errors, invoke, make_offline, parser, run
from .programs import check_interrupt
from .raising import BODIES, COMMANDS, ERRORS, UNTOLD


@pytest.mark.parametrize("name", ERRORS)
async def test_whatever_is_raised_wherever_there_is_one_end_with_a_reason(
    offline: Any, name: str
) -> None:
    for place, body in COMMANDS.items():
        offline.mock_replies.clear()
        command = await run(offline, body.format(name))
        assert command.status.did_fail, place
        (end,) = ends(offline)
        assert end["error"].strip('"'), place
        if name not in UNTOLD:
            assert "reason" in str([dict(reply) for reply in offline.mock_replies]), place
        assert (await run(offline, "ping", 2)).status is CommandStatus.DONE
    assert get_running(offline) == []


async def test_whatever_is_raised_the_connection_lives_on(peer: Peer) -> None:
    for number, body in enumerate(BODIES, 1):
        peer.send(f"{number} {body}")
    ended: list[Any] = []
    while len(ended) < len(BODIES):
        answer = await peer.answer()
        if answer.code in (":", "f"):
            assert answer.code == "f", answer
            ended.append(answer.command_id)
    assert sorted(ended) == list(range(1, len(BODIES) + 1))
    # Had one ended twice, its second end would come before this.
    assert [(a.command_id, a.code) for a in await peer.ask("0 ping")] == [(0, ">"), (0, ":")]


def get_running(actor: Any) -> list[str]:
    return [name for name in _running if name.startswith(f"{actor.name}-")]


@parser.group(name="async-group")
@pass_args()
@click.pass_context
async def async_group(ctx: click.Context, command: Command[Any]) -> None:
    command.info(text=f"before {ctx.invoked_subcommand}")
    await asyncio.sleep(0.01)
    command.info(text=f"after {get_current_command_name()}")


@async_group.command(name="leaf")
@click.argument("x", type=int)
async def async_group_leaf(command: Command[Any], x: int) -> None:
    await asyncio.sleep(0)
    command.finish(text=f"leaf {x} {get_current_command_name()}")


async def test_the_callback_of_a_group_may_be_a_coroutine_function(offline: Any) -> None:
    await run(offline, "async-group leaf -5")
    said = [reply["text"].strip('"') for reply in offline.mock_replies if "text" in reply]
    assert said == [
        "before leaf",
        "after camera-command-parser_async-group",
        "leaf -5 camera-command-parser_async-group_leaf",
    ]
    assert (await run(offline, "async-group leaf five", 2)).status is CommandStatus.FAILED
    assert (await run(offline, "async-group nothing", 3)).status is CommandStatus.FAILED
    assert len(ends(offline, 2)) == len(ends(offline, 3)) == 1


INTERRUPTED = """
class Actor(getattr(clu, sys.argv[1])):
    pass
Actor.parser = parser

async def main():
    actor = Actor("camera", "localhost", port=0)
    actor.log.sh.setLevel(100)
    await actor.start()
    _, writer = await asyncio.open_connection("localhost", actor.port)
    writer.write(sys.argv[2].encode() + b"\\n")
    await asyncio.sleep(20)
    print("went on")
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("verb", ["sync", "async"])
@pytest.mark.parametrize("class_name", ["JSONActor", "LegacyActor"])
def test_keyboard_interrupt_in_a_callback_stops_the_program(
    class_name: str, verb: str, loop: str
) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    check_interrupt(INTERRUPTED, loop, class_name, verb)


# --- terminal replies that cannot be sent -------------------------------------------------------


class Custom:
    """An object that no transport knows."""


VALUES: dict[str, Any] = {
    "bytes": b"bytes",
    "array": numpy.arange(3),
    "set": {1, 2},
    "object": Custom(),
    "nested": {"a": [{"b": Custom()}]},
    "itself": None,
}
VALUES["itself"] = [VALUES["itself"]]
VALUES["itself"].append(VALUES["itself"])


@parser.command(name="end-with")
@click.argument("name")
@click.option("--fail", is_flag=True)
@click.option("--validate/--no-validate")
async def end_with(command: Command[Any], name: str, fail: bool, validate: bool) -> None:
    end = command.fail if fail else command.finish
    end(good=1, image=VALUES[name], validate=validate)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("flags", ["", "--fail", "--validate", "--fail --validate"])
async def test_a_last_reply_that_cannot_be_sent_is_an_error_and_the_command_ends(
    offline: Any, name: str, flags: str
) -> None:
    command = await run(offline, f"end-with {name} {flags}")
    (end,) = ends(offline)
    if "image" in end:
        assert command.status is (CommandStatus.FAILED if "fail" in flags else CommandStatus.DONE)
    else:
        assert "'image'" in errors(offline)


@parser.command(name="end-later")
async def end_later(command: Command[Any]) -> None:
    """Hand the command to code that does not know of commands that fail."""
    asyncio.get_running_loop().call_soon(lambda: command.finish(image=VALUES["itself"]))


async def test_a_last_reply_that_cannot_be_sent_ends_the_command_outside_its_callback_too(
    offline: Any,
) -> None:
    command = await run(offline, "end-later")
    assert command.status is CommandStatus.DONE
    assert ends(offline) == [{}]
    assert "'image'" in errors(offline)


@parser.command(name="end-outside")
async def end_outside(command: Command[Any]) -> None:
    command.finish(unheard_of=1)


@pytest.mark.parametrize("kind", ["json", "legacy", "amqp"])
async def test_a_last_reply_outside_the_schema_is_an_error_and_the_command_ends(kind: str) -> None:
    actor = await make_offline(kind, additional_properties=False)
    command = await run(actor, "end-outside")
    assert command.status is CommandStatus.DONE
    assert ends(actor) == [{}]
    assert "unheard_of" in errors(actor)


async def test_nothing_that_was_written_disappears_without_a_word(offline: Any) -> None:
    for number, value in enumerate(VALUES.values()):
        offline.mock_replies.clear()
        told = ""
        try:
            offline.write("i", {f"key{number}": value}, validate=False)
        except CluTypeError as error:  # a legacy actor tells its caller, as it always has
            told = str(error)
        await asyncio.sleep(0)
        said = any(f"key{number}" in reply for reply in offline.mock_replies)
        assert said or f"'key{number}'" in told + errors(offline)


# --- time limits and cancelling -----------------------------------------------------------------


async def test_a_time_limit_stops_the_callback_and_leaves_no_task_or_timer(offline: Any) -> None:
    tasks = len(asyncio.all_tasks())
    command: Command[Any] = Command("wait", actor=offline, time_limit=0.02)
    command.parse()
    task = command._task
    assert task is not None
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert command.status is CommandStatus.TIMEDOUT
    await asyncio.wait([task], timeout=5)
    assert task.done()
    assert command._timer is None
    assert len(asyncio.all_tasks()) == tasks
    assert get_running(offline) == []
    assert sum(reply.flag == "f" for reply in offline.mock_replies) == 1


@pytest.mark.parametrize("how", ["time limit", "cancel"])
async def test_the_children_of_a_command_that_is_cut_off_end_too(offline: Any, how: str) -> None:
    limit = 0.5 if how == "time limit" else None
    command: Command[Any] = Command("parent wait", actor=offline, time_limit=limit)
    command.parse()
    if how == "cancel":
        await until(lambda: "camera-command-parser_wait" in _running)
        assert cancel_command("camera-command-parser_parent")
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert command.status.did_fail
    assert "waiting" in str(offline.mock_replies)
    await until(lambda: get_running(offline) == [])


async def test_a_child_that_has_ended_is_forgotten_by_its_parent(offline: Any) -> None:
    command = await invoke(offline, "wait")
    await asyncio.wait_for(command.child_command("ping"), 5)
    child = weakref.ref(command.child_command("ping"))
    await asyncio.sleep(0.01)
    gc.collect()
    assert child() is None
    cancel_command("camera-command-parser_wait")
    await asyncio.wait_for(asyncio.shield(command), 5)


@pytest.mark.parametrize("body", ["nonsense", "count --what", 'echo "open', "echo"])
async def test_a_child_that_cannot_be_parsed_fails_with_its_reason_and_the_parent_goes_on(
    offline: Any, body: str
) -> None:
    command = await invoke(offline, "wait")
    child = command.child_command(body)
    await asyncio.wait_for(asyncio.shield(child), 5)
    assert child.status is (CommandStatus.DONE if body == "count --what" else CommandStatus.FAILED)
    if child.status is CommandStatus.FAILED:
        assert "cannot be parsed" in errors(offline)
    assert ends(offline) == []
    assert not command.done()
    cancel_command("camera-command-parser_wait")
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert len(ends(offline)) == 1


async def test_to_stop_what_does_not_run_fails_and_starts_nothing(offline: Any) -> None:
    command = await run(offline, "single --stop")
    assert command.status is CommandStatus.FAILED
    assert "Cannot find running command" in errors(offline)
    assert command._task is None
    assert get_running(offline) == []


async def test_a_running_command_is_stopped_and_both_end_once(offline: Any) -> None:
    command = await invoke(offline, "single", 1)
    await asyncio.sleep(0)
    await run(offline, "single --stop", 2)
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert command.status is CommandStatus.CANCELLED
    assert len(ends(offline, 1)) == len(ends(offline, 2)) == 1


@pytest.mark.parametrize("body", ["wait", "async-group leaf 5"])
async def test_a_command_that_is_cancelled_before_it_begins_ends(offline: Any, body: str) -> None:
    command = await invoke(offline, body)
    assert command._task is not None
    command._task.cancel()
    await asyncio.wait_for(asyncio.shield(command), 5)
    assert command.status is CommandStatus.CANCELLED
    assert len(ends(offline)) == 1
    assert get_running(offline) == []


async def test_a_command_and_its_stop_in_one_packet_both_end(peer: Peer) -> None:
    peer.send("1 single\n2 single --stop")
    answers = await peer.answers()
    answers += await peer.answers()
    assert sorted((a.command_id, a.code) for a in answers if a.code in ":f") == [(1, "f"), (2, ":")]


async def test_a_unique_command_fails_while_another_runs_and_not_later(offline: Any) -> None:
    first = await invoke(offline, "only", 1)
    assert (await run(offline, "only", 2)).status is CommandStatus.FAILED
    assert "is already running" in errors(offline)
    cancel_command("camera-command-parser_only")
    await asyncio.wait_for(asyncio.shield(first), 5)
    await until(lambda: get_running(offline) == [])
    third = await invoke(offline, "only", 3)
    assert third.status is CommandStatus.RUNNING
    cancel_command("camera-command-parser_only")
    await asyncio.wait_for(asyncio.shield(third), 5)


@parser.command(name="who-am-i")
@click.argument("number", type=int)
async def who_am_i(command: Command[Any], number: int) -> None:
    async def later() -> click.Context:
        await asyncio.sleep(0)
        return click.get_current_context()

    names = [get_current_command_name()]
    await asyncio.sleep(0.001 * (number % 7))
    other = await asyncio.create_task(later())
    same = click.get_current_context() is other is command.context
    names.append(get_current_command_name())
    numbers = {click.get_current_context().params["number"], other.params["number"], number}
    command.finish(text=f"{set(names)} {len(numbers)} {same}")


async def test_many_commands_at_once_see_their_own_context_and_leave_none(offline: Any) -> None:
    commands = [await invoke(offline, f"who-am-i {number}", number) for number in range(200)]
    await asyncio.wait_for(asyncio.gather(*commands), 20)
    said = {reply["text"].strip('"') for reply in offline.mock_replies if "text" in reply}
    assert said == {"{'camera-command-parser_who-am-i'} 1 True"}
    assert click.get_current_context(silent=True) is None


@pytest.mark.parametrize("body", ["", "   ", "\t"])
async def test_an_empty_command_ends_on_every_transport(offline: Any, body: str) -> None:
    command: Command[Any] = Command(body, actor=offline, command_id=1)
    command.parse()
    assert command.status is CommandStatus.DONE
    assert [reply.flag for reply in offline.mock_replies] == [":"]


@pytest.mark.parametrize("line", ["5", "5 "])
async def test_a_command_that_is_only_an_id_ends(kind: str, peer: Peer, line: str) -> None:
    end = (await peer.ask(line))[-1]
    assert end.code == "f"
    assert end.command_id == (5 if kind == "legacy" else 0)


async def test_a_timeout_ends_a_command_once(offline: Any) -> None:
    command = await run(offline, "slow")
    assert command.status is CommandStatus.TIMEDOUT
    await until(lambda: get_running(offline) == [])
    assert len(ends(offline)) == 1


async def test_the_same_id_twice_at_once_is_answered_twice(peer: Peer) -> None:
    peer.send("5 sleep 0.1")
    peer.send("5 sleep 0.05")
    peer.send("5 ping")
    codes = []
    while codes.count(":") < 3:
        answer = await peer.answer()
        assert answer.command_id == 5
        codes.append(answer.code)
    assert sorted(codes) == [":", ":", ":", ">", ">", ">"]


def test_a_program_of_click_in_the_same_process_keeps_its_own_context() -> None:
    @click.group(cls=CluGroup)
    def other() -> None: ...

    with click.Context(other) as ctx:
        assert click.get_current_context() is ctx
    assert click.get_current_context(silent=True) is None
