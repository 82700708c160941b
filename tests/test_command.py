"""Commands: statuses, replies, parents, time limits, and the fake command."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import warnings
import weakref
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, call

import pytest

from clu import BaseCommand, Command, CommandStatus, FakeCommand, MessageCode, Reply
from clu._core.reply import KEPT_REPLIES, MOST_REPLIES
from clu.command import ReplyList
from clu.exceptions import (
    CluError,
    CluTypeError,
    CluValueError,
    CluWarning,
    CommandError,
)
from clu.tools import get_event_loop

from .test_base import SCHEMA, Collector
from .test_tools import in_a_thread

if TYPE_CHECKING:
    from collections.abc import Callable


class Actor(Collector):
    """An actor that records the commands that it sends to others, and accepts any keyword."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(additional_properties=True, **kwargs)
        self.commanded: list[Any] = []
        self.parsed: list[Command[Any]] = []

    def parse_command(self, command: Command[Any]) -> None:
        self.parsed.append(command)
        command.set_status("RUNNING")

    def send_command(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        self.commanded.append((args, kwargs))
        return "sent"


@pytest.fixture
def actor() -> Actor:
    return Actor()


@pytest.fixture
async def command(actor: Actor) -> Command[Any]:
    return Command("expose 1", actor=actor, commander_id="me", command_id=5)


# --- the basics -------------------------------------------------------------------------------


async def test_a_command_without_any_argument_can_be_ended_and_awaited() -> None:
    command = Command()
    assert (command.body, command.raw_command_string) == ("", "")
    assert (command.commander_id, command.command_id, command.consumer_id) == (None, 0, 0)
    assert command.status is CommandStatus.READY
    assert command.actor is None
    assert not command.done()
    command.set_status("done")
    assert command.done()
    assert await command is command


async def test_a_command_has_what_it_was_given(command: Command[Any], actor: Actor) -> None:
    assert (command.body, command.raw_command_string) == ("expose 1", "expose 1")
    assert (command.commander_id, command.command_id) == ("me", 5)
    assert command.actor is actor
    assert command.transport is None
    assert command.context is command.ctx is None
    transport = object()
    assert Command("", transport).transport is transport
    command.ctx = context = MagicMock()
    assert command.context is command.ctx is context
    assert "expose 1" in str(command)
    assert "'me'" in str(command)


async def test_a_command_is_a_future_that_can_be_awaited_again(command: Command[Any]) -> None:
    assert isinstance(command, asyncio.Future)
    asyncio.get_running_loop().call_soon(command.finish)
    assert await command is command
    assert await command is command
    assert await asyncio.wait_for(command, 1) is command
    assert command.result() is command


async def test_a_command_tells_when_it_is_done(command: Command[Any]) -> None:
    done: list[Any] = []
    command.add_done_callback(done.append)
    command.fail()
    await asyncio.sleep(0)
    assert done == [command]


def test_a_command_can_be_made_before_there_is_a_loop() -> None:
    def check() -> tuple[bool, list[Any]]:
        seen: list[CommandStatus] = []
        command = Command(status_callback=seen.append)
        command.set_status(CommandStatus.DONE)
        loop = get_event_loop()
        ended = loop.run_until_complete(command) is command
        loop.close()
        return ended, seen

    assert in_a_thread(check) == (True, [CommandStatus.DONE])


async def test_classes_can_be_subscripted_at_run_time() -> None:
    class Mixin(Collector, list):  # type: ignore[type-arg]
        pass

    alias = Command[Mixin]
    assert isinstance(alias("status"), Command)
    assert BaseCommand[Mixin, Any]
    assert ReplyList[Reply]() == []


async def test_attributes_of_a_command_can_be_replaced(command: Command[Any]) -> None:
    command.set_status = MagicMock()  # type: ignore[method-assign]
    command.finish(text="x")
    command.set_status.assert_called_once_with(CommandStatus.DONE, text="x")
    command.whatever = 5  # type: ignore[attr-defined]
    assert not command.done()


async def test_statuses_are_reached_through_instances(command: Command[Any]) -> None:
    assert command.flags.READY is command.status
    assert command.status.DONE is CommandStatus.DONE


async def test_a_command_that_is_forgotten_is_collected(actor: Actor) -> None:
    command = Command("", actor=actor, time_limit=60)
    command.finish()
    reference = weakref.ref(command)
    actor.sent.clear()
    del command
    gc.collect()
    assert reference() is None


# --- statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["RUNNING", "running", "Running", 32, CommandStatus.RUNNING])
async def test_a_status_is_given_by_name_in_any_case_by_value_or_as_it_is(
    command: Command[Any], status: Any
) -> None:
    assert command.set_status(status) is command
    assert command.status is CommandStatus.RUNNING
    other: Command[Any] = Command()
    other.status = status
    assert other.status is CommandStatus.RUNNING


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("finished", CluValueError),
        ("", CluValueError),
        (4096, CluValueError),
        ("DONE_STATES", CluValueError),
        (CommandStatus.DONE_STATES, CluTypeError),
        (15, CluTypeError),
        (0, CluTypeError),
        (None, CluValueError),
        (1.0, CluValueError),
        (["DONE"], CluValueError),
    ],
)
async def test_another_status_is_refused_and_changes_nothing(
    command: Command[Any], actor: Actor, status: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        command.set_status(status)
    assert command.status is CommandStatus.READY
    assert not actor.sent
    assert issubclass(error, CluError)


@pytest.mark.parametrize(
    ("status", "code", "done"),
    [
        ("DONE", ":", True),
        ("CANCELLED", "f", True),
        ("FAILED", "f", True),
        ("TIMEDOUT", "f", True),
        ("RUNNING", ">", False),
        ("CANCELLING", "w", False),
        ("FAILING", "w", False),
        ("DEBUG", "d", False),
    ],
)
async def test_a_change_is_reported_with_the_code_of_the_status(
    command: Command[Any], actor: Actor, status: str, code: str, done: bool
) -> None:
    command.set_status(status, text="why", internal=True)
    assert actor.output == [(code, {"text": "why"})]
    assert actor.sent[0].command is command
    assert actor.sent[0].internal
    assert command.done() is command.status.is_done is done


async def test_a_text_that_comes_with_a_status_is_an_error_if_it_failed(actor: Actor) -> None:
    for status in ("RUNNING", "CANCELLING", "DONE", "FAILED", "CANCELLED"):
        Command("", actor=actor).set_status(status, "why")
    assert actor.output == [
        (">", {"text": "why"}),
        ("w", {"text": "why"}),
        (":", {"text": "why"}),
        ("f", {"error": "why"}),
        ("f", {"error": "why"}),
    ]


async def test_the_same_status_again_is_no_change(command: Command[Any], actor: Actor) -> None:
    command.set_status("RUNNING")
    assert command.set_status("RUNNING", "again") is command
    assert actor.output == [(">", {})]


async def test_a_silent_change_is_not_reported(command: Command[Any], actor: Actor) -> None:
    command.set_status("DONE", "text", silent=True)
    assert actor.sent == command.replies == []
    assert command.done()


async def test_finish_and_fail_return_the_command(actor: Actor) -> None:
    done, failed = Command("", actor=actor), Command("", actor=actor)
    assert done.finish({"a": 1}, b=2) is done
    assert failed.fail(ValueError("bad"), expand_exceptions=False) is failed
    assert actor.output == [(":", {"a": 1, "b": 2}), ("f", {"error": "bad"})]
    assert done.status.did_succeed
    assert failed.status.did_fail


@pytest.mark.parametrize("status", ["DONE", "FAILED", "RUNNING", CommandStatus.CANCELLED])
async def test_a_done_command_stays_as_it_is_with_a_warning(
    command: Command[Any], actor: Actor, status: Any
) -> None:
    seen: list[CommandStatus] = []
    command.finish()
    command.callbacks.append(seen.append)
    text = r"expose 1: cannot modify a done command with status"
    with pytest.warns(CluWarning, match=text) as caught:
        assert command.set_status(status, "more") is command
    assert repr(status) in str(caught[0].message)
    await asyncio.sleep(0)
    assert command.status is CommandStatus.DONE
    assert actor.output == [(":", {})]
    assert seen == []


async def test_warnings_point_at_the_caller(command: Command[Any]) -> None:
    command.finish()
    with pytest.warns(CluWarning) as caught:
        command.set_status("FAILED")
    assert caught[0].filename == __file__


async def test_timing_out_a_done_command_is_ignored(command: Command[Any]) -> None:
    command.fail()
    assert command.set_status(CommandStatus.TIMEDOUT) is command
    assert command.status is CommandStatus.FAILED


@pytest.mark.parametrize("status", ["TIMEDOUT", 8])
async def test_timing_out_a_done_command_by_name_or_value_warns(
    command: Command[Any], status: Any
) -> None:
    command.fail()
    with pytest.warns(CluWarning, match="cannot modify a done command"):
        assert command.set_status(status) is command
    assert command.status is CommandStatus.FAILED


async def test_the_status_callback_gets_each_change() -> None:
    seen: list[CommandStatus] = []
    command = Command(status_callback=seen.append, call_now=True)
    command.set_status("RUNNING")
    command.set_status("RUNNING")
    command.status = CommandStatus.DONE
    await asyncio.sleep(0)
    assert [status.name for status in seen] == ["READY", "RUNNING", "DONE"]


async def test_a_status_callback_that_raises_does_no_harm(
    actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(status: CommandStatus) -> None:
        raise ValueError("broken callback")

    command = Command("", actor=actor, status_callback=broken)
    assert await command.finish() is command
    await asyncio.sleep(0)
    assert actor.output == [(":", {})]
    assert "broken callback" in caplog.text


async def test_a_status_can_be_waited_for(command: Command[Any]) -> None:
    waiting = [
        asyncio.ensure_future(command.wait_for_status(status))
        for status in (CommandStatus.RUNNING, CommandStatus.DONE, CommandStatus.DONE)
    ]
    await asyncio.sleep(0)
    command.set_status("RUNNING")
    await asyncio.wait_for(waiting[0], 5)
    assert not waiting[1].done()
    command.finish()
    await asyncio.wait_for(asyncio.gather(*waiting), 5)


# --- writing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "code"), [("debug", "d"), ("info", "i"), ("warning", "w"), ("error", "e")]
)
async def test_each_level_has_a_method(
    command: Command[Any], actor: Actor, method: str, code: str
) -> None:
    write = getattr(command, method)
    write({"a": 1}, b=2)
    write(c=3)
    write("positional")
    keyword = "error" if code == "e" else "text"
    assert actor.output == [
        (code, {"a": 1, "b": 2}),
        (code, {"c": 3}),
        (code, {keyword: "positional"}),
    ]
    assert not command.done()


@pytest.mark.parametrize(
    ("level", "code"),
    [
        (logging.DEBUG, "d"),
        (logging.INFO, "i"),
        (logging.WARNING, "w"),
        (logging.ERROR, "e"),
        ("!", "!"),
        (MessageCode.DONE, ":"),
    ],
)
async def test_codes_may_be_logging_levels(
    command: Command[Any], actor: Actor, level: Any, code: str
) -> None:
    command.write(level, a=1)
    command.write(level, message={"a": 1})
    assert actor.output == [(code, {"a": 1})] * 2


@pytest.mark.parametrize("code", [5, 15, 50, 0, "x", "INFO", None])
async def test_another_code_is_refused(command: Command[Any], actor: Actor, code: Any) -> None:
    with pytest.raises(CluValueError, match=r"[Ii]nvalid|not a valid"):
        command.write(code, a=1)
    assert not actor.sent


async def test_texts_go_to_the_default_keyword_and_errors_to_error(actor: Actor) -> None:
    command = Command("", actor=actor, default_keyword="status")
    command.info("a")
    command.write(":", "b")
    command.error("c")
    command.write("f", "d")
    command.write("!", "e")
    assert [message for _, message in actor.output] == [
        {"status": "a"},
        {"status": "b"},
        {"error": "c"},
        {"error": "d"},
        {"status": "e"},
    ]


async def test_an_exception_is_the_value_of_error(command: Command[Any], actor: Actor) -> None:
    command.error(ValueError("bad"))
    command.warning(message=ValueError("bad"), expand_exceptions=False)
    command.info(error={"controller": 1, "error": ValueError("bad")})
    messages = [message["error"] for _, message in actor.output]
    assert messages[0]["type"] == "ValueError"
    assert messages[1] == "bad"
    assert messages[2] == {"controller": 1, "error": "bad"}


@pytest.mark.parametrize("message", [["a"], 0, False, 1.5])
@pytest.mark.parametrize("method", ["info", "finish", "fail"])
async def test_a_message_of_another_type_is_refused_and_changes_nothing(
    command: Command[Any], actor: Actor, method: str, message: Any
) -> None:
    with pytest.raises(CluValueError, match=f"invalid message {re.escape(repr(message))}"):
        getattr(command, method)(message)
    assert command.status is CommandStatus.READY
    assert not actor.sent


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
async def test_a_text_with_a_logging_level_has_the_default_keyword(
    command: Command[Any], actor: Actor, level: int
) -> None:
    command.write(level, "as logged")
    assert [message for _, message in actor.output] == [{"text": "as logged"}]


@pytest.mark.parametrize(
    ("arguments", "message", "keywords"),
    [
        ((), {}, {}),
        (("hello",), {"text": "hello"}, {}),
        (("",), {"text": ""}, {}),
        (({"a": 1},), {"a": 1}, {"b": 2}),
        ((), {}, {"b": 2, "validate": False}),
    ],
)
@pytest.mark.parametrize(
    ("method", "code"),
    [("info", MessageCode.INFO), ("debug", MessageCode.DEBUG), ("finish", MessageCode.DONE)],
)
async def test_the_write_of_an_actor_gets_the_code_and_the_rest_by_name(
    method: str, code: MessageCode, arguments: Any, message: Any, keywords: Any
) -> None:
    actor = MagicMock()
    command = Command("", actor=actor, internal=None, silent=0)  # type: ignore[arg-type]
    getattr(command, method)(*arguments, **keywords)
    assert actor.write.mock_calls == [
        call(
            code,
            message=message,
            command=command,
            broadcast=False,
            silent=0,
            internal=None,
            write_to_log=True,
            **keywords,
        )
    ]
    assert actor.write.call_args.kwargs["internal"] is None
    assert actor.write.call_args.kwargs["silent"] == 0


async def test_flags_that_are_given_with_a_reply_precede_those_of_the_command() -> None:
    actor = MagicMock()
    command = Command("", actor=actor, write_to_log=True)
    command.info("x", silent=True, internal=True, write_to_log=False)
    given = actor.write.call_args.kwargs
    assert (given["silent"], given["internal"], given["write_to_log"]) == (True, True, False)


@pytest.mark.parametrize(
    "use",
    [
        lambda command: command.info("x"),
        lambda command: command.write("i", {}),
        lambda command: command.send_command("other", "ping"),
    ],
)
async def test_without_an_actor_there_is_nobody_to_write_to(
    use: Callable[[Command[Any]], Any],
) -> None:
    with pytest.raises(CommandError, match=r"actor (has not been|need to be) defined"):
        use(Command("status"))


async def test_replies_are_kept_in_order(command: Command[Any]) -> None:
    command.set_status("RUNNING")
    command.info(a=1, b=None)
    command.info({"a": 2, "c": 3})
    command.finish()
    assert [reply.message_code for reply in command.replies] == [">", "i", "i", ":"]
    assert [reply.body for reply in command.replies] == [
        {},
        {"a": 1, "b": None},
        {"a": 2, "c": 3},
        {},
    ]
    assert command.replies.get("a") == 1
    assert command.replies.get("b") is None
    assert command.replies.get("c") == 3
    with pytest.raises(KeyError, match="Keyword d not found"):
        command.replies.get("d")


async def test_the_model_is_up_to_date_right_after_a_reply() -> None:
    actor = Collector(schema=SCHEMA)
    Command("", actor=actor).info(pair=[1, 2])
    assert actor.model is not None
    assert actor.model["pair"].value[0] == 1


@pytest.mark.parametrize(("flag", "sent"), [("silent", False), ("internal", True)])
async def test_flags_of_the_command_are_those_of_its_replies(
    actor: Actor, flag: str, sent: bool
) -> None:
    command = Command("", actor=actor, **{flag: True})
    command.set_status("RUNNING")
    command.info("x")
    command.info("x", **{flag: False})
    assert [reply.message_code for reply in command.replies] == [">", "i", "i"]
    if sent:
        assert [reply.internal for reply in actor.sent] == [True, True, False]
    else:
        assert actor.sent == command.replies[2:]


async def test_what_is_not_to_be_logged(actor: Actor) -> None:
    command = Command("", actor=actor, write_to_log=False)
    command.info("x")
    command.info("x", write_to_log=True)
    Command("", actor=actor).info("x", write_to_log=False)
    Command("", actor=actor).info("x")
    assert actor.logged == [False, True, False, True]


async def test_a_reply_may_go_to_everybody(command: Command[Any], actor: Actor) -> None:
    command.info("x", broadcast=True)
    command.info("x")
    assert [reply.broadcast for reply in actor.sent] == [True, False]


# --- parents and children ---------------------------------------------------------------------


async def test_replies_of_a_child_go_out_as_those_of_its_parent(
    command: Command[Any], actor: Actor
) -> None:
    child = Command("child", parent=command, command_id=9)
    assert child.actor is actor
    child.set_status("RUNNING", "not passed on")
    child.info("x")
    child.finish("end")
    failing = Command("child", parent=command)
    failing.fail("bad")
    assert actor.output == [
        ("i", {"text": "x"}),
        ("i", {"text": "end"}),
        ("e", {"error": "bad"}),
    ]
    assert all(reply.command is command for reply in actor.sent)
    assert command.replies == actor.sent
    assert child.status.did_succeed
    assert failing.status.did_fail
    assert not command.done()


async def test_the_empty_end_of_a_child_is_not_passed_on(
    command: Command[Any], actor: Actor
) -> None:
    Command("", parent=command).finish()
    Command("", parent=command).finish({})
    assert actor.output == []
    Command("", parent=command).finish(a=1)
    Command("", parent=command).fail()
    assert actor.output == [("i", {"a": 1}), ("e", {})]


async def test_replies_of_nested_children_go_out_as_those_of_the_first_command(
    command: Command[Any], actor: Actor
) -> None:
    grandchild = Command("", parent=Command("", parent=command))
    grandchild.info("x")
    grandchild.fail("bad")
    assert [reply.command for reply in actor.sent] == [command, command]
    assert actor.output == [("i", {"text": "x"}), ("e", {"error": "bad"})]


async def test_a_child_has_its_own_flags(command: Command[Any], actor: Actor) -> None:
    Command("", parent=command, silent=True).info("x")
    Command("", parent=command, internal=True, write_to_log=False).info("y")
    assert actor.output == [("i", {"text": "y"})]
    assert actor.sent[0].internal
    assert actor.logged == [False]
    assert len(command.replies) == 2


async def test_a_child_command_runs_on_the_same_actor(command: Command[Any], actor: Actor) -> None:
    child = command.child_command("status")
    assert actor.parsed == [child]
    assert (child.body, child.parent, child.actor) == ("status", command, actor)
    assert child.status is CommandStatus.RUNNING
    child.finish()
    assert await child is child


async def test_parsing_returns_the_command(actor: Actor) -> None:
    command = Command("status", actor=actor, commander_id=f".{actor.name}")
    assert command.parse() is command
    assert actor.parsed == [command]
    child = Command("status", parent=command).parse()
    assert actor.parsed[1] is child


async def test_a_command_without_an_actor_cannot_be_parsed() -> None:
    for use in (Command("status").parse, lambda: Command("status").child_command("x")):
        with pytest.raises(CluError, match="the actor is not defined"):
            use()


async def test_commands_to_others_are_sent_by_the_actor(
    command: Command[Any], actor: Actor
) -> None:
    assert command.send_command("other", "ping") == "sent"
    command.send_command("other", "ping", new_command=False, time_limit=5)
    command.send_command("other", "ping", True, 1, internal=True)
    assert actor.commanded == [
        (("other", "ping"), {"command": None}),
        (("other", "ping"), {"command": command, "time_limit": 5}),
        (("other", "ping", 1), {"command": None, "internal": True}),
    ]


# --- ends -------------------------------------------------------------------------------------


async def test_a_time_limit_ends_the_command_and_what_runs(actor: Actor) -> None:
    command = Command("", actor=actor, time_limit=0.01)
    command._task = asyncio.ensure_future(asyncio.sleep(60))
    command.set_status("RUNNING")
    assert await asyncio.wait_for(command, 5) is command
    assert command.status is CommandStatus.TIMEDOUT
    assert command.status.did_fail
    assert [code for code, _ in actor.output] == [">", "f"]
    await asyncio.wait([command._task], timeout=5)
    assert command._task.cancelled()


@pytest.mark.parametrize("limit", [0, None])
async def test_a_time_limit_of_nothing_is_none(limit: float | None) -> None:
    command = Command(time_limit=limit)
    await asyncio.sleep(0.01)
    assert not command.done()
    assert command._timer is None


async def test_a_time_limit_in_the_past_ends_the_command_at_once() -> None:
    command = Command(time_limit=-1)
    assert not command.done()
    await asyncio.wait_for(command, 5)
    assert command.status is CommandStatus.TIMEDOUT


async def test_a_command_that_ends_in_time_leaves_no_timer(actor: Actor) -> None:
    command = Command("", actor=actor, time_limit=0.01)
    timer = command._timer
    assert timer is not None
    command.finish()
    assert timer.cancelled()
    assert command._timer is None
    await asyncio.sleep(0.02)
    assert command.status is CommandStatus.DONE
    assert actor.output == [(":", {})]


async def test_a_command_can_end_after_somebody_cancelled_the_future(
    command: Command[Any], actor: Actor
) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(command, 0.001)
    assert command.cancelled()
    command.finish(text="late")
    assert command.status is CommandStatus.DONE
    assert actor.output == [(":", {"text": "late"})]


async def test_a_command_of_an_actor_times_out_though_its_future_was_cancelled(
    actor: Actor,
) -> None:
    command = Command(actor=actor, time_limit=0.01)
    assert command.cancel()
    await command.wait_for_status(CommandStatus.TIMEDOUT)
    assert [code for code, _ in actor.output] == ["f"]


async def test_commands_that_nobody_waits_for_are_not_kept_by_their_time_limits() -> None:
    async def send(**kwargs: Any) -> None:
        command = Command("expose", time_limit=86400, **kwargs)
        watched.append(weakref.ref(command))
        await command

    watched: list[weakref.ref[Any]] = []
    tasks = [asyncio.create_task(send()) for _ in range(2000)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    del task, tasks
    await asyncio.sleep(0)
    gc.collect()
    assert sum(ref() is not None for ref in watched) == 0


async def test_replies_after_the_end_are_still_sent(command: Command[Any], actor: Actor) -> None:
    command.finish()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        command.info("late")
    assert actor.output == [(":", {}), ("i", {"text": "late"})]


async def test_a_warning_about_a_done_command_is_one_line(actor: Actor) -> None:
    command = Command("expose\n2026-01-01 [INFO]: forged", actor=actor).finish()
    with pytest.warns(CluWarning, match="cannot modify a done command") as caught:
        command.fail()
    text = str(caught[0].message)
    assert text.splitlines() == [text]
    assert text.startswith("expose\\n2026-01-01 [INFO]: forged: cannot ")


# --- FakeCommand ------------------------------------------------------------------------------


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record.levelno, record.msg))


async def test_a_fake_command_writes_to_a_logger() -> None:
    log, records = logging.Logger("fake", 1), Records()
    log.addHandler(records)
    command = FakeCommand(log)
    command.debug("a")
    command.info(b=1)
    command.warning({"c": 1}, d=2)
    command.error("e")
    command.error(ValueError("f"))
    command.write(logging.WARNING, "g")
    command.write("!", "h")
    command.write(">")
    error = records.seen.pop(4)
    assert records.seen == [
        (logging.DEBUG, {"text": "a"}),
        (logging.INFO, {"b": 1}),
        (logging.WARNING, {"c": 1, "d": 2}),
        (logging.ERROR, {"error": "e"}),
        (logging.WARNING, {"text": "g"}),
        (logging.CRITICAL, {"text": "h"}),
        (logging.INFO, {}),
    ]
    assert error[0] == logging.ERROR
    assert isinstance(error[1]["error"], ValueError)


async def test_a_fake_command_can_be_used_as_a_command() -> None:
    command = FakeCommand(logging.Logger("fake"))
    assert isinstance(command, BaseCommand)
    command.set_status("RUNNING")
    assert command.finish(text="x") is command
    assert await command is command
    assert command.status is CommandStatus.DONE
    with pytest.raises(CluValueError):
        command.write("x")


# --- how many replies are kept ------------------------------------------------------------------


async def test_of_a_command_that_an_actor_runs_the_first_and_the_latest_replies_are_kept(
    actor: Actor,
) -> None:
    command = Command("expose", actor=actor)
    child = Command("open", parent=command)
    total = 3 * MOST_REPLIES
    command.info(first=0)
    for number in range(1, total):
        child.info(number=number)
        assert len(command.replies) <= MOST_REPLIES
    numbers = [reply.message.get("number", 0) for reply in command.replies]
    assert numbers[:KEPT_REPLIES] == list(range(KEPT_REPLIES))
    assert numbers[-KEPT_REPLIES:] == list(range(total - KEPT_REPLIES, total))
    assert numbers == sorted(set(numbers))
    assert command.replies.get("first") == 0
    assert command.replies.get("number") == 1
    with pytest.raises(KeyError):
        command.replies.get("other")


@pytest.mark.endurance
async def test_rejected_replies_do_not_pile_up_either(actor: Actor) -> None:
    command = Command("expose", actor=actor)
    for _ in range(MOST_REPLIES + 1):
        command.info({"text": 5}, validate=True)
    assert len(command.replies) == 2 * KEPT_REPLIES
    assert command.replies[-1].message_code == "e"


async def test_who_replaces_the_list_of_replies_keeps_them_all(actor: Actor) -> None:
    command = Command("expose", actor=actor)
    command.replies = []  # type: ignore[assignment]
    for number in range(MOST_REPLIES + 10):
        command.info(number=number)
    assert len(command.replies) == MOST_REPLIES + 10


# --- draining ---------------------------------------------------------------------------------


def returns_at_once(coroutine: Any) -> bool:
    """Run a coroutine, and tell whether it did so without an event-loop iteration."""
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    coroutine.close()
    return False


class Draining(Actor):
    """An actor that remembers for which commands it was drained, and waits for the loop then."""

    def __init__(self) -> None:
        super().__init__()
        self.drained: list[Any] = []

    async def drain(self, command: Any = None) -> None:
        await asyncio.sleep(0)
        self.drained.append(command)


async def test_draining_a_command_drains_its_actor_for_the_commander() -> None:
    actor = Draining()
    command = Command("expose 1", actor=actor)
    child = Command("open", parent=Command("prepare", parent=command))
    await command.drain()
    await child.drain()
    assert actor.drained == [command, command]
    assert not returns_at_once(child.drain())


@pytest.mark.parametrize("command", [None, MagicMock()])
async def test_an_actor_without_a_transport_is_drained_at_once(actor: Actor, command: Any) -> None:
    assert returns_at_once(actor.drain(command))
    assert returns_at_once(Command(actor=actor).drain())


@pytest.mark.parametrize("actor", [None, object(), MagicMock(), MagicMock(spec=["write"])])
async def test_a_command_without_an_actor_that_drains_is_drained_at_once(actor: Any) -> None:
    assert returns_at_once(Command(actor=actor).drain())


async def test_a_fake_command_is_drained_at_once() -> None:
    assert returns_at_once(FakeCommand(logging.getLogger("fake")).drain())
    assert returns_at_once(FakeCommand(logging.getLogger("fake"), Draining()).drain())
