"""Commands: each parameter, the status, parents, commands sent, commands without an actor."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import click

from .. import kit
from ..registry import scenario, table
from .writing import Cold

if TYPE_CHECKING:
    from ..transcript import Transcript

ATTRIBUTES = (
    *("commander_id", "command_id", "consumer_id", "actor", "parent", "default_keyword", "silent"),
    *("internal", "write_to_log", "status", "flags", "raw_command_string", "body", "transport"),
    *("replies", "context", "reply_callback", "watcher", "loop", "time_limit", "_status"),
)

VALUES: dict[str, tuple[Any, ...]] = {
    "commander_id": (0, "", "user", 5, None, [], 1.5),
    "command_id": (None, "", 5, "abc", -1, [], False, 2**40),
    "consumer_id": (None, "", "actor", 5),
    "default_keyword": ("", None, "note"),
    "silent": (True, None, 0, "yes"),
    "internal": (True, None, 0, "yes"),
    "write_to_log": (False, None, 0),
    "time_limit": (None, 0, 0.05, -1),
    "call_now": (True, None),
    "reply_callback": (None,),
    "status_callback": (None, []),
    "parent": (None,),
    "transport": (None, "", 0),
    "command_string": ("", None, "status", "  status --now  ", 5, [], {"command": "x"}, "1 status"),
    "loop": (None,),
    "nonsense": (1,),
}


@table(
    "command.init",
    {"none": {"keywords": {}}}
    | {
        f"{name}.{number}": {"keywords": {name: value}}
        for name, values in VALUES.items()
        for number, value in enumerate(values)
    },
)
async def init(t: Transcript, keywords: dict[str, Any]) -> None:
    from clu import Command

    command = t.quietly("Command", Command, **keywords)
    if command is None:
        return
    t.attributes("command", command, *ATTRIBUTES)
    t.call("str", str, command)
    t.note("done", command.done())
    t.call("done afterwards", command.set_status, "done")
    await t.turns(3)
    t.note("status", command.status)
    await t.wait("awaited", command, 0.5)


@table(
    "command.call_now",
    {
        f"{kind}.{now}": {"kind": kind, "now": now}
        for kind in ("status", "list", "tuple")
        for now in (True, False)
    },
)
async def call_now(t: Transcript, kind: str, now: bool) -> None:
    from clu import Command

    one, two = t.callback("one"), t.coroutine("two")
    given = {"status": one, "list": [one, two], "tuple": (one, two)}[kind]
    command = t.quietly("Command", Command, "x", status_callback=given, call_now=now)
    await t.turns(3)
    if command is not None:
        for status in ("running", "running", "failing", "failed"):
            t.note("set", status)
            t.quietly("set_status", command.set_status, status)
            await t.turns(3)
        t.attributes("command", command, "callbacks")


STATUSES: tuple[Any, ...] = (
    *("done", "DONE", "Failed", "cancelled", "timedout", "running", "ready", "failing"),
    *(
        "cancelling",
        "debug",
        "nonsense",
        "",
        0,
        1,
        2,
        4,
        8,
        16,
        32,
        64,
        3,
        999,
        -1,
        None,
        1.5,
        True,
    ),
    *([], ":", "f", "ACTIVE_STATES", "DONE_STATES"),
)


@table(
    "command.set_status",
    {f"{number:02}_{status}": {"status": status} for number, status in enumerate(STATUSES)},
)
async def set_status(t: Transcript, status: Any) -> None:
    """A status from each kind of value, with and without an actor, twice, by the property."""
    from clu import Command

    for label, actor in (("plain", None), ("actor", Cold(t))):
        command = Command("x", command_id=3, actor=actor, status_callback=t.callback("status"))
        value = t.quietly(f"{label} set", command.set_status, status)
        t.note(f"{label} returns it", value is command)
        t.note(f"{label} status", command.status)
        t.note(f"{label} done", command.done())
        t.quietly(f"{label} again", command.set_status, status)
        t.quietly(f"{label} then done", command.set_status, "done")
        await t.turns(4)
        t.note(f"{label} status at last", command.status)
        by_property = Command("x", command_id=4, actor=actor)
        t.quietly(f"{label} property", setattr, by_property, "status", status)
        t.note(f"{label} property status", by_property.status)
        await t.turns(2)


@table(
    "command.set_status_message",
    {
        f"{status}.{name}": {"status": status, "args": args, "keywords": keywords}
        for status in ("DONE", "FAILED", "RUNNING", "CANCELLED", "TIMEDOUT", "CANCELLING")
        for name, args, keywords in (
            ("none", (), {}),
            ("text", ("a text",), {}),
            ("empty", ("",), {}),
            ("dictionary", ({"a": 1},), {}),
            ("silent", ({"a": 1},), {"silent": True}),
            ("keywords", (), {"a": 1}),
            ("exception", (ValueError("bad"),), {}),
        )
    },
)
async def set_status_message(t: Transcript, status: str, args: Any, keywords: Any) -> None:
    from clu import Command, CommandStatus

    command = Command("x", command_id=3, actor=Cold(t))
    t.quietly("set", command.set_status, CommandStatus[status], *args, **keywords)
    await t.turns(3)
    t.note("status", command.status)


@table(
    "command.after_the_end",
    {
        f"{first}.{then}": {"first": first, "then": then}
        for first in ("DONE", "FAILED", "CANCELLED", "TIMEDOUT")
        for then in ("DONE", "FAILED", "TIMEDOUT", "RUNNING", "CANCELLED")
    },
)
async def after_the_end(t: Transcript, first: str, then: str) -> None:
    from clu import Command, CommandStatus

    actor = await kit.mocked("json")
    command = Command("x", commander_id="user", command_id=3, actor=actor)
    command.set_status(CommandStatus[first])
    t.quietly("then", command.set_status, CommandStatus[then])
    t.quietly("info", command.info, "still")
    t.quietly("fail", command.fail, error="late")
    t.quietly("finish", command.finish)
    await t.turns(4)
    t.note("status", command.status)
    kit.note_replies(t, actor)


@table(
    "command.future",
    {
        what: {"what": what}
        for what in (
            "set_result",
            "set_exception",
            "cancel",
            "cancel_message",
            "result_early",
            "await_twice",
            "add_done_callback",
            "wait_for_timeout",
            "gather",
            "cancelled_awaiter",
        )
    },
)
async def future(t: Transcript, what: str) -> None:
    from clu import Command

    command = Command("x", command_id=3)
    if what == "set_result":
        t.quietly("set", command.set_result, 5)
    elif what == "set_exception":
        t.quietly("set", command.set_exception, ValueError("bad"))
    elif what == "cancel":
        t.call("cancel", command.cancel)
    elif what == "cancel_message":
        t.call("cancel", command.cancel, "no more")
    elif what == "result_early":
        t.call("result", command.result)
    elif what == "add_done_callback":
        command.add_done_callback(lambda future: t.note("called", future is command))
        command.finish_quietly = None
        t.quietly("done", command.set_status, "failed")
    elif what == "await_twice":
        command.set_status("done")
        t.note("first", await command is command)
        t.note("second", await command is command)
    elif what == "wait_for_timeout":
        try:
            await asyncio.wait_for(command, 0.02)
        except asyncio.TimeoutError:
            t.note("timeout", True)
    elif what == "gather":
        other = Command("y")
        asyncio.get_running_loop().call_soon(command.set_status, "done")
        asyncio.get_running_loop().call_soon(other.set_status, "failed")
        results = await asyncio.gather(command, other)
        t.note("gathered", [results[0] is command, results[1] is other])
    elif what == "cancelled_awaiter":

        async def wait() -> None:
            await command

        task = asyncio.create_task(wait())
        await t.turns(2)
        task.cancel()
        await t.turns(3)
    await t.turns(3)
    t.note("status", command.status)
    t.note("done", command.done())
    t.note("cancelled", command.cancelled())
    t.quietly("finish", command.set_status, "done")
    t.note("status afterwards", command.status)


@scenario("command.time_limit", status="", limit=0.02)
@scenario("command.time_limit_done_before", status="done", limit=0.02)
@scenario("command.time_limit_actor", status="actor", limit=0.02)
async def time_limit(t: Transcript, status: str, limit: float) -> None:
    from clu import Command

    actor = Cold(t) if status == "actor" else None
    command = Command("x", command_id=2, actor=actor, time_limit=limit)
    if status == "done":
        command.set_status("done")
    await asyncio.wait([command], timeout=2)
    await asyncio.sleep(0.05)
    t.note("status", command.status)


FLAGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "silent": {"silent": True},
    "internal": {"internal": True},
    "no_log": {"write_to_log": False},
    "keyword": {"default_keyword": "note"},
    "ids": {"commander_id": "user", "command_id": 9, "consumer_id": "con"},
    "limit": {"time_limit": 5},
}


@table(
    "command.parent",
    {
        f"{name}.{kind}": {"flags": flags, "kind": kind}
        for name, flags in FLAGS.items()
        for kind in ("parent", "child_command")
    },
)
async def parent(t: Transcript, flags: Any, kind: str) -> None:
    """What a child inherits, and where its replies go."""
    from clu import Command

    @kit.command()
    async def work(command: Any) -> None:
        t.attributes("inside", command, *ATTRIBUTES[:9])
        t.note("its parent", command.parent)
        command.info("text of the child")
        command.warning(a=1)
        command.finish("done")

    actor = await kit.mocked("json", parse=kit.parser(work), additional_properties=True)
    top = Command("top", actor=actor, **flags)
    if kind == "parent":
        child = Command("work", parent=top)
        t.attributes("child", child, *ATTRIBUTES[:9])
        t.quietly("parse", child.parse)
    else:
        child = t.quietly("child", top.child_command, "work")
    if isinstance(child, asyncio.Future):
        await kit.ended(t, child)
    t.note("parent status", top.status)
    t.note("replies of the parent", list(top.replies))
    t.note("replies of the child", list(getattr(child, "replies", [])))
    kit.note_replies(t, actor)


@table(
    "command.child_code",
    {
        name: {"code": code, "message": message}
        for name, code, message in (
            ("started", ">", {}),
            ("started_full", ">", {"a": 1}),
            ("done", ":", {}),
            ("done_full", ":", {"a": 1}),
            ("failed", "f", {}),
            ("failed_full", "f", {"error": "bad"}),
            ("info", "i", {"a": 1}),
            ("error", "e", {"error": "x"}),
            ("debug", "d", "text"),
            ("critical", "!", "text"),
            ("done_text", ":", "text"),
            ("done_none", ":", None),
        )
    },
)
async def child_code(t: Transcript, code: str, message: Any) -> None:
    from clu import Command

    actor = await kit.mocked("json", additional_properties=True)
    grand = Command("g", commander_id="user", command_id=1, actor=actor)
    top = Command("p", parent=grand)
    child = Command("c", parent=top)
    t.quietly("write", child.write, code, message)
    kit.note_replies(t, actor)
    t.note("replies", [len(command.replies) for command in (grand, top, child)])


@table(
    "command.without_actor",
    {
        name: {"name": name}
        for name in (
            "write",
            "info",
            "finish",
            "fail",
            "send_command",
            "child_command",
            "parse",
            "set_status",
            "set_status_message",
        )
    },
)
async def without_actor(t: Transcript, name: str) -> None:
    from clu import Command

    command = Command("status")
    arguments = {
        "send_command": ("other", "status"),
        "child_command": ("status",),
        "parse": (),
        "set_status": ("done",),
        "set_status_message": ("failed", "a text"),
    }.get(name, ("text",) if name != "write" else ("i", "text"))
    method = getattr(command, name.removesuffix("_message"))
    value = t.quietly("call", method, *arguments)
    if asyncio.iscoroutine(value):
        await t.wait("awaited", value)
    await t.turns(3)
    t.note("status", command.status)


@table("command.handed_to_parser", {kind: {"kind": kind} for kind in kit.KINDS})
async def handed_to_parser(t: Transcript, kind: str) -> None:
    """A command without an actor is parsed by one."""
    from clu import Command

    @kit.group()
    def mygroup(*args: Any) -> None:
        pass

    @mygroup.command()
    @click.argument("NUMBER", type=int)
    @click.option("--text")
    async def cmd(command: Any, number: int, text: str) -> None:
        t.note("runs", [number, text])
        t.quietly("info", command.info, "hello")
        t.quietly("finish", command.finish, text="done")

    actor = await kit.mocked(kind, parse=kit.parser(mygroup))
    command = Command("mygroup cmd --text 'A test' -1")
    t.quietly("parse", actor.parse_command, command)
    await kit.ended(t, command)
    kit.note_replies(t, actor)
    t.note("actor", command.actor)


class Sending:
    """An actor that notes what it is asked to send."""

    name = "sending"
    log = None

    def __init__(self, t: Transcript) -> None:
        self.t = t

    def send_command(self, *args: Any, **kwargs: Any) -> str:
        self.t.took("send_command", args, kwargs)
        return "sent"

    def write(self, *args: Any, **kwargs: Any) -> None:
        self.t.took("write", args, kwargs)


@table(
    "command.send_command",
    {
        "plain": {"args": ("other", "status"), "keywords": {}},
        "more": {"args": ("other", "status", True, "a", 1), "keywords": {}},
        "keywords": {"args": ("other", "status"), "keywords": {"internal": True, "time_limit": 3}},
        "same": {"args": ("other", "status"), "keywords": {"new_command": False}},
        "same_none": {"args": ("other", "status"), "keywords": {"new_command": None}},
        "same_zero": {"args": ("other", "status", 0), "keywords": {}},
        "nothing": {"args": (), "keywords": {}},
        "target": {"args": ("other",), "keywords": {}},
        "empty": {"args": ("", ""), "keywords": {}},
    },
)
async def send_command(t: Transcript, args: Any, keywords: Any) -> None:
    from clu import Command

    command = Command("x", command_id=3, actor=Sending(t))
    value = t.quietly("call", command.send_command, *args, **keywords)
    if asyncio.iscoroutine(value):
        await t.wait("awaited", value)
    else:
        t.note("returned", value)


@table(
    "fake_command",
    {
        f"{method}.{name}": {"method": method, "args": args, "keywords": keywords}
        for method in ("debug", "info", "warning", "error", "fail", "finish")
        for name, args, keywords in (
            ("text", ("a text",), {}),
            ("none", (), {}),
            ("dictionary", ({"a": 1},), {}),
            ("keywords", (), {"a": 1, "b": "x"}),
            ("exception", (ValueError("bad"),), {}),
        )
    },
)
async def fake(t: Transcript, method: str, args: Any, keywords: Any) -> None:
    from clu import FakeCommand

    log = logging.getLogger("clu.fake")
    log.setLevel(1)
    command = FakeCommand(log)
    t.quietly("call", getattr(command, method), *args, **keywords)
    t.quietly("write", command.write, "w", *args, **keywords)
    await t.turns(3)
    t.note("status", command.status)
    t.attributes("fake", command, "log", "actor", "command_id", "commander_id")


@scenario("fake_command.no_log")
async def fake_no_log(t: Transcript) -> None:
    from clu import FakeCommand

    command = t.quietly("FakeCommand", FakeCommand, None)
    if command is not None:
        t.quietly("info", command.info, "text")
        t.quietly("finish", command.finish)


LINES: tuple[Any, ...] = (
    *("status", "1 status", "apo.user 5 status now", ".user 5 status", "5 6 status", ""),
    *("   ", "--help", "1 --help", "1", "APO 5 status", "apo.user status", "-1 status", "5 5"),
    *("_x 1", "status 5", "1\tstatus", "\u00e9tat", "99999999999999999999 status", None, 5, b"1 x"),
    *("user. 1 x", "a.b.c 1 x", "a.b_c 2 x", "apo.apo\n1 x", "1 x\ny", " 1 x "),
)


@table("parse_legacy_command", {f"{n:02}": {"line": line} for n, line in enumerate(LINES)})
async def legacy_line(t: Transcript, line: Any) -> None:
    from clu import parse_legacy_command

    t.call(f"parse {line!r}", parse_legacy_command, line)


@table(
    "reply_list",
    {name: {"name": name} for name in ("get", "get_missing", "get_none", "get_twice", "empty")},
)
async def replies(t: Transcript, name: str) -> None:
    from clu import Command

    actor = await kit.mocked("json", additional_properties=True)
    command = Command("x", commander_id="user", command_id=3, actor=actor)
    if name != "empty":
        command.info(a=1)
        command.info(a=2, b=None)
        command.info("text")
    key = {"get": "a", "get_missing": "z", "get_none": None, "get_twice": "b"}.get(name, "a")
    t.call("get", command.replies.get, key)
    t.call("get upper", command.replies.get, "A")
    t.note("type", type(command.replies))
    t.note("list", isinstance(command.replies, list))
    t.call("[0]", lambda: command.replies[0])


@table(
    "timed",
    {
        name: {"name": name}
        for name in (
            "start_stop",
            "add_command",
            "add_keywords",
            "stop_never_started",
            "first_silent",
            "failing",
            "resolution",
            "twice",
            "delay_zero",
            "run",
            "done",
        )
    },
)
async def timed(t: Transcript, name: str) -> None:
    from clu.command import TimedCommand, TimedCommandList

    ran = []

    @kit.command()
    async def tick(command: Any) -> None:
        ran.append(command)
        t.attributes("ticks", command, "commander_id", "command_id", "silent", "internal", "parent")
        command.info(text="tick")
        command.finish()

    actor = await kit.mocked("json", parse=kit.parser(tick))
    timed = actor.timed_commands
    t.note("type", type(timed))
    t.attributes("list", timed, "resolution", "running")
    if name == "add_command":
        t.call("add", timed.add_command, "tick")
        t.attributes("added", timed[0], "command_string", "delay", "first_silent", "last_run")
    elif name == "add_keywords":
        t.call("add", timed.add_command, "tick", delay=0, first_silent=True)
        t.attributes("added", timed[0], "command_string", "delay", "first_silent", "last_run")
        t.call("add wrong", timed.add_command, "tick", wrong=1)
        t.call("add nothing", timed.add_command)
    elif name == "stop_never_started":
        await t.wait("stop", timed.stop())
        t.note("running", timed.running)
    elif name == "resolution":
        other = TimedCommandList(actor, 0.01)
        t.attributes("other", other, "resolution", "actor", "running")
        t.call("none", TimedCommandList, None)
    elif name == "run":
        one = TimedCommand("tick", delay=5)
        t.attributes("one", one, "command_string", "delay", "first_silent", "last_run")
        await t.wait("run", one.run(actor))
        await t.turns()
        t.note("last_run is set", one.last_run > 0)
        kit.note_replies(t, actor)
    elif name == "done":
        one = TimedCommand("tick")
        t.call("done", one.done, None)
    else:
        delay = {"failing": 50, "delay_zero": 0}.get(name, 50)
        timed.add_command(
            "nope" if name == "failing" else "tick",
            delay=delay,
            first_silent=name == "first_silent",
        )
        timed.resolution = 0.02
        t.call("start", timed.start)
        if name == "twice":
            t.call("start again", timed.start)
        t.note("running", timed.running)
        await t.until(lambda: ran or actor.mock_replies, 1)
        if name == "delay_zero":
            t.note("more", await t.until(lambda: len(ran) > 2, 1))
            del t.events[-3:], actor.mock_replies[3:]
        await t.turns()
        await t.wait("stop", timed.stop())
        t.note("running at last", timed.running)
        if name != "delay_zero":
            kit.note_replies(t, actor)
