"""Methods beside the main way, on their own and taken over by subclasses that return nothing."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any
from unittest import mock

from .. import kit
from ..registry import scenario, table

if TYPE_CHECKING:
    from ..transcript import Transcript

OUTPUTS: tuple[tuple[Any, ...], ...] = (
    (1, 2, "i"),
    (1, 2, "i", "a=1"),
    (0, 0, ":", ""),
    (1, 2, "i", None),
    (None, None, "w", "x"),
    ("u", "c", ">", "x"),
)


@scenario("legacy_output")
async def legacy_output(t: Transcript) -> None:
    from clu import Command, LegacyActor

    for args in OUTPUTS:
        t.call(f"format {args}", LegacyActor.format_user_output, *args)
    command = Command("x", commander_id=5, command_id=7)
    for keywords in (
        {},
        {"command": command},
        {"user_id": 3},
        {"command_id": 4},
        {"user_id": 0, "command_id": 0},
        {"command": command, "user_id": 3},
        {"command": command, "command_id": 0},
        {"command": Command("y")},
    ):
        t.call(f"ids {sorted(keywords)}", LegacyActor.get_user_command_id, **keywords)


@table(
    "legacy_show",
    {
        n: {"name": n}
        for n in ("show_new_user_info", "show_user_info", "show_user_list", "show_version")
    },
)
async def legacy_show(t: Transcript, name: str) -> None:
    actor = await kit.mocked("legacy", version="1.0")
    actor.transports[666].get_extra_info.return_value = ("127.0.0.1", 5)
    arguments = {"show_user_list": ((),), "show_version": ((), (0,), (666,), (5,))}.get(
        name, ((666,), (0,), (5,))
    )
    for args in arguments:
        t.quietly(f"{name}{args}", getattr(actor, name), *args)
    await t.turns(4)
    kit.note_bytes(t, actor)


@table(
    "load_schema",
    {
        f"{n}": {"row": row}
        for n, row in enumerate(
            (
                ((None,), {}),
                (({"type": "object", "properties": {"a": {}}},), {}),
                (('{"type": "object", "properties": {}}',), {"is_file": False}),
                (("/no/file.json",), {}),
                (({},), {}),
                (({"type": "object", "properties": {}},), {"additional_properties": True}),
                ((), {}),
                (("",), {}),
                (({"type": "array"},), {}),
                ((5,), {}),
            )
        )
    },
)
async def load_schema(t: Transcript, row: Any) -> None:
    actor = await kit.mocked("json")
    args, keywords = row
    value = t.quietly("load", actor.load_schema, *args, **keywords)
    t.note("returns the model", value is actor.model and value is not None)
    if value is not None:
        t.note("keys", [list(value), value.name, value.schema.get("additionalProperties")])


@scenario("constants")
async def constants(t: Transcript) -> None:
    import clu
    from clu import base, model, tools
    from clu.legacy.types import types
    from clu.parsers import json

    t.note("NAME", clu.NAME)
    t.note("REPLY", [clu.REPLY, base.REPLY, tools.REPLY])
    t.note("DEFAULT_SCHEMA", model.DEFAULT_SCHEMA)
    t.note("EXCEPTION_SCHEMA", model.EXCEPTION_SCHEMA)
    t.note("WARNING_REGEX", tools.WARNING_REGEX)
    t.note("DEFAULT_CALLBACKS", sorted(json.DEFAULT_CALLBACKS))
    t.note("BaseModel", model.BaseModel is model.CluModel)
    t.attributes("InvalidValue", types.InvalidValue, "native", "units")
    for function in (repr, str, bool):
        t.call(function.__name__, function, types.InvalidValue)


CHECKS: tuple[Any, ...] = (
    {},
    {"type": "object"},
    {"type": "nope"},
    {"type": "array"},
    None,
    [],
    5,
    {"type": "object", "properties": {}},
)


@scenario("check_schema")
async def check_schema(t: Transcript) -> None:
    from clu.model import Model

    for schema in CHECKS:
        t.call(f"check {schema}", Model.check_schema, schema)
    for value in ("x.json", "{}", {}, None, 5, "", "/no/such"):
        t.call(f"is_file {value!r}", Model.is_file, value)


METHODS: dict[str, tuple[str, ...]] = {
    "json": (
        "setup_logger",
        "load_schema",
        "set_message_processor",
        "set_loop_exception_handler",
        "new_command",
        "parse_command",
        "new_user",
        "send_command",
        "start",
        "stop",
        "run_forever",
        "proxy",
    ),
    "legacy": (
        "show_new_user_info",
        "show_user_info",
        "show_user_list",
        "show_version",
        "format_user_output",
        "get_user_command_id",
        "new_command",
        "parse_command",
        "new_user",
        "send_command",
        "start",
        "stop",
    ),
    "amqp": (
        "add_reply_callback",
        "remove_reply_callback",
        "is_connected",
        "send_task",
        "send_command",
        "handle_reply",
        "new_command",
        "parse_command",
        "add_task_handler",
        "start",
        "stop",
        "load_schema",
    ),
}
PARSER = ("_handle_command_exception",)


@table(
    "overridden",
    {
        f"{kind}.{name}": {"kind": kind, "name": name}
        for kind, names in METHODS.items()
        for name in (*names, *PARSER)
    },
)
async def overridden(t: Transcript, kind: str, name: str) -> None:
    """The method is taken over by one that notes its call and returns nothing."""
    base = kit.class_of(kind)
    original = getattr(base, name)
    raw = inspect.getattr_static(base, name)

    def shown(args: Any) -> Any:
        return [type(a).__name__ if not isinstance(a, (str, int, bytes)) else a for a in args]

    def plain(*args: Any, **kwargs: Any) -> None:
        t.note(f"{name}()", [shown(args), sorted(kwargs)])

    async def later(*args: Any, **kwargs: Any) -> None:
        plain(*args, **kwargs)

    @kit.command()
    async def boom(command: Any) -> None:
        raise RuntimeError("kaput")

    method: Any = later if inspect.iscoroutinefunction(original) else plain
    if isinstance(raw, staticmethod):
        method = staticmethod(method)
    actor = t.quietly("make", kit.build, kind, cls=type("Mine", (base,), {name: method}))
    if actor is None:
        return
    if actor.log is None:
        t.note("log", None)
        return
    actor.parser = kit.parser(boom)
    from clu.testing import setup_test_actor

    actor = await setup_test_actor(actor)
    for line in ("ping", "boom"):
        await kit.invoke(t, actor, line, f"`{line}`")
    t.quietly("write", actor.write, "i", text="hello")
    await t.turns()
    kit.note_replies(t, actor)


@table(
    "click_overridden",
    {
        n: {"name": n}
        for n in (
            "invoke",
            "done_callback",
            "_schedule_callback",
            "_cancel_command",
            "parse_args",
            "get_help",
            "make_context",
        )
    },
)
async def click_overridden(t: Transcript, name: str) -> None:
    """A command class of one's own that takes a method over, and calls it."""
    from clu.parsers.click import CluCommand

    original = getattr(CluCommand, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        t.note(f"{name}()", [[type(a).__name__ for a in args], sorted(kwargs)])
        return original(self, *args, **kwargs)

    async def work(command: Any) -> None:
        await asyncio.sleep(0.02)
        command.finish(text="worked")

    mine = type("Mine", (CluCommand,), {name: method})
    actor = await kit.mocked("json")
    actor.parser = kit.parser(mine(name="work", callback=work, params=[]))
    for line in ("work", "work --help", "help work", "work --stop"):
        await kit.invoke(t, actor, line, f"`{line}`")
    kit.note_replies(t, actor)


@scenario("tron_key.update")
async def tron_key_update(t: Transcript) -> None:
    from clu.legacy import TronKey
    from clu.legacy.types import types
    from clu.legacy.types.keys import Key
    from clu.legacy.types.messages import Keyword

    key = TronKey("x", Key("x", types.Int() * 2), callback=t.callback("key"))
    t.attributes("key", key, "value", "keyword", "key", "in_schema")
    t.quietly("update", key.update_keyword, Keyword("x", [types.Int()(1), types.Int()(2)]))
    await t.turns(3)
    t.note("value", key.value)
    t.call("[0]", lambda: key[0])
    t.call("[:]", lambda: key[:])
    t.call("[9]", lambda: key[9])
    t.quietly("none", key.update_keyword, None)


@table(
    "reconnecting",
    {n: {"name": n} for n in ("attributes", "stop_trying", "retry", "connect", "lost", "failed")},
)
async def reconnecting(t: Transcript, name: str) -> None:
    from clu.protocol import ReconnectingTCPClientProtocol

    class Mine(ReconnectingTCPClientProtocol):
        initial_delay = 0.01
        max_retries = 2

        def connection_made(self, transport: Any) -> None:
            t.note("~made", True)
            self.transport = transport

    port = kit.free_port()
    connected = []
    server = await asyncio.start_server(lambda r, w: connected.append(w), "127.0.0.1", port)
    if name == "failed":
        server.close()
    loop = asyncio.get_running_loop()
    one = Mine()
    t.attributes(
        "one",
        one,
        "max_delay",
        "initial_delay",
        "factor",
        "jitter",
        "max_retries",
        "delay",
        "retries",
    )
    if name == "attributes":
        for method in ("stop_trying", "retry", "connect", "connection_lost", "connection_failed"):
            t.note(method, callable(getattr(one, method)))
    elif name == "failed":
        t.quietly("failed", one.connection_failed, OSError("no"))
        await asyncio.sleep(0.05)
    else:
        await loop.create_connection(lambda: one, "127.0.0.1", port)
        await t.until(lambda: connected)
        if name == "stop_trying":
            t.call("stop", one.stop_trying)
        if name in ("lost", "stop_trying"):
            connected[0].close()
            await t.until(lambda: len(connected) > 1, 0.6)
            t.note("connections", len(connected))
        if name == "retry":
            t.quietly("retry", one.retry)
    t.call("stop at last", one.stop_trying)
    server.close()


@table(
    "typed_values",
    {
        n: {"name": n}
        for n in ("typed", "raw", "command", "consumer", "errors", "tokens", "repeat", "bits")
    },
)
async def typed_values(t: Transcript, name: str) -> None:
    from clu.legacy.types import keys, messages, parser, types

    if name == "typed":
        for vtypes in ((), (types.Int(),), (types.Int() * 2, types.String()), (5,), None):
            one = t.quietly(f"make {vtypes}", keys.TypedValues, vtypes)
            if one is not None:
                t.attributes("one", one, "minVals", "maxVals", "descriptor")
                t.call("describe", one.describe)
                for values in ([], ["1"], ["1", "2", "x"]):
                    t.call(f"consume {values}", one.consume, messages.Values(values))
    elif name in ("raw", "command"):
        cls = keys.RawKey if name == "raw" else keys.CmdKey
        one = t.quietly("make", *((cls,) if name == "raw" else (cls, keys.Key("a", types.Int()))))
        for where in (
            [],
            [messages.Keyword("a", ["1"])],
            [messages.RawKeyword("x")],
            [messages.Keyword("b")],
        ):
            t.call(f"consume {len(where)}", one.consume, messages.Keywords(where))
    elif name == "consumer":
        one = keys.Consumer()
        t.attributes("one", one, "debug", "indent")
        for method in ("passed", "failed", "trace"):
            t.call(method, getattr(one, method), "x")
    elif name == "errors":
        for cls in (
            keys.KeysError,
            keys.KeysDictionaryError,
            messages.MessageError,
            parser.ParseError,
            types.InvalidValueError,
            types.ValueTypeError,
        ):
            t.note(f"{cls.__name__} has", {base.__name__: True for base in cls.__mro__})
    elif name == "tokens":
        for cls in (parser.ReplyParser, parser.ActorReplyParser, parser.CommandParser):
            for text in ("a=1", ".a 1 b i x=1", ""):
                t.call(
                    f"{cls.__name__} {text}",
                    lambda cls=cls, text=text: len(list(cls().tokenize(text))) >= 0,
                )
    elif name == "repeat":
        for args in (
            (types.Int(), 1, 2),
            (types.Int(), 0, None),
            (types.Int(), 2, 1),
            (None, 1, 1),
        ):
            t.quietly(f"{args[1:]}", types.RepeatedValueType, *args)
        t.quietly("compound", types.CompoundValueType, types.Int(), types.Float())
    elif name == "bits":
        for args in ((5, 4), (0, 1), (255, 4), (-1, 2), ("x", 1)):
            t.call(f"binary {args}", types.Bits.binary, *args)


@scenario("amqp_websocket")
async def websocket(t: Transcript) -> None:
    """A page's commands and what it gets, over a real websocket."""
    import json

    from websockets.asyncio.client import connect

    from clu.websocket import WebsocketServer

    async with kit.on_amqp(t, kit.parser(), client=False) as (actor, _, spy):
        spy.noting = False
        port = kit.free_port()
        server = WebsocketServer("127.0.0.1", port, name=t.unique("web"), **kit.broker())
        server.client.exchange_name = spy.name
        with mock.patch.object(server.client, "start", _start(server.client, spy.name)):
            if await t.wait("start", server.start()) is None and t.events[-1][1] == "<never>":
                return
        async with connect(f"ws://127.0.0.1:{port}") as page:
            await page.send(json.dumps({"consumer": actor.name, "command_string": "ping"}))
            for _ in range(2):
                try:
                    got = json.loads(await asyncio.wait_for(page.recv(), 1))
                except Exception as error:
                    t.note("no answer", error)
                    break
                got.pop("message_id", None)
                got["headers"] = dict(sorted(got["headers"].items()))
                t.note("page gets", got)
        await t.wait("stop", server.stop())
        # Ours also tells where it listens, and of each page.
        t.logs[:] = [record for record in t.logs if not record.startswith("clu:web INFO")]


def _start(client: Any, exchange: str) -> Any:
    start = client.start

    async def with_exchange(*args: Any, **kwargs: Any) -> Any:
        return await start(exchange_name=exchange)

    return with_exchange
