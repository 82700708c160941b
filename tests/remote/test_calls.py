"""Calls of commands, over each transport."""

from __future__ import annotations

import asyncio
import logging
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from clu.exceptions import (
    CommandError,
    CommandFailed,
    CommandsFailed,
    CommandTimeout,
    InvalidArguments,
    InvalidCommand,
)
from clu.remote import CommandResult, Retries

from ..waiting import until
from . import actors

if TYPE_CHECKING:
    from clu.base import Reply
    from clu.remote import RemoteActor


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    actors.attempts.clear()


def text(result: CommandResult) -> Any:
    """Return the first text."""
    return plain(result.get("text"))


def plain(value: Any) -> Any:
    """Return a value, which a hub that does not know its type has as a string in a list."""
    found = value[0] if isinstance(value, list) else value
    return int(found) if isinstance(found, str) and found.isdigit() else found


async def test_a_call_is_a_command_with_its_options(remote: RemoteActor) -> None:
    result = await remote.expose(
        900, flavour="dark", note=["a b", "-c"], window=(0, 0, -10, 10), timeout_=3, read=False
    )
    assert result.actor == "camera"
    assert result.command == (
        "expose --flavour dark --note 'a b' --note=-c --timeout 3 --window 0 0 -10 10 --no-read 900"
    )
    assert text(result) == repr(
        (
            900.0,
            {
                "flavour": "dark",
                "note": ("a b", "-c"),
                "timeout": 3.0,
                "window": (0, 0, -10, 10),
                "read": False,
                "count": 1,
                "lambda_": None,
            },
        )
    )
    assert result.status.did_succeed
    assert [reply.message_code.value for reply in result.replies] == [">", "i", "i", ":"]
    assert plain(result.get("state")) == "exposing"
    assert plain(result.last("state")) == "idle"
    assert plain(result.flatten()["state"]) == "idle"
    assert result.get("nothing", 3) == 3


async def test_commands_are_found_by_names_of_python(remote: RemoteActor) -> None:
    assert text(await remote.power.on("a", "-b", "", port=-3)) == "(-3, ('a', '-b', ''))"
    assert text(await remote.power.on()) == "(None, ())"
    assert text(await remote.power.cycle_all(port=1, power_port=2)) == "(2, 1)"
    assert text(await remote["power"]["cycle-all"]()) == "(None, None)"
    assert text(await remote.power.started_()) == "at noon"
    assert text(await remote.class_("word")) == "('word', None)"
    assert text(await remote.secret()) == "secret"
    assert (await remote("ping", timeout=20)).status.did_succeed


async def test_replies_are_given_to_a_callback_as_they_come(remote: RemoteActor) -> None:
    got: list[Reply] = []
    slowly: list[Any] = []

    async def slow(reply: Reply) -> None:
        await asyncio.sleep(0)
        slowly.append(reply)

    result = await remote.count(3, on_reply=got.append)
    assert got == result.replies
    result = await remote.count(3, on_reply=slow)
    await until(lambda: slowly == result.replies)


async def test_replies_can_be_taken_while_it_runs(remote: RemoteActor) -> None:
    async with remote.count.started(3) as run:
        numbers = [plain(reply.body["number"]) async for reply in run]
        result = await run.result()
    assert numbers == [0, 1, 2]
    assert plain(result.last("number")) == 2
    assert run.done
    assert run.missed == 0


async def test_a_command_can_be_waited_for_no_longer(remote: RemoteActor) -> None:
    async with remote.sleep.started() as run:
        async for reply in run:
            assert plain(reply.body["text"]) == "sleeping"
            assert not run.done
            run.cancel()
        with pytest.raises(CommandFailed, match="cancelled by this program"):
            await run.result()
    async with remote.sleep.started() as run:
        with pytest.raises(CommandTimeout, match=r"not ended within 0\.05 s"):
            await run.result(timeout=0.05)
    await until(lambda: run.done)
    assert (await remote.ping()).status.did_succeed
    task = asyncio.ensure_future(remote.sleep())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_is_an_error_with_the_reason(remote: RemoteActor) -> None:
    with pytest.raises(CommandFailed) as caught:
        await remote.flaky(1)
    error = caught.value
    assert (error.actor, error.command) == ("camera", "flaky 1")
    assert "Failure 1." in error.error
    assert error.replies[-1].message_code == "f"
    assert len(actors.attempts) == 1


async def test_a_command_that_takes_too_long_is_an_error(remote: RemoteActor) -> None:
    with pytest.raises(CommandTimeout, match=r"camera sleep: not ended within 0\.05 s\.") as caught:
        await remote.sleep(timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, CommandFailed)


async def test_what_fails_is_sent_again(
    remote: RemoteActor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "clu"):
        result = await remote.flaky(2, retries=Retries(3, delay=0.01))
    assert text(result) == "attempt 3"
    assert len(set(actors.attempts)) == 3
    first, second = [line for line in caplog.messages if "Trying again" in line]
    assert "camera flaky 2: " in first
    assert "Failure 1." in first
    assert "(1 of 3)" in first
    assert "(2 of 3)" in second
    actors.attempts.clear()
    with pytest.raises(CommandFailed, match="Failure 2"):
        await remote.flaky(2, retries=Retries(1, delay=0))
    actors.attempts.clear()
    result = await remote.flaky(1, hang=True, timeout=0.2, retries=Retries(1, delay=0))
    assert text(result) == "attempt 2"


def test_delays_grow_to_half_a_minute() -> None:
    delays = [Retries(100, delay=1.0).delay_before(attempt) for attempt in (1, 2, 3, 6, 7, 2000)]
    for delay, least in zip(delays, [1, 2, 4, 32, 32, 32], strict=True):
        assert least <= delay <= least + 0.1


async def test_what_is_not_valid_is_not_sent(remote: RemoteActor) -> None:
    with pytest.raises(InvalidCommand) as caught:
        await remote.expose(900, flavour="drak", retries=3)
    error = caught.value
    assert isinstance(error, ValueError)
    assert (error.actor, error.command, error.parameter) == ("camera", "expose", "flavour")
    assert str(error) == (
        "camera expose: flavour must be one of 'bias', 'dark', 'object', not 'drak'. "
        "Did you mean dark?"
    )
    assert error.replies == []
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.parameter) == (str(error), "flavour")
    with pytest.raises(InvalidArguments) as wrong:
        await remote.expose("long")
    assert isinstance(wrong.value, TypeError)
    with pytest.raises(InvalidArguments, match="timeout must be greater than 0"):
        await remote.ping(timeout=0)
    with pytest.raises(InvalidArguments, match="timeout must be greater than 0, not '3'"):
        await remote.ping(timeout="3")
    with pytest.raises(InvalidArguments, match="timeout must be greater than 0, not nan"):
        await remote.ping(timeout=float("nan"))
    assert (await remote.ping(timeout=float("inf"))).status.did_succeed
    with pytest.raises(InvalidArguments, match="retries must be a number of times"):
        await remote.ping(retries=-1)
    with pytest.raises(InvalidArguments, match="retries is for calls that are awaited"):
        remote.ping.started(retries=1)


async def test_what_the_actor_does_not_take_is_not_sent_again(remote: RemoteActor) -> None:
    with pytest.raises(InvalidCommand, match=r"camera dance: .*dance") as caught:
        await remote("dance", retries=5)
    assert not isinstance(caught.value, CommandFailed)
    assert caught.value.parameter is None
    assert caught.value.replies[-1].message_code == "f"


async def test_a_part_that_is_refused_does_not_make_the_command_invalid(
    remote: RemoteActor,
) -> None:
    with pytest.raises(CommandFailed, match="does not exist or cannot be parsed"):
        await remote.pass_on("Command 'dance' does not exist or cannot be parsed.")


async def test_calls_run_side_by_side(remote: RemoteActor) -> None:
    client: Any = remote._caller.client
    one, two = await client.gather(remote.count(1), remote.count(2))
    assert plain(one.last("number")) == 0
    assert plain(two.last("number")) == 1
    assert await client.gather() == []
    with pytest.raises(CommandsFailed) as caught:
        await client.gather(remote.count(2), remote.flaky(10), remote.expose(-1))
    error = caught.value
    assert isinstance(error, CommandError)
    assert plain(error.results[0].last("number")) == 1
    assert error.results[1:] == [None, None]
    assert error.errors[0] is None
    assert [type(item) for item in error.errors[1:]] == [CommandFailed, InvalidCommand]
    assert str(error).startswith("2 of 3 commands failed: camera flaky 10: ")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


async def test_calls_that_run_side_by_side_are_cancelled_together(remote: RemoteActor) -> None:
    client: Any = remote._caller.client
    gathering = asyncio.ensure_future(client.gather(remote.sleep(), remote.sleep()))
    await until(lambda: len(client.running_commands) == 2)
    gathering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathering
    await until(lambda: not client.running_commands)


async def test_a_line_is_all_that_a_tcp_actor_takes(remote: RemoteActor, kind: str) -> None:
    if kind == "amqp":
        assert text(await remote.class_("a\nb", "\r")) == r"('a\nb', '\r')"
    else:
        with pytest.raises(InvalidCommand, match=r"second cannot have '\\n'") as caught:
            await remote.class_("a", "b\nc")
        assert caught.value.parameter == "second"
