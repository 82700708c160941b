"""What actors in use do, one scenario for each idiom, and programs that once went another way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any
from unittest import mock

import click

from .. import kit
from ..registry import scenario

if TYPE_CHECKING:
    from ..transcript import Transcript


def flags(t: Transcript, actor: Any) -> None:
    kit.note_replies(t, actor)


# basecam.


@scenario("reliance.basecam.instance_parser")
async def instance_parser(t: Transcript) -> None:
    import clu
    from clu.testing import setup_test_actor

    class Camera(clu.JSONActor):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.parser = kit.parser()
            super().__init__(*args, **kwargs)

    one = await setup_test_actor(Camera("cam", host="localhost", port=1))
    other = await setup_test_actor(Camera("cam2", host="localhost", port=1))
    t.note("own parsers", one.parser is not other.parser)
    await kit.invoke(t, one, "ping")
    flags(t, one)


@scenario("reliance.basecam.handlers")
async def handlers(t: Transcript) -> None:
    actor = kit.build("json", log_dir=False)
    t.note("handlers", len(actor.log.handlers))
    t.note("warnings logger", hasattr(actor.log, "warnings_logger"))


@scenario("reliance.basecam.actor_handler")
async def warnings_handler(t: Transcript) -> None:
    import warnings

    from clu import ActorHandler, CluWarning

    actor = await kit.mocked("json")
    handler = ActorHandler(actor, level=logging.WARNING, filter_warnings=[CluWarning, UserWarning])
    actor.log.addHandler(handler)
    if getattr(actor.log, "warnings_logger", None):
        actor.log.warnings_logger.addHandler(handler)
    actor.log.warning("a warning")
    actor.log.error("an error")
    actor.log.info("nothing")
    warnings.warn("through warnings", CluWarning, stacklevel=1)
    await t.turns()
    flags(t, actor)


@scenario("reliance.basecam.group_from_scratch")
async def from_scratch(t: Transcript) -> None:
    from clu.parsers.click import CluGroup, get_command_model, help_, ping, version

    @click.group(cls=CluGroup)
    def group() -> None:
        pass

    for command in (get_command_model, help_, ping, version):
        group.add_command(command)

    @group.command()
    @click.argument("NAMES", nargs=-1)
    async def status(command: Any, cameras: Any, names: Any) -> None:
        for camera in names or cameras:
            command.info(status={"camera": camera, "temp": -1.5})
        command.finish()

    actor = await kit.mocked("json", additional_properties=True)
    actor.parser = group
    actor.parser_args = [["one", "two"]]
    for line in ("status", "status one", "help", "get-command-model", "version"):
        await kit.invoke(t, actor, line, f"`{line}`")
    t.note("commands", sorted(actor.parser.commands))
    flags(t, actor)


@scenario("reliance.basecam.context_in_tasks")
async def context_in_tasks(t: Transcript) -> None:
    @kit.command()
    async def expose(command: Any) -> None:
        async def stage() -> None:
            t.note("context", click.get_current_context().obj["expose"])

        await asyncio.gather(*[asyncio.create_task(stage()) for _ in range(2)])
        command.finish()

    actor = await kit.mocked("json", parse=kit.parser(expose))
    actor.context_obj["expose"] = 5
    await kit.invoke(t, actor, "expose")
    actor.context_obj["expose"] = 6
    await kit.invoke(t, actor, "expose")
    flags(t, actor)


@scenario("reliance.basecam.errors_as_messages")
async def errors_as_messages(t: Transcript) -> None:
    class CameraError(Exception):
        pass

    @kit.command()
    async def expose(command: Any) -> None:
        try:
            raise CameraError("no shutter")
        except CameraError as error:
            command.error(error)
            command.fail(error=error)

    for kind in ("json", "legacy"):
        actor = await kit.mocked(kind, parse=kit.parser(expose), additional_properties=True)
        command = await kit.invoke(t, actor, "expose")
        t.note("flags", [[r.flag, sorted(r)] for r in actor.mock_replies])
        t.note("in", "no shutter" in actor.mock_replies)
        t.note("status", [command.flags.READY, command.status.DONE])


@scenario("reliance.basecam.unique_expose")
async def unique_expose(t: Transcript) -> None:
    from clu.parsers.click import unique

    @kit.command()
    @unique()
    async def expose(command: Any) -> None:
        await asyncio.sleep(0.05)
        command.finish()

    actor = await kit.mocked("json", parse=kit.parser(expose))
    one = actor.invoke_mock_command("expose", command_id=1)
    two = actor.invoke_mock_command("expose", command_id=2)
    await asyncio.wait([one, two], timeout=1)
    t.note("status", [one.status, two.status])
    flags(t, actor)


@scenario("reliance.basecam.test_command")
async def basecam_test_command(t: Transcript) -> None:
    import clu.testing

    actor = await kit.mocked("json")
    command = clu.testing.TestCommand(commander_id=1, actor=actor)
    command.set_status("RUNNING")
    command.info(text="x")
    command.finish()
    t.note("awaited", await command is command)
    flags(t, actor)


@scenario("reliance.basecam.legacy_format")
async def legacy_format(t: Transcript) -> None:
    actor = await kit.mocked("legacy", additional_properties=True)
    actor.write("i", area=["test_camera", 1, 640, 1, 480], on=[True, False], empty=None, text="a b")
    kit.note_bytes(t, actor)
    flags(t, actor)


# archon.


@scenario("reliance.archon.abort_reason")
async def abort_reason(t: Transcript) -> None:
    """A command whose task another one cancels, and then fails with a reason."""
    state: dict[str, Any] = {}

    @kit.command()
    async def expose(command: Any) -> None:
        async def integrate() -> None:
            await asyncio.sleep(5)

        state["task"], state["command"] = asyncio.create_task(integrate()), command
        await state["task"]
        command.finish()

    @kit.command()
    async def abort(command: Any) -> None:
        state["task"].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await state["task"]
        state["command"].fail(error="Exposure aborted by user")
        command.finish()

    actor = await kit.mocked("json", parse=kit.parser(expose, abort))
    one = actor.invoke_mock_command("expose", command_id=1)
    await asyncio.sleep(0.03)
    await kit.invoke(t, actor, "abort", command_id=2)
    await asyncio.wait([one], timeout=1)
    t.note("status", one.status)
    for number in (1, 2):
        t.note(
            f"replies {number}",
            [[r.flag, dict(r)] for r in actor.mock_replies if r.command_id == number],
        )


@scenario("reliance.archon.bound_debug_as_callback")
async def bound_debug(t: Transcript) -> None:
    from clu import Command

    actor = await kit.mocked("json")
    command = Command("", actor=actor)
    notify = command.debug
    notify("progress")
    t.note("replies", [[r.message_code, r.message, r.body] for r in command.replies])
    command.set_status = mock.MagicMock()  # type: ignore[method-assign]
    command.finish(text="x")
    t.note("set_status", [[list(c.args), c.kwargs] for c in command.set_status.mock_calls])
    t.note("done", command.done())


@scenario("reliance.archon.parser_args_before_init")
async def parser_args_before(t: Transcript) -> None:
    import clu
    from clu.testing import setup_test_actor

    class Archon(clu.BaseActor):
        def __init__(self, *args: Any, controllers: Any = (), **kwargs: Any) -> None:
            self.controllers = {str(c): c for c in controllers}
            self.parser_args = [self.controllers]
            super().__init__(*args, **kwargs)

    class Actor(Archon, clu.JSONActor):
        parser = kit.parser()

    @Actor.parser.command()
    async def which(command: Any, controllers: Any) -> None:
        command.finish(text=str(sorted(controllers)))

    actor = await setup_test_actor(Actor("a", host="h", port=1, controllers=(1, 2)))
    t.note("parser_args", actor.parser_args)
    await kit.invoke(t, actor, "which")
    actor.parser_args = [{"9": 9}]
    await kit.invoke(t, actor, "which")
    flags(t, actor)


@scenario("reliance.archon.write_forms")
async def write_forms(t: Transcript) -> None:
    from clu import Command

    actor = await kit.mocked("json", additional_properties=True)
    for writer in (actor, Command("", actor=actor)):
        for args, keywords in (
            ((), {"log": {"a": 1}}),
            ((), {"message_code": "d", "a": 1}),
            (("w", "text"), {}),
            (("d",), {"message": {"a": 1}}),
            (("d", {"a": 1}), {}),
            (("e", {"error": ValueError("x"), "controller": "c"}), {"expand_exceptions": False}),
        ):
            t.quietly(f"{args} {sorted(keywords)}", writer.write, *args, **keywords)
    flags(t, actor)


@scenario("reliance.archon.exact_replies")
async def exact_replies(t: Transcript) -> None:
    @kit.command()
    async def status(command: Any) -> None:
        command.info(status={"a": 1})
        command.finish(done=True)

    for kind in kit.KINDS:
        actor = await kit.mocked(kind, parse=kit.parser(status), additional_properties=True)
        command = await kit.invoke(t, actor, "status")
        t.note(
            "replies", [[r.message_code, r.message, r.body is r.message] for r in command.replies]
        )
        t.call("get", command.replies.get, "status")
        t.call("missing", command.replies.get, "zzz")


@scenario("reliance.archon.timed_commands")
async def archon_timed(t: Transcript) -> None:
    actor = await kit.mocked("json")
    actor.timed_commands.add_command("ping", delay=60)
    t.note("running", actor.timed_commands.running)
    actor.timed_commands.start()
    t.note("running", actor.timed_commands.running)
    await actor.timed_commands.stop()
    t.note("running", actor.timed_commands.running)


@scenario("reliance.archon.patched_start")
async def patched_start(t: Transcript) -> None:
    import clu.actor

    with mock.patch.object(clu.actor.AMQPBaseActor, "start") as start:
        actor = clu.AMQPActor("a")
        value = actor.start()
        if asyncio.iscoroutine(value) or isinstance(value, asyncio.Future):
            await value
        t.note("called", start.call_count)


@scenario("reliance.archon.delegate_wrapper")
async def wrapper(t: Transcript) -> None:
    import functools

    def parallel(function: Any) -> Any:
        @functools.wraps(function)
        async def inner(command: Any, controllers: Any, **options: Any) -> Any:
            t.note("options", options)
            return await asyncio.gather(*[function(command, c, **options) for c in controllers])

        return click.option("-c", "--one", is_flag=True)(inner)

    @kit.command()
    @parallel
    @click.argument("N", type=int, default=1)
    async def init(command: Any, controller: Any, one: bool, n: int) -> None:
        command.info(text=f"{controller} {n} {one}")
        if not command.done() and controller == "b":
            command.finish()

    actor = await kit.mocked("json", parse=kit.parser(init))
    actor.parser_args = [["a", "b"]]
    await kit.invoke(t, actor, "init 3 -c")
    flags(t, actor)


# HAL.


@scenario("reliance.hal.bare_command")
async def bare_command(t: Transcript) -> None:
    from clu import Command, CommandStatus

    for status in ("done", CommandStatus.DONE, "FAILED"):
        command = Command()
        command.set_status(status)
        t.note("awaited", await command is command)
        t.note("status", [command.status, command.status.did_succeed])
    command = Command()
    command.status = CommandStatus.DONE
    t.note("awaited", await command is command)
    t.note("generic", str(Command[int])[-12:])


@scenario("reliance.hal.command_of_a_parent")
async def of_a_parent(t: Transcript) -> None:
    from clu import Command

    @kit.command()
    async def outer(command: Any) -> None:
        inner = await Command("inner", parent=command).parse()
        t.note(
            "inner",
            [inner.status, inner.actor is command.actor, [r.message for r in inner.replies]],
        )
        command.finish(text="outer")

    @kit.command()
    async def inner(command: Any) -> None:
        command.info(text="inner")
        command.finish(number=5)

    @kit.command()
    async def failing(command: Any) -> None:
        child = await command.child_command("nope")
        t.note("child", child.status)
        command.fail("the child failed")

    actor = await kit.mocked(
        "legacy", parse=kit.parser(outer, inner, failing), additional_properties=True
    )
    await kit.invoke(t, actor, "outer")
    await kit.invoke(t, actor, "failing")
    flags(t, actor)


@scenario("reliance.hal.coro_helper")
async def hal_coro_helper(t: Transcript) -> None:
    import functools

    from clu.parsers.click import coro_helper

    def fail_if_running(function: Any) -> Any:
        @functools.wraps(function)
        async def inner(command: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("bad"):
                raise click.BadArgumentUsage("not now")
            return await coro_helper(function, command, *args, **kwargs)

        return functools.update_wrapper(inner, function)

    @kit.command(cancellable=True)
    @click.option("--bad", is_flag=True)
    @fail_if_running
    async def goto(command: Any, bad: bool) -> None:
        command.finish(text="there")

    actor = await kit.mocked("legacy", parse=kit.parser(goto))
    for line in ("goto", "goto --bad", "goto --stop"):
        await kit.invoke(t, actor, line, f"`{line}`")
    flags(t, actor)


@scenario("reliance.hal.stop_goto")
async def stop_goto(t: Transcript) -> None:
    @kit.command(cancellable=True)
    async def goto(command: Any) -> None:
        command.info(text="slewing")
        try:
            await asyncio.sleep(3)
        except asyncio.CancelledError:
            command.warning(text="stopped")
            command.fail(error="cancelled by hand")
            return
        command.finish()

    actor = await kit.mocked("legacy", parse=kit.parser(goto))
    one = actor.invoke_mock_command("goto", command_id=1)
    await asyncio.sleep(0.02)
    two = actor.invoke_mock_command("goto", command_id=2)
    await asyncio.sleep(0.02)
    three = actor.invoke_mock_command("goto --stop", command_id=3)
    await asyncio.wait([one, two, three], timeout=1)
    t.note("status", [one.status, two.status, three.status])
    flags(t, actor)


@scenario("reliance.hal.models_without_hub")
async def models_without_hub(t: Transcript) -> None:
    from .hub import keys

    keys(t)
    actor = await kit.mocked("legacy", tron_host="127.0.0.1", tron_port=1, models=["cam"])
    actor.models["cam"]["exp"].value = [5.5]
    t.note("value", [actor.models["cam"]["exp"].value, actor.models["cam"]["EXP"][0]])
    with mock.patch.dict(actor.models["cam"], {"state": mock.MagicMock(value=["x"])}):
        t.note("replaced", actor.models["cam"]["state"].value)
    t.note("connected", actor.tron.connected())
    plain = await kit.mocked("legacy", name="plain")
    t.note("no tron", plain.tron)
    t.note("models", plain.models)


@scenario("reliance.hal.invoke_later")
async def invoke_later(t: Transcript) -> None:
    actor = await kit.mocked("legacy", parse=kit.parser())
    asyncio.get_running_loop().call_later(0.01, actor.invoke_mock_command, "ping")
    await t.until(lambda: any(r.flag == ":" for r in actor.mock_replies))
    command = actor.invoke_mock_command("version")
    t.note("twice", [await command is command, await command is command])
    t.call("get", command.replies.get, "version")
    flags(t, actor)


@scenario("reliance.hal.config_models")
async def config_models(t: Transcript) -> None:
    import clu

    class Hal(clu.LegacyActor):
        @classmethod
        def from_config(cls, config: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs["models"] = kwargs.get("models", [])
            kwargs["models"] += []
            return super().from_config(config, *args, **kwargs)

    actor = Hal.from_config({"actor": {"name": "hal", "host": "h", "port": 1}, "more": 5})
    t.note("config", actor.config)
    t.note("models", actor.models)


@scenario("reliance.hal.empty_values")
async def empty_values(t: Transcript) -> None:
    schema = {
        "type": "object",
        "properties": {"running": {"type": "array"}, "stage": {"type": "array"}},
    }
    actor = await kit.mocked("legacy", schema=schema)
    actor.write("i", running=["macro_test", '""', ""], stage=["stage2", "failed"])
    t.note("model", actor.model["running"].value)
    kit.note_bytes(t, actor)
    flags(t, actor)


@scenario("reliance.hal.no_keywords")
async def unicode_reply(t: Transcript) -> None:
    actor = await kit.mocked("legacy", additional_properties=True)
    actor.write(">")
    actor.write(":", message={})
    actor.write("i", message=None, broadcast=True)
    actor.write("i", {"a": 1}, concatenate=False)
    kit.note_bytes(t, actor)


# Other packages.


@scenario("reliance.jaeger.group_context")
async def group_context(t: Transcript) -> None:
    from clu.parsers.click import pass_args

    @kit.group()
    @pass_args()
    @click.pass_context
    def ieb(ctx: Any, command: Any, fps: Any) -> None:
        t.note(
            "group gets", [type(ctx).__name__, type(command).__name__, fps, ctx.invoked_subcommand]
        )
        if fps == "off":
            command.fail(error="not connected")
            raise click.Abort

    @ieb.command()
    async def status(command: Any, fps: Any) -> None:
        command.finish(text=str(fps))

    actor = await kit.mocked("legacy", parse=kit.parser(ieb))
    for given in ("on", "off"):
        actor.parser_args = [given]
        await kit.invoke(t, actor, "ieb status", given)
    flags(t, actor)


@scenario("reliance.jaeger.replaced_version")
async def replaced_version(t: Transcript) -> None:
    from clu.parsers.click import command_parser

    command_parser.commands.pop("version")

    @command_parser.command()
    async def version(command: Any) -> None:
        command.finish(version="9.9")

    actor = await kit.mocked("legacy")
    await kit.invoke(t, actor, "version")
    flags(t, actor)


@scenario("reliance.cluplus.commands_in_context")
async def in_context(t: Transcript) -> None:
    @click.command(name="__commands", hidden=True)
    @click.pass_context
    def listing(ctx: Any, command: Any, *args: Any) -> None:
        t.note("gets", [type(ctx).__name__, hasattr(command, "replies")])
        command.finish(
            text=str(sorted(c for c in ctx.command.commands))
            if hasattr(ctx.command, "commands")
            else "none"
        )

    from clu.parsers.click import CluCommand

    made = CluCommand(
        name="__commands",
        callback=click.pass_context(
            lambda ctx, command, *a: command.finish(
                text=type(ctx.parent.command).__name__ if ctx.parent else "top"
            )
        ),
    )
    group = kit.parser()
    group.add_command(made)
    group.add_command(made)
    actor = await kit.mocked("json", parse=group)
    await kit.invoke(t, actor, "__commands")
    flags(t, actor)


@scenario("reliance.gort.command_model")
async def command_model(t: Transcript) -> None:
    from unclick.core import build_command_string

    @kit.command()
    @click.argument("N", type=int)
    @click.option("--flag", is_flag=True)
    async def move(command: Any, n: int, flag: bool) -> None:
        command.finish()

    actor = await kit.mocked("amqp", parse=kit.parser(move))
    command = await kit.invoke(t, actor, "get-command-model move")
    model = command.replies.get("command_model")
    t.note("model", model)
    t.call("string", build_command_string, model, 5, flag=True)


@scenario("reliance.flicamera.self_command")
async def self_command(t: Transcript) -> None:
    from clu import Command

    actor = await kit.mocked("json", parse=kit.parser())
    command = await Command("ping", actor=actor, commander_id=f".{actor.name}").parse()
    t.note("status", command.status)
    t.attributes("command", command, "commander_id", "command_id")
    flags(t, actor)


@scenario("reliance.flicamera.tron_key")
async def tron_key(t: Transcript) -> None:
    from clu.legacy import TronKey
    from clu.legacy.types import types
    from clu.legacy.types.keys import Key
    from clu.legacy.types.messages import Keyword
    from clu.legacy.types.pvt import PVT

    one = TronKey(
        "state", Key("state", types.Enum("a", "b")), Keyword("state", [types.String()("a")])
    )
    t.attributes("key", one, "name", "value", "keyword", "model")
    pvt = TronKey("pos", Key("pos", types.PVT()), Keyword("pos", [PVT(pos=1, vel=2, t=3)]))
    t.call("value", lambda: str(pvt.value))
    t.call("item", lambda: str(one[0]))


@scenario("reliance.lvm.without_model")
async def without_model(t: Transcript) -> None:
    actor = await kit.mocked("amqp", parse=kit.parser())
    actor.model = None
    await kit.invoke(t, actor, "ping")
    actor.write("i", anything=[1, {"a": 2}])
    actor.is_connected = mock.MagicMock(return_value=True)
    t.note("connected", actor.is_connected())
    await t.turns()
    flags(t, actor)


@scenario("reliance.lvm.never_started")
async def never_started(t: Transcript) -> None:
    import clu

    actor = clu.AMQPActor("a")
    t.note("channel", hasattr(actor.connection, "channel"))
    t.note("connection", actor.connection.connection)
    actor.connection.connection = mock.MagicMock(spec={"is_closed": False})
    with contextlib.suppress(asyncio.CancelledError):
        await t.wait("stop", actor.stop(), 0.5)


@scenario("reliance.lvm.schema_class")
async def schema_class(t: Transcript) -> None:
    from pydantic import BaseModel, Field

    class State(BaseModel):
        temperature: float = Field(..., title="T")
        names: list[str]
        other: int | None = None

    actor = await kit.mocked("amqp", schema=State)
    actor.write("i", temperature=5.0)
    actor.write("i", temperature="x")
    await t.turns()
    flags(t, actor)


# Programs that went another way.


@scenario("issue.reply_import")
async def reply_import(t: Transcript) -> None:
    def get() -> Any:
        from clu.actor import Reply

        return Reply

    reply = t.call("Reply", get)
    if reply is not None:
        one = t.quietly("make", reply, "w", {"a": 1})
        t.attributes("reply", one, "message_code")
        t.call("repr", lambda: repr(one)[:30])


@scenario("issue.own_tron_argument")
async def own_tron(t: Transcript) -> None:
    from clu import LegacyActor

    class Camera(LegacyActor):
        def __init__(self, *args: Any, tron: Any = None, **kwargs: Any) -> None:
            self.got = tron
            if tron:
                kwargs.update(tron_host=tron["host"], tron_port=tron["port"])
            super().__init__(*args, **kwargs)

    class Named(LegacyActor):
        def __init__(
            self, name: Any, host: Any, port: Any, tron: Any = None, config: Any = None
        ) -> None:
            self.got = tron
            super().__init__(name, host, port, config=config)

    section = {"host": "h", "port": 6093, "observatory_models": {"APO": ["tcc"]}}
    config = {"actor": {"name": "cam", "host": "127.0.0.1", "port": 1, "tron": section}}
    for cls in (Camera, Named):
        one = t.quietly(cls.__name__, cls.from_config, config)
        if one is not None:
            t.note("got", one.got)
            t.note("tron", one.tron and [one.tron.host, one.tron.port])
    top = {
        "actor": {"name": "cam", "host": "127.0.0.1", "port": 1},
        "tron": {"host": "hub", "port": 6093, "models": ["nosuch"]},
    }
    one = t.quietly("top", LegacyActor.from_config, top)
    t.note("tron", one and one.tron and [one.tron.host, one.tron.port])


@scenario("issue.write_of_subclass")
async def write_of_subclass(t: Transcript) -> None:
    """An actor that overrides `write` by its documented signature."""
    import clu
    from clu.testing import setup_test_actor

    class Mine(clu.JSONActor):
        def write(
            self,
            message_code: Any,
            message: Any = None,
            command: Any = None,
            broadcast: Any = False,
            silent: Any = False,
            internal: Any = False,
            write_to_log: Any = True,
            **kwargs: Any,
        ) -> Any:
            t.note(
                "write", [message_code, message, broadcast, silent, internal, write_to_log, kwargs]
            )
            return super().write(
                message_code,
                message=message,
                command=command,
                broadcast=broadcast,
                silent=silent,
                internal=internal,
                write_to_log=write_to_log,
                **kwargs,
            )

    actor = await setup_test_actor(Mine("m", host="h", port=1))
    for line in ("ping", "help", "nope", "get_schema", "keyword text", "get-command-model ping"):
        await kit.invoke(t, actor, line, f"`{line}`")
    clu.Command("x", actor=actor).info("hello", internal=True)
    flags(t, actor)


@scenario("issue.logging_initiated")
async def logging_initiated(t: Transcript) -> None:
    for kind in kit.KINDS:
        kit.build(kind, name=f"of_{kind}")


@scenario("issue.commands_on_behalf")
async def on_behalf(t: Transcript) -> None:
    """Which flags a command inherits that is sent, parsed or made for another."""
    from clu import Command

    @kit.command()
    async def inner(command: Any) -> None:
        t.attributes(
            "inner",
            command,
            "commander_id",
            "command_id",
            "internal",
            "silent",
            "write_to_log",
            "default_keyword",
        )
        command.info("text")
        command.finish(text="x")

    for kind in kit.KINDS:
        for options in ({}, {"internal": True}, {"silent": True}, {"write_to_log": False}):
            actor = await kit.mocked(kind, name=f"a{kind}", parse=kit.parser(inner))
            commander = {"json": "user", "legacy": 666, "amqp": "user.act"}[kind]
            top = Command("top", actor=actor, commander_id=commander, command_id=7, **options)
            t.note("case", [kind, options])
            await kit.ended(t, top.child_command("inner"))
            made = Command("inner", parent=top, internal=True)
            made.parse()
            await kit.ended(t, made)
            flags(t, actor)


@scenario("issue.websocket")
async def websocket(t: Transcript) -> None:
    from clu.websocket import WebsocketServer

    one = t.quietly("make", WebsocketServer, "127.0.0.1", 5)
    t.attributes("server", one, "whost", "wport", "wclients")
    t.quietly("default", WebsocketServer)
