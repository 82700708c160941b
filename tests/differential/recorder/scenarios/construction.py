"""Clients and actors as they are made: each parameter, configurations, loggers, names to patch."""

from __future__ import annotations

import asyncio
import copy
import importlib
import logging
import pathlib
import tempfile
import types
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock

from .. import kit
from ..registry import scenario, table

if TYPE_CHECKING:
    from ..transcript import Transcript

KINDS = (*kit.KINDS, "client", "tron")
ATTRIBUTES = (
    *(
        "name",
        "version",
        "config",
        "validate",
        "model",
        "models",
        "store",
        "host",
        "port",
        "transports",
    ),
    *(
        "parser_args",
        "context_obj",
        "parser_raise_on_error",
        "tron",
        "command_models",
        "running_commands",
    ),
    *(
        "exchange_name",
        "replies_queue",
        "commands_queue",
        "task_handlers",
        "timed_commands",
        "mid",
        "commander",
    ),
)


def make(kind: str, *args: Any, **kwargs: Any) -> Any:
    import clu
    from clu.legacy import TronConnection

    if kind == "client":
        return clu.AMQPClient(*args or ("act",), **kwargs)
    if kind == "tron":
        kwargs.setdefault("name", "act")
        return TronConnection("APO.act", "127.0.0.1", **kwargs)
    return kit.build(kind, *args, **kwargs)


VALUES: dict[str, tuple[Any, ...]] = {
    "version": ("1.2.3", "", None, 0),
    "log": (None, False),
    "verbose": (True, 0, 10, None),
    "validate": (False, None, 0),
    "config": ({}, {"a": 1}, None),
    "log_dir": (None, "", False),
    "schema": (None, {}, ""),
    "store": (True, ["a"], [], None),
    "additional_properties": (True, None),
    "models": ([], None, ["one"]),
    "loop": (None,),
    "nonsense": (1,),
    "host": (None, "", "localhost"),
    "port": (None, 0, "5"),
    "user": ("", None),
    "password": ("",),
    "virtualhost": ("", "x"),
    "ssl": (True, None),
    "url": (None, "", "amqp://u:p@h:5/v"),
    "tron_host": (None, "", "h"),
    "tron_port": (None, 0, 6093),
}
ONLY = {
    "client": ("schema", "store", "additional_properties", "tron_host", "tron_port"),
    "tron": (
        "schema",
        "store",
        "additional_properties",
        "user",
        "password",
        "virtualhost",
        "ssl",
        "url",
        "host",
        "tron_host",
        "tron_port",
    ),
    "json": ("user", "password", "virtualhost", "ssl", "url", "models", "tron_host", "tron_port"),
    "legacy": ("user", "password", "virtualhost", "ssl", "url", "validate"),
    "amqp": ("tron_host", "tron_port"),
}


@table(
    "init",
    {
        f"{kind}.{name}.{number}": {"kind": kind, "keywords": {name: value}}
        for kind in KINDS
        for name, values in VALUES.items()
        if name not in ONLY[kind]
        for number, value in enumerate(values)
    },
)
async def init(t: Transcript, kind: str, keywords: Any) -> None:
    one = t.quietly("init", make, kind, **keywords)
    if one is None:
        return
    t.attributes("one", one, *ATTRIBUTES)
    t.note("log", [one.log.name, one.log.level, len(one.log.handlers)] if one.log else one.log)
    if one.log:
        t.note("handlers", [[type(h).__name__, h.level] for h in one.log.handlers])
        t.note("file", getattr(one.log, "log_filename", None))
    if hasattr(one, "connection"):
        t.attributes(
            "connection",
            one.connection,
            "user",
            "password",
            "host",
            "port",
            "virtualhost",
            "ssl",
            "connection",
        )


@table(
    "init.name",
    {
        f"{kind}.{n}": {"kind": kind, "name": name}
        for kind in kit.KINDS
        for n, name in enumerate(("", None, "a b", 5, "é"))
    },
)
async def init_name(t: Transcript, kind: str, name: Any) -> None:
    one = t.quietly("init", kit.build, kind, name=name)
    if one is not None:
        t.attributes("one", one, "name", "version")
        t.note("log", one.log.name)


CONFIGS: dict[str, Any] = {
    "plain": {"name": "act", "host": "h", "port": 5},
    "actor": {"actor": {"name": "act", "host": "h", "port": 5}, "x": 1},
    "client": {"client": {"name": "act", "host": "h", "port": 5}},
    "empty": {},
    "none": None,
    "number": 5,
    "both": {
        "actor": {"name": "one", "host": "h", "port": 5},
        "client": {"name": "two", "host": "h", "port": 5},
    },
    "unknown": {"actor": {"name": "act", "host": "h", "port": 5, "nonsense": 5}},
    "missing_file": "/no/such/file.yml",
    "empty_section": {"actor": {}},
    "tron": {
        "actor": {
            "name": "act",
            "host": "h",
            "port": 5,
            "tron": {"host": "t", "port": 6093, "models": []},
        }
    },
    "tron_top": {
        "actor": {"name": "act", "host": "h", "port": 5},
        "tron": {"host": "t", "port": 6093},
    },
    "version": {"actor": {"name": "act", "host": "h", "port": 5, "version": "9"}},
    "schema": {
        "actor": {
            "name": "act",
            "host": "h",
            "port": 5,
            "schema": {"type": "object", "properties": {"a": {}}},
        }
    },
    "log_dir": {"actor": {"name": "act", "host": "h", "port": 5, "log_dir": False}},
}


@table(
    "from_config",
    {
        f"{kind}.{name}": {"kind": kind, "config": config}
        for kind in kit.KINDS
        for name, config in CONFIGS.items()
    },
)
async def from_config(t: Transcript, kind: str, config: Any) -> None:
    cls = kit.class_of(kind)
    for label, base, keywords in (
        ("plain", cls, {}),
        ("override", cls, {"version": "7"}),
        ("named", type("Named", (cls,), {"__init__": named_init(cls)}), {}),
    ):
        given = copy.deepcopy(config)
        one = t.quietly(label, base.from_config, given, **keywords)
        if one is not None:
            t.attributes(label, one, "name", "version", "host", "port", "config", "tron")
            t.note("model", one.model is not None and "a" in one.model)


def named_init(cls: Any) -> Any:
    def __init__(
        self: Any,
        name: Any,
        host: Any = None,
        port: Any = None,
        version: Any = None,
        config: Any = None,
    ) -> None:
        cls.__init__(self, name, host=host, port=port or 1, version=version, config=config)

    return __init__


@scenario("from_config.file")
async def from_config_file(t: Transcript) -> None:
    import clu

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(t.hide(folder, "<folder>")) / "act.yml"
        path.write_text("actor:\n  name: act\n  host: h\n  port: 5\nfiles:\n  a: 1\n")
        for given in (path, str(path)):
            one = t.quietly("file", clu.JSONActor.from_config, given)
            t.attributes("one", one, "name", "host", "port", "config")
            t.note("config type is a dict", isinstance(one.config, dict))
        path.write_text("just a string")
        t.quietly("string", clu.JSONActor.from_config, path)
        path.write_text("")
        t.quietly("empty", clu.JSONActor.from_config, path)


@scenario("from_config.configuration")
async def from_configuration(t: Transcript) -> None:
    from sdsstools import Configuration

    import clu

    configuration = Configuration(
        {"actor": {"name": "act", "host": "h", "port": 5}, "files": {"a": 1}}
    )
    one = t.quietly("from", clu.JSONActor.from_config, configuration)
    t.note("type", type(one.config).__name__)
    t.call("dotted", lambda: one.config.get("files.a"))
    t.call("item", lambda: one.config["files.a"])


@table("log_dir", {kind: {"kind": kind} for kind in kit.KINDS})
async def log_dir(t: Transcript, kind: str) -> None:
    """A log file: its name, its lines, with an uncaught error."""

    @kit.command()
    async def boom(command: Any) -> None:
        raise RuntimeError("kaput")

    with tempfile.TemporaryDirectory() as folder:
        t.hide(folder, "<folder>")
        actor = await kit.mocked(kind, log_dir=folder, parse=kit.parser(boom), schema=None)
        actor.log.info("from the actor")
        actor.write("i", "text")
        await t.turns()  # a reply over AMQP may be published, and logged, by a task
        await kit.invoke(t, actor, "ping", command_id=1)
        await kit.invoke(t, actor, "boom", command_id=2)
        for handler in actor.log.handlers:
            handler.flush()
        for path in sorted(pathlib.Path(folder).iterdir()):
            t.note("file", path.name)
            for line in path.read_text().splitlines():
                if line.startswith(
                    ("20", "RuntimeError")
                ):  # a record, and not a line of a traceback
                    t.note("line", line)


@table("uncaught", {kind: {"kind": kind} for kind in kit.KINDS})
async def uncaught(t: Transcript, kind: str) -> None:
    """Errors of the loop go to the log once the handler is set."""
    actor = await kit.mocked(kind)
    t.call("set", actor.set_loop_exception_handler)

    async def fail() -> None:
        raise ValueError("in a task")

    task = asyncio.create_task(fail())
    await t.turns(3)
    del task
    import gc

    gc.collect()
    await t.turns(3)
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await t.turns(3)
    asyncio.get_running_loop().call_exception_handler({"message": "only a message"})
    await t.turns(3)


# Names that tests patch.

MODULES = (
    "clu",
    "clu.actor",
    "clu.base",
    "clu.client",
    "clu.command",
    "clu.device",
    "clu.exceptions",
    "clu.model",
    "clu.parsers",
    "clu.parsers.click",
    "clu.parsers.json",
    "clu.protocol",
    "clu.store",
    "clu.testing",
    "clu.tools",
    "clu.legacy",
    "clu.legacy.actor",
    "clu.legacy.tron",
    "clu.websocket",
    "clu.legacy.types",
    "clu.legacy.types.keys",
    "clu.legacy.types.messages",
    "clu.legacy.types.parser",
    "clu.legacy.types.pvt",
    "clu.legacy.types.types",
)
#: Whose public names count. What a module imports from Python itself is nobody's to patch there.
PACKAGES = {
    *("clu", "sdsstools", "click", "click_aliases", "aio_pika", "aiormq", "jsonschema", "pydantic"),
    *("yaml", "websockets"),
}
#: Empty classes that nothing uses.
LEFTOVERS = {"TemporaryBase"}


@table("names", {name: {"name": name} for name in MODULES})
async def names(t: Transcript, name: str) -> None:
    """The names of a module that are of clu or of what it depends on; ours may be more."""
    module = importlib.import_module(name)
    found = []
    for key in dir(module):
        value = getattr(module, key)
        is_module = isinstance(value, types.ModuleType)
        home = value.__name__ if is_module else getattr(value, "__module__", None) or name
        of_types = is_module and name.startswith("clu.legacy.types")
        others = of_types or isinstance(value, TypeVar)
        others = others or key in LEFTOVERS
        if key[0] != "_" and home.partition(".")[0] in PACKAGES and not others:
            found.append(key)
    t.note("has", dict.fromkeys(sorted(found), "there"))


PATCHES = {
    "clu.actor.Command": "tcp",
    "clu.base.get_logger": "init",
    "clu.actor.Reply": "nothing",
    "clu.base.Reply": "write",
    "clu.base.Model": "init",
    "clu.actor.TCPStreamServer": "tcp",
    "clu.actor.TimedCommandList": "init",
    "clu.base.SDSSLogger": "nothing",
    "clu.legacy.actor.Command": "legacy",
    "clu.legacy.actor.TCPStreamServer": "legacy",
    "clu.legacy.actor.TronConnection": "tron",
    "clu.tools.format_value": "nothing",
    "clu.parsers.click.shlex.split": "parse",
    "clu.client.TopicListener": "client",
    "clu.client.Command": "nothing",
    "clu.command.asyncio.sleep": "nothing",
    "clu.device.open_connection": "nothing",
    "clu.legacy.actor.format_value": "write legacy",
    "clu.actor.BaseActor.write": "write",
    "clu.actor.TCPBaseActor._write_internal": "write",
    "clu.base.BaseActor.write": "write",
    "clu.model.jsonschema": "nothing",
    "clu.parsers.click.click": "nothing",
    "clu.actor.json.dumps": "write",
    "clu.actor.uuid.uuid4": "tcp",
    "clu.legacy.tron.ReplyParser": "nothing",
}


@table("patch", {name: {"name": name, "work": work} for name, work in PATCHES.items()})
async def patch(t: Transcript, name: str, work: str) -> None:
    """Whether what replaces a name is used."""
    _module, _, _attribute = name.rpartition(".")

    def resolve() -> Any:
        parts = name.split(".")
        for end in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:end]))
            except ImportError:
                continue
            for part in parts[end:]:
                found = getattr(found, part)
            return found
        return None

    original = t.quietly("resolve", resolve)
    if original is None or work == "nothing":
        return
    used = []

    class Meta(type):
        pass

    def spy(*args: Any, **kwargs: Any) -> Any:
        used.append(args)
        return original(*args, **kwargs)

    with mock.patch(name, spy):
        if work in ("init", "client"):
            make(
                "client" if work == "client" else "json",
                schema={"type": "object", "properties": {}},
            ) if work == "init" else make("client")
        elif work == "write":
            actor = await kit.mocked("json")
            actor.write("i", "text")
        elif work == "write legacy":
            actor = await kit.mocked("legacy")
            actor.write("i", "text")
        elif work == "parse":
            actor = await kit.mocked("json")
            await kit.invoke(t, actor, "ping")
        elif work == "tron":
            make("legacy", tron_host="h", tron_port=5)
        else:
            kind = "json" if work == "tcp" else "legacy"
            async with kit.on_tcp(kind) as actor:
                line = await kit.Line(t).connect(actor.test_port)
                line.send(b"1 ping\n")
                await line.until(b"Pong")
                line.close()
    t.note("used", bool(used))


@scenario("abstract")
async def abstract(t: Transcript) -> None:
    from clu import BaseActor
    from clu.base import BaseClient

    t.note("abstract methods", sorted(BaseActor.__abstractmethods__))
    t.note("of clients", sorted(getattr(BaseClient, "__abstractmethods__", ())))
    t.quietly("BaseActor", BaseActor, "x")
    t.quietly("BaseClient", BaseClient, "x")

    class Mine(BaseActor, list):
        async def start(self) -> Any:
            pass

        def new_command(self) -> None:
            pass

        def parse_command(self, command: Any) -> None:
            pass

    t.quietly("Mine", Mine, "x")
    t.attributes("Mine", Mine("x"), "name", "version", "model", "store")
    t.quietly("write", Mine("x").write, "i", "text")
    Mine._write_internal = lambda self, *a, **k: t.took("_write_internal", a, k)  # type: ignore[assignment]
    t.quietly("write again", Mine("x").write, "i", "text")


@table(
    "order_of_bases",
    {
        kind: {"kind": kind}
        for kind in (
            "JSONActor",
            "LegacyActor",
            "AMQPActor",
            "AMQPClient",
            "TCPBaseActor",
            "AMQPBaseActor",
            "TronConnection",
            "Command",
            "FakeCommand",
            "Device",
            "ModelSet",
            "Model",
            "TronModel",
        )
    },
)
async def order_of_bases(t: Transcript, kind: str) -> None:
    import clu
    from clu import legacy, model

    cls = getattr(clu, kind, None) or getattr(legacy, kind, None) or getattr(model, kind)
    t.note("bases has", {base.__name__: True for base in cls.__mro__})


@scenario("proxy")
async def proxy(t: Transcript) -> None:
    import clu

    client = clu.AMQPClient("user")
    client.send_command = lambda *a, **k: t.took("send_command", a, k)  # type: ignore[assignment]
    one = t.quietly("proxy", client.proxy, "other")
    t.note("type", type(one))
    t.attributes("proxy", one, "client", "actor")
    for args in ((), ("status",), ("move", "-1", 5), ("a b",), ("",), (None,)):
        t.call(f"send {args}", one.send_command, *args)


@table("own_log", {kind: {"kind": kind} for kind in KINDS})
async def own_log(t: Transcript, kind: str) -> None:
    from sdsstools.logger import get_logger

    log = get_logger("mine")
    one = t.quietly("given", make, kind, log=log)
    if one is not None:
        t.note("the same", one.log is log)
        t.note("level", log.level)
        t.note("handlers", [[type(h).__name__, h.level] for h in log.handlers])
    t.quietly("plain", make, kind, log=logging.getLogger("plain"))
    t.quietly("text", make, kind, log="x")
