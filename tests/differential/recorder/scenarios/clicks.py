"""The click parser: built-in commands, attributes of commands and groups, decorators, errors."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from .. import kit
from ..registry import scenario, table

if TYPE_CHECKING:
    from ..transcript import Transcript

LINES = {
    "ping": ("ping", "PING", "ping now", "ping --help", "ping -x"),
    "version": ("version", "version --help", "version x"),
    "get_schema": ("get_schema", "get-schema", "get_schema --help"),
    "help": (
        "help",
        "help ping",
        "help nope",
        "--help",
        "help help",
        "help sub",
        "help sub inner",
        'help "sub inner"',
        "help one two three",
    ),
    "model": (
        "get-command-model",
        "get-command-model ping",
        "get-command-model nope",
        "get_command_model",
        "get-command-model sub",
        "get-command-model --help",
    ),
    "keyword": (
        "keyword",
        "keyword text",
        "keyword TEXT",
        "keyword nope",
        "keyword text error",
        "keyword --help",
    ),
    "empty": (
        "",
        "  ",
        "nope",
        "sub",
        "sub nope",
        "sub inner",
        "-x",
        "--nope",
        "sub --help",
        "sub inner --help",
        "'unbalanced",
        '"',
        "ping; ping",
        "help 'x",
    ),
}


def tree(t: Transcript) -> Any:
    @kit.group()
    def sub(*args: Any) -> None:
        """A group of commands."""

    @sub.command()
    @click.argument("NUMBER", type=int, default=1)
    @click.option("--flag/--no-flag", default=True, help="A flag.")
    async def inner(command: Any, number: int, flag: bool) -> None:
        """An inner command."""
        command.finish(text=f"{number} {flag}")

    return kit.parser(sub)


@table(
    "click.builtin",
    {
        f"{kind}.{name}.{number}": {"kind": kind, "line": line}
        for kind in kit.KINDS
        for name, lines in LINES.items()
        for number, line in enumerate(lines)
    },
)
async def builtin(t: Transcript, kind: str, line: str) -> None:
    actor = await kit.mocked(kind, parse=tree(t), version="0.1.0")
    t.note("line", line)
    command = await kit.invoke(t, actor, line, command_id=4)
    if command is not None:
        t.attributes("command", command, "internal", "silent", "write_to_log", "body")
        t.note("has a context", command.context is not None)
    kit.note_replies(t, actor)
    kit.note_bytes(t, actor)


@table("click.builtin_module_parser", {kind: {"kind": kind} for kind in kit.KINDS})
async def module_parser(t: Transcript, kind: str) -> None:
    """The parser that all actors share."""
    from clu.parsers.click import command_parser

    t.note("commands", sorted(command_parser.commands))
    actor = await kit.mocked(kind)
    t.note("is the parser", actor.parser is command_parser)
    for line in ("help", "ping", "version"):
        await kit.invoke(t, actor, line, command_id=4)
    kit.note_replies(t, actor)


async def lines_of(t: Transcript, kind: str, group: Any, *lines: str, **attributes: Any) -> None:
    actor = await kit.mocked(kind, additional_properties=True)
    actor.parser = group
    for name, value in attributes.items():
        setattr(actor, name, value)
    for number, line in enumerate(lines):
        actor.mock_replies.clear()
        await kit.invoke(t, actor, line, f"`{line}`", command_id=number)
        kit.note_replies(t, actor, f"`{line}` replies")


@table(
    "click.command_attribute",
    {
        f"{name}.{sync}": {"options": options, "sync": sync}
        for sync in ("async", "plain")
        for name, options in {
            "none": {},
            "no_args_is_help": {"no_args_is_help": True},
            "hidden": {"hidden": True},
            "deprecated": {"deprecated": True},
            "name": {"name": "other"},
            "help": {"help": "The help.", "short_help": "Short.", "epilog": "The end."},
            "no_help_option": {"add_help_option": False},
            "internal": {"internal": True},
            "cancellable": {"cancellable": True},
            "context_settings": {"context_settings": {"ignore_unknown_options": False}},
            "context_settings_none": {"context_settings": None},
            "extra_args": {"context_settings": {"allow_extra_args": True}},
            "aliases": {"aliases": ["w", "wk"]},
            "options_metavar": {"options_metavar": "[THINGS]"},
        }.items()
    },
)
async def command_attribute(t: Transcript, options: Any, sync: str) -> None:
    group = kit.parser()

    def take(command: Any, number: int, flag: bool) -> None:
        t.note("runs", [number, flag])
        t.attributes("command", command, "internal", "silent", "write_to_log")
        command.info(text="hello")
        command.finish(number=number)

    if sync == "async":

        @click.argument("NUMBER", type=int, default=3)
        @click.option("--flag", is_flag=True)
        async def work(command: Any, number: int, flag: bool) -> None:
            """Works."""
            take(command, number, flag)
    else:

        @click.argument("NUMBER", type=int, default=3)
        @click.option("--flag", is_flag=True)
        def work(command: Any, number: int, flag: bool) -> None:
            """Works."""
            take(command, number, flag)

    t.quietly("add", lambda: group.command(**options)(work))
    await lines_of(
        t,
        "json",
        group,
        "work",
        "work -5",
        "work 5 --flag",
        "work x",
        "work 1 2",
        "work --nope",
        "work --help",
        "help work",
        "help",
        "other",
        "w 4",
        "work --stop",
        "get-command-model work",
    )


@table(
    "click.group_attribute",
    {
        name: {"options": options}
        for name, options in {
            "none": {},
            "no_args_is_help": {"no_args_is_help": True},
            "no_args_is_help_not": {"no_args_is_help": False},
            "hidden": {"hidden": True},
            "deprecated": {"deprecated": True},
            "chain": {"chain": True},
            "invoke_without_command": {"invoke_without_command": True},
            "both": {"invoke_without_command": True, "no_args_is_help": True},
            "result_callback": {"result_callback": "note"},
            "subcommand_metavar": {"subcommand_metavar": "SUB"},
            "aliases": {"aliases": ["s"]},
            "name": {"name": "other"},
            "context_settings": {"context_settings": {"ignore_unknown_options": False}},
            "internal": {"internal": True},
        }.items()
    },
)
async def group_attribute(t: Transcript, options: Any) -> None:
    group = kit.parser()
    if options.get("result_callback"):
        options = {"result_callback": lambda *a, **k: t.note("result callback", [len(a), k])}

    def sub(*args: Any, flag: bool) -> None:
        """A group."""
        t.note("group runs", [len(args), flag])

    sub = click.option("--flag", is_flag=True)(sub)
    made = t.quietly("add", lambda: group.group(**options)(sub))
    if made is None:
        return

    @made.command()
    async def one(command: Any) -> None:
        t.note("one runs", command.body)
        command.finish(text="one")

    @made.command(aliases=["zwei"])
    @click.argument("N", type=int, required=False)
    async def two(command: Any, n: int) -> None:
        t.note("two runs", n)
        command.finish(text="two")

    await lines_of(
        t,
        "json",
        group,
        "sub",
        "sub one",
        "sub two 2",
        "sub --flag one",
        "sub one two",
        "sub nope",
        "sub --help",
        "help sub",
        "s one",
        "sub zwei -3",
        "other one",
        "help",
    )


@table("click.group_without_subcommand", {kind: {"kind": kind} for kind in kit.KINDS})
async def group_without(t: Transcript, kind: str) -> None:
    await lines_of(t, kind, tree(t), "sub", "help sub")


@scenario("click.default_group")
async def default_group(t: Transcript) -> None:
    from click_default_group import DefaultGroup

    group = kit.parser()

    @group.group(cls=DefaultGroup, default="one", default_if_no_args=True)
    def sub(*args: Any) -> None:
        pass

    from clu.parsers.click import CluCommand

    @sub.command(cls=CluCommand)
    @click.argument("N", type=int, default=1)
    async def one(command: Any, n: int) -> None:
        command.finish(text=f"one {n}")

    @sub.command(cls=CluCommand)
    async def two(command: Any) -> None:
        command.finish(text="two")

    await lines_of(
        t, "json", group, "sub", "sub one 3", "sub 4", "sub two", "sub nope", "sub --help"
    )


ORDERS = {
    "pass_args": ("pass_args",),
    "context_above": ("context", "pass_args"),
    "context_below": ("pass_args", "context"),
    "obj_above": ("obj", "pass_args"),
    "obj_below": ("pass_args", "obj"),
    "context": ("context",),
    "obj": ("obj",),
    "nothing": (),
}


@table(
    "click.pass",
    {
        f"{where}.{name}": {"order": order, "where": where}
        for where in ("group", "command")
        for name, order in ORDERS.items()
    },
)
async def passing(t: Transcript, order: Any, where: str) -> None:
    """Which arguments a callback gets, in which order."""
    from clu.parsers.click import pass_args

    group = kit.parser()

    def take(*args: Any, **kwargs: Any) -> None:
        t.note(f"{where} gets", [[type(a).__name__ for a in args], kwargs])
        for one in args:
            if isinstance(one, click.Context):
                t.note("context obj", sorted(map(str, one.obj)))
                t.note("invoked", one.invoked_subcommand)
        for one in args:
            if hasattr(one, "replies") and where == "command":
                one.finish()

    decorators = {"pass_args": pass_args(), "context": click.pass_context, "obj": click.pass_obj}
    for name in reversed(order):
        take = decorators[name](take)
    take = click.option("--n", default=1)(take)
    if where == "group":
        sub = group.group(name="sub")(take)

        @sub.command()
        async def one(command: Any, *args: Any) -> None:
            t.note("command gets", [type(a).__name__ for a in args])
            command.finish()
    else:
        group.command(name="work")(take)
    line = "sub one" if where == "group" else "work"
    await lines_of(t, "json", group, line, parser_args=[5, "six"], context_obj={"a": 1})


@table(
    "click.parser_args",
    {
        name: {"value": value}
        for name, value in (
            ("empty", []),
            ("none", None),
            ("tuple", (1,)),
            ("list", [1, {"a": 2}]),
            ("unset", "unset"),
        )
    },
)
async def parser_args(t: Transcript, value: Any) -> None:
    group = kit.parser()

    @group.command()
    async def work(command: Any, *args: Any, **kwargs: Any) -> None:
        t.note("gets", [list(args), kwargs])
        command.finish()

    given = {} if value == "unset" else {"parser_args": value}
    await lines_of(t, "json", group, "work", **given)


@table(
    "click.context_obj",
    {
        name: {"value": value}
        for name, value in (
            ("empty", {}),
            ("none", None),
            ("full", {"a": 1}),
            ("actor", {"actor": 5}),
        )
    },
)
async def context_obj(t: Transcript, value: Any) -> None:
    group = kit.parser()

    @group.command()
    async def work(command: Any) -> None:
        context = click.get_current_context()
        t.note("obj", {str(key): type(item).__name__ for key, item in context.obj.items()})
        t.note("command.context", command.context is context)
        t.note("info_name", context.info_name)
        t.note("path", context.command_path)

        async def later() -> None:
            t.note("in a task", click.get_current_context().obj.get("a"))

        await asyncio.create_task(later())
        command.finish()

    await lines_of(t, "json", group, "work", context_obj=value)


ERRORS: dict[str, Any] = {
    "runtime": lambda: RuntimeError("kaput"),
    "key": lambda: KeyError("k"),
    "empty": lambda: ValueError(),
    "usage": lambda: click.UsageError("wrong use"),
    "bad_parameter": lambda: click.BadParameter("wrong value"),
    "bad_argument": lambda: click.BadArgumentUsage("wrong arguments"),
    "click_exception": lambda: click.ClickException("a click error"),
    "file": lambda: click.FileError("x.txt", "no such"),
    "abort": lambda: click.Abort(),
    "exit": lambda: click.exceptions.Exit(0),
    "exit_1": lambda: click.exceptions.Exit(1),
    "system_exit": lambda: SystemExit(3),
    "cancelled": lambda: asyncio.CancelledError(),
    "clu": lambda: __import__("clu").CluError("clu's"),
    "command_error": lambda: __import__("clu").CommandError("clu's"),
    "timeout": lambda: asyncio.TimeoutError(),
    "long": lambda: ValueError("x" * 3000),
    "lines": lambda: ValueError("one\ntwo"),
    "not_implemented": lambda: __import__("clu").CluNotImplemented(),
}


@table(
    "click.error",
    {
        f"{kind}.{name}.{where}": {"kind": kind, "name": name, "where": where}
        for name in ERRORS
        for kind in kit.KINDS
        for where in ("async", "plain", "after the end", "group", "raise_on_error")
        if (kind == "json" or where == "async") or (name == "runtime")
    },
)
async def error(t: Transcript, kind: str, name: str, where: str) -> None:
    """What is raised in a callback: the replies, the log, what the loop is told."""
    group = kit.parser()

    @group.group()
    def sub(*args: Any) -> None:
        if where == "group":
            raise ERRORS[name]()  # noqa: RSE102

    if where == "plain":

        @sub.command()
        def work(command: Any) -> None:
            command.info(text="begins")
            raise ERRORS[name]()  # noqa: RSE102
    else:

        @sub.command()
        async def work(command: Any) -> None:
            command.info(text="begins")
            if where == "after the end":
                command.finish()
            await asyncio.sleep(0)
            raise ERRORS[name]()  # noqa: RSE102

    more = {"parser_raise_on_error": True} if where == "raise_on_error" else {}
    await lines_of(t, kind, group, "sub work", **more)


@table(
    "click.cancellable",
    {
        name: {"lines": lines}
        for name, lines in {
            "twice": ("work", "work"),
            "stop": ("work", "work --stop"),
            "stop_none": ("work --stop",),
            "twice_stop": ("work", "work", "work --stop"),
            "sub_twice": ("sub inner", "sub inner"),
            "sub_stop": ("sub inner", "sub inner --stop"),
            "cleaning": ("clean", "clean --stop"),
            "argument": ("number 5", "number 5 --stop"),
            "argument_missing": ("number 5", "number --stop"),
            "plain": ("plain", "plain --stop"),
            "unique": ("uni", "uni"),
            "unique_thrice": ("uni", "uni", "uni"),
            "timeout": ("tmo",),
            "both": ("both", "both"),
            "other": ("other", "other"),
            "halt": ("sub inner", "halt"),
            "tasks": ("work", "tasks"),
            "tasks_none": ("tasks",),
            "name": ("which", "sub who"),
        }.items()
    },
)
async def cancellable(t: Transcript, lines: Any) -> None:
    """Exclusive and cancellable commands, and the functions beside."""
    from clu.parsers.click import (
        cancel_command,
        get_current_command_name,
        get_running_tasks,
        timeout,
        unique,
    )

    group = kit.parser()

    @group.command(cancellable=True)
    async def work(command: Any) -> None:
        await asyncio.sleep(0.3)
        command.finish(text="worked")

    @group.command(cancellable=True)
    async def clean(command: Any) -> None:
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            command.warning(text="cleaning")
            raise
        command.finish()

    @group.command(cancellable=True)
    @click.argument("N", type=int)
    async def number(command: Any, n: int) -> None:
        await asyncio.sleep(0.3)
        command.finish(n=n)

    @group.command(cancellable=True)
    def plain(command: Any) -> None:
        command.finish(text="plain")

    @group.command()
    @unique()
    async def uni(command: Any) -> None:
        await asyncio.sleep(0.2)
        command.finish(text="uni")

    @group.command()
    @timeout(0.05)
    async def tmo(command: Any) -> None:
        await asyncio.sleep(1)

    @group.command()
    @unique()
    @timeout(0.1)
    async def both(command: Any) -> None:
        await asyncio.sleep(1)

    @group.command()
    @timeout(0.1)
    @unique()
    async def other(command: Any) -> None:
        await asyncio.sleep(1)

    @group.group()
    def sub(*args: Any) -> None:
        pass

    @sub.command(cancellable=True)
    async def inner(command: Any) -> None:
        t.note("name", get_current_command_name())
        await asyncio.sleep(0.3)
        command.finish()

    @sub.command()
    async def who(command: Any) -> None:
        command.finish(text=get_current_command_name())

    @group.command()
    async def which(command: Any) -> None:
        command.finish(text=get_current_command_name())

    @group.command()
    async def halt(command: Any) -> None:
        for name in ("inner", "sub_inner", "sub inner", "act_sub_inner", "nope"):
            t.call(f"running {name}", get_running_tasks, name)
            t.call(f"cancel {name}", cancel_command, name)
        t.call("cancel strict", cancel_command, "nope", ok_no_exists=False)
        command.finish()

    @group.command()
    async def tasks(command: Any) -> None:
        t.call("running", get_running_tasks, "work")
        t.call("keep", cancel_command, "work", keep_last=True)
        command.finish()

    actor = await kit.mocked("json", additional_properties=True)
    actor.parser = group
    commands = []
    for number_, line in enumerate(lines):
        commands.append(actor.invoke_mock_command(line, command_id=number_))
        await asyncio.sleep(0.02)
    await asyncio.wait(commands, timeout=1.5)
    await t.turns()
    for number_, line in enumerate(lines):
        t.note(line, commands[number_].status)
        t.note(
            f"replies of {line}",
            [[r.flag, dict(r)] for r in actor.mock_replies if r.command_id == number_],
        )


@table(
    "click.helper",
    {
        name: {"name": name}
        for name in (
            "coroutine",
            "coro_helper",
            "unique_args",
            "timeout_type",
            "cancel_nothing",
            "pass_args_bare",
            "current_name_outside",
            "running_outside",
            "child_of_group",
            "stop_context",
        )
    },
)
async def helper(t: Transcript, name: str) -> None:
    from clu.parsers import click as parsers

    async def work(*args: Any, **kwargs: Any) -> str:
        t.took("work", args, kwargs)
        return "value"

    if name == "coroutine":
        wrapped = t.quietly("coroutine", parsers.coroutine, work)
        t.note("is a coroutine function", asyncio.iscoroutinefunction(wrapped))
        t.attributes("wrapped", wrapped, "__name__")
    elif name == "coro_helper":
        for function in (work, lambda *a: "plain", None):
            value = t.quietly("helper", parsers.coro_helper, function, 1, a=2)
            if asyncio.iscoroutine(value) or isinstance(value, asyncio.Future):
                await t.wait("awaited", value)
            else:
                t.note("value", value)
    elif name == "unique_args":
        t.quietly("unique", parsers.unique)
        t.quietly("unique bare", parsers.unique, work)
    elif name == "timeout_type":
        for value in (0, None, "x", 1.5):
            t.quietly(f"timeout {value!r}", lambda value=value: parsers.timeout(value)(work))
    elif name == "cancel_nothing":
        t.call("cancel", parsers.cancel_command)
        t.call("cancel none", parsers.cancel_command, None)
        t.call("cancel name", parsers.cancel_command, "nope")
        t.call("cancel strict", parsers.cancel_command, "nope", ok_no_exists=False)
    elif name == "pass_args_bare":
        t.quietly("bare", parsers.pass_args, work)
    elif name == "current_name_outside":
        t.call("name", parsers.get_current_command_name)
    elif name == "running_outside":
        for value in ("", None, "x"):
            t.call(f"running {value!r}", parsers.get_running_tasks, value)
    elif name == "child_of_group":
        group = kit.parser()

        @group.command()
        async def outer(command: Any) -> None:
            child = await command.child_command("ping")
            t.note("child", child)
            command.finish()

        await lines_of(t, "json", group, "outer")
    elif name == "stop_context":
        t.note("context", click.get_current_context(silent=True))


@table(
    "click.callback",
    {
        name: {"name": name}
        for name in (
            "never_ends",
            "returns_value",
            "returns_command",
            "wrapped",
            "partial_class",
            "task_group",
            "nargs",
            "types",
            "envvar",
            "prompt",
            "confirmation",
            "multiple",
            "echo",
            "set",
            "replaced",
            "added_plain_command",
            "count",
            "required_option",
            "choice",
            "negative",
            "quoted",
            "stdin",
        )
    },
)
async def callback(t: Transcript, name: str) -> None:
    import functools

    group = kit.parser()
    lines: tuple[str, ...] = ("work",)
    decorators: list[Any] = []

    async def work(command: Any, **kwargs: Any) -> Any:
        t.note("gets", kwargs)
        if name == "returns_value":
            command.finish()
            return 5
        if name == "returns_command":
            return command.finish(text="x")
        if name == "echo":
            click.echo("to stdout")
        if name == "prompt":
            click.prompt("Really?")
        if name == "confirmation":
            click.confirm("Really?", abort=True)
        if name == "stdin":
            t.call("stdin", sys.stdin.read)
        if name == "task_group":

            async def fail() -> None:
                raise ValueError("in the group")

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail())
                await asyncio.sleep(0.1)
        if name != "never_ends":
            command.finish()
        return None

    if name == "wrapped":
        inner = work

        @functools.wraps(inner)
        async def work(command: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[no-redef]
            t.note("wrapper", True)
            return await inner(command, *args, **kwargs)
    elif name == "nargs":
        decorators = [click.argument("WORDS", nargs=-1), click.option("--pair", nargs=2, type=int)]
        lines = ("work a b 'c d'", "work", "work --pair 1 2 x", "work --pair 1")
    elif name == "types":
        decorators = [
            click.argument("N", type=click.IntRange(1, 5)),
            click.option("--f", type=float),
            click.option("--b", type=bool),
            click.option("--d", type=click.DateTime()),
        ]
        lines = ("work 3 --f 2", "work 9", "work 3 --b maybe", "work 2 --d 2020-01-01", "work")
    elif name == "multiple":
        decorators = [click.option("-v", multiple=True)]
        lines = ("work -v 1 -v 2", "work -v")
    elif name == "count":
        decorators = [click.option("-v", "verbose", count=True)]
        lines = ("work -vvv", "work -v")
    elif name == "required_option":
        decorators = [click.option("--a", required=True)]
        lines = ("work", "work --a", "work --a 1", "work --a=")
    elif name == "choice":
        decorators = [
            click.argument("C", type=click.Choice(["red", "Green"], case_sensitive=False))
        ]
        lines = ("work red", "work GREEN", "work blue", "work")
    elif name == "negative":
        decorators = [click.argument("N", type=float), click.option("--m", type=float)]
        lines = ("work -1", "work -1.5 --m -2", "work --m -2 -- -1", "work -inf")
    elif name == "quoted":
        decorators = [click.argument("A"), click.option("--t")]
        lines = ("work 'a b' --t \"c 'd'\"", "work a\\ b", "work ''", 'work "a\nb"', "work a#b")
    elif name == "envvar":
        decorators = [click.option("--a", envvar="HOME_OF_NOBODY", default="d")]
    command = work
    for decorator in reversed(decorators):
        command = decorator(command)
    if name == "added_plain_command":
        group.add_command(click.command(name="work")(command))
    elif name == "set":
        group.command(name="set")(command)
        lines = ("set", "help set")
    elif name == "replaced":
        group.commands.pop("version")
        group.command(name="version")(command)
        lines = ("version",)
    elif name == "partial_class":
        from clu.parsers.click import CluCommand

        group.add_command(CluCommand(name="work", callback=command))
        group.add_command(CluCommand(name="bare"))
        lines = ("work", "bare")
    else:
        group.command(name="work")(command)
    if sys.version_info < (3, 11) and name == "task_group":
        return
    await lines_of(t, "json", group, *lines)
