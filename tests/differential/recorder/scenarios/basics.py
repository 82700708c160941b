"""Models, properties, callbacks, status, stores, tools, devices, exceptions."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pathlib
import tempfile
import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

from .. import kit
from ..registry import scenario, table

if TYPE_CHECKING:
    from ..transcript import Transcript

SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "number"},
        "b": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
        "c": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "State": {"type": "string", "enum": ["on", "off"]},
    },
}
SCHEMAS: dict[str, Any] = {
    "dict": SCHEMA,
    "string": json.dumps(SCHEMA),
    "none": None,
    "empty": {},
    "empty_string": "",
    "list": [],
    "number": 5,
    "false": False,
    "array": {"type": "array"},
    "no_properties": {"type": "object"},
    "invalid": {"type": "object", "properties": {"a": {"type": "nonsense"}}},
    "not_json": "{nonsense",
    "no_file": "/no/such/file.json",
    "path": pathlib.Path("/no/such/file.json"),
    "required": {**SCHEMA, "required": ["a"]},
    "closed": {**SCHEMA, "additionalProperties": False},
    "open": {**SCHEMA, "additionalProperties": True},
    "patterns": {**SCHEMA, "patternProperties": {"^x_": {"type": "integer"}}},
}


@table(
    "model.schema",
    {
        f"{name}.{options}": {"schema": schema, "options": options}
        for name, schema in SCHEMAS.items()
        for options in ("plain", "is_file", "not_file", "additional")
        if options in ("plain",) or name in ("dict", "string", "no_file", "path", "closed", "none")
    },
)
async def schema(t: Transcript, schema: Any, options: str) -> None:
    from clu.model import Model

    keywords: dict[str, Any] = {
        "plain": {},
        "is_file": {"is_file": True},
        "not_file": {"is_file": False},
        "additional": {"additional_properties": True},
    }[options]
    model = t.quietly("Model", Model, "m", copy.deepcopy(schema), **keywords)
    if model is None:
        return
    t.attributes("model", model, "name", "last_seen", "schema", "VALIDATOR", "callbacks")
    t.note("keys", list(model))
    t.note("validator", type(model.validator))
    for instance in ({"a": 1}, {"a": "x"}, {"nope": 1}, {"text": "x"}, {}, {"x_1": 2}):
        valid = t.quietly("validate", model.validate, instance, update_model=False)
        if valid is not None:
            t.note(f"valid {instance}", [valid[0], type(valid[1]).__name__])


@scenario("model.schema_file")
async def schema_file(t: Transcript) -> None:
    from clu.model import Model

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(t.hide(folder, "<folder>")) / "schema.json"
        path.write_text(json.dumps(SCHEMA))
        for given in (path, str(path)):
            for is_file in (None, True, False):
                model = t.quietly(f"{is_file}", Model, "m", given, is_file=is_file)
                t.note("keys", list(model or []))
        (path.parent / "part.json").write_text('{"type": "integer"}')
        path.write_text(json.dumps({"type": "object", "properties": {"r": {"$ref": "part.json"}}}))
        model = t.quietly("ref", Model, "m", path)
        if model is not None:
            value = t.quietly("validate ref", model.validate, {"r": 1})
            t.note("valid", value and value[0])


@scenario("model.pydantic")
async def pydantic_model(t: Transcript) -> None:
    from pydantic import BaseModel

    from clu.model import Model

    class State(BaseModel):
        on: bool
        names: list[str] = []

    model = t.quietly("Model", Model, "m", State)
    if model is not None:
        t.note("schema", model.schema)
        value = t.quietly("validate", model.validate, {"on": True})
        t.note("valid", value and value[0])


INSTANCES: dict[str, Any] = {
    "good": {"a": 1},
    "wrong": {"a": "x"},
    "unknown": {"zzz": 1},
    "empty": {},
    "none": None,
    "list": [],
    "string": "x",
    "upper": {"A": 1},
    "tuple": {"b": ("x", 1)},
    "bad_tuple": {"b": (1, "x")},
    "dict": {"c": {"x": 1}},
    "dict_wrong": {"c": {"x": "y"}},
    "enum": {"State": "on"},
    "enum_wrong": {"State": "nope"},
    "enum_lower": {"state": "on"},
    "two": {"a": 1, "c": {"x": 2}},
    "nan": {"a": float("nan")},
    "bool": {"a": True},
    "null": {"a": None},
}


@table(
    "model.validate",
    {
        f"{name}.{update}": {"instance": instance, "update": update}
        for name, instance in INSTANCES.items()
        for update in (True, False)
    },
)
async def validate(t: Transcript, instance: Any, update: bool) -> None:
    """Validation, the update, and all callbacks."""
    from clu.model import Model

    model = Model("m", copy.deepcopy(SCHEMA), callback=t.callback("model"))
    model["a"].register_callback(t.callback("property"))
    value = t.quietly("validate", model.validate, instance, update)
    if value is not None:
        t.note("valid", value[0])
        t.note("error", type(value[1]))
        t.note("message", getattr(value[1], "message", None))
    await t.turns(4)
    t.note("flat", model.flatten())
    t.quietly("update", model.update_model, instance)
    await t.turns(4)
    t.call("flatten", model.flatten)
    t.call("jsonify", model.jsonify)
    t.note("last_seen", model.last_seen is not None)


@table(
    "model.update",
    {
        name: {"updates": updates}
        for name, updates in {
            "same_twice": ({"a": 1}, {"a": 1}),
            "merge": ({"c": {"x": 1}}, {"c": {"y": 2}}),
            "replace": ({"c": {"x": 1}}, {"c": 5}),
            "unknown": ({"new": 1}, {"new": 2}),
            "case": ({"A": 1}, {"a": 2}),
            "several": ({"a": 1, "State": "on"},),
            "none": ({"a": None},),
            "list": ({"b": ["x", 1]}, {"b": ["y", 2]}),
            "nested": ({"c": {"x": {"y": 1}}}, {"c": {"x": {"z": 2}}}),
        }.items()
    },
)
async def update(t: Transcript, updates: Any) -> None:
    from clu.model import Model

    model = Model("m", copy.deepcopy(SCHEMA), additional_properties=True)
    model.register_callback(t.callback("model"))
    model.register_callback(t.coroutine("later"))
    for one in model:
        model[one].register_callback(lambda prop, one=one: t.note(f"{one} changes", prop.value))
    for one in updates:
        t.quietly("update", model.update_model, one)
        await t.turns(4)
    t.note("model", {k: [v.value, v.in_schema, v.last_seen is not None] for k, v in model.items()})
    t.note("repr", repr(model)[:80])


@table(
    "property",
    {
        name: {"value": value}
        for name, value in {
            "none": None,
            "zero": 0,
            "empty": "",
            "list": [1, 2],
            "dict": {"x": 1},
            "text": "abc",
        }.items()
    },
)
async def prop(t: Transcript, value: Any) -> None:
    from clu.model import Model, Property

    one = t.quietly("Property", Property, "p", value, callback=t.callback("property"))
    t.attributes("property", one, "name", "value", "model", "last_seen", "in_schema", "callbacks")
    t.call("str", str, one)
    t.call("repr", repr, one)
    t.call("flatten", one.flatten)
    copied = t.quietly("copy", one.copy)
    t.attributes("copy", copied, "name", "value", "model", "last_seen", "in_schema", "callbacks")
    t.quietly("set", setattr, one, "value", 5)
    t.quietly("set again", setattr, one, "value", 5)
    t.quietly("set none", setattr, one, "value", None)
    await t.turns(3)
    t.note("copy value", copied.value)
    model = Model("m", copy.deepcopy(SCHEMA))
    t.note("of a model", [model["a"].name, model["a"].model is model, model["a"].in_schema])
    bare = t.quietly("bare", Property, "b")
    t.attributes("bare", bare, "value", "last_seen", "in_schema")


@table(
    "model_set",
    {
        name: {"name": name}
        for name in (
            "empty",
            "actors",
            "load",
            "load_quiet",
            "add",
            "missing",
            "kwargs",
            "command",
            "failed",
        )
    },
)
async def model_set(t: Transcript, name: str) -> None:
    from clu import Command
    from clu.model import ModelSet

    class Client:
        name = "client"
        log = logging.getLogger("clu:client")

        async def send_command(self, *args: Any, **kwargs: Any) -> Any:
            t.took("send_command", args, kwargs)
            command = Command("x")
            if name in ("load_quiet", "failed"):
                command.set_status("failed")
                return command
            if name != "missing":
                command.replies.append(
                    mock.Mock(
                        message={"schema": json.dumps(SCHEMA)}, body={"schema": json.dumps(SCHEMA)}
                    )
                )
            command.set_status("done")
            return command

    options: dict[str, Any] = {
        "actors": {"actors": ["one", "two"]},
        "load": {"actors": ["one"]},
        "load_quiet": {"actors": ["one"], "raise_exception": False},
        "failed": {"actors": ["one"]},
        "kwargs": {"callback": t.callback("model")},
        "command": {"get_schema_command": "schema"},
        "missing": {"actors": ["one"]},
    }.get(name, {})
    models = t.quietly("ModelSet", ModelSet, Client(), **options)
    if models is None:
        return
    t.attributes("models", models, "client", "actors", "get_schema_command")
    await t.wait("load", models.load_schemas())
    if name in ("add", "kwargs", "command"):
        await t.wait("add", models.add_actor("three"))
        await t.wait("load named", models.load_schemas(["four"]))
    t.note("models", {key: [type(model), len(model)] for key, model in models.items()})


# Callbacks.


@table(
    "callbacks",
    {
        name: {"name": name}
        for name in (
            "plain",
            "coroutine",
            "two",
            "fewer",
            "none_taken",
            "star",
            "keywords",
            "default",
            "method",
            "mock",
            "async_mock",
            "autospec",
            "partial",
            "lambda",
            "raises",
            "coroutine_raises",
            "register_twice",
            "remove",
            "remove_missing",
            "none",
            "not_callable",
            "init_list",
            "init_tuple",
            "callbacks_none",
            "class",
            "callable_object",
            "stop",
            "async_callable",
        )
    },
)
async def callbacks(t: Transcript, name: str) -> None:
    import functools

    from clu.tools import CallbackMixIn

    class Mixed(CallbackMixIn):
        pass

    class Callable:
        def __call__(self, *args: Any) -> None:
            t.took("object", args, {})

        def method(self, one: Any) -> None:
            t.took("method", (one,), {})

    class AsyncCallable:
        async def __call__(self, *args: Any) -> None:
            t.took("object", args, {})

    def fewer(one: Any) -> None:
        t.took("fewer", (one,), {})

    def nothing() -> None:
        t.took("nothing", (), {})

    def default(one: Any, two: Any = 5, *, three: Any = 6) -> None:
        t.took("default", (one, two, three), {})

    def spec(one: Any, two: Any) -> None:
        pass

    mocks = {
        "mock": mock.MagicMock(),
        "async_mock": mock.AsyncMock(),
        "autospec": mock.create_autospec(spec),
    }
    functions: dict[str, Any] = {
        "plain": t.callback(),
        "coroutine": t.coroutine(),
        "two": t.callback("two"),
        "fewer": fewer,
        "none_taken": nothing,
        "star": lambda *a: t.note("star", list(a)),
        "keywords": lambda **k: t.note("keywords", k),
        "default": default,
        "method": Callable().method,
        "partial": functools.partial(default, 1),
        "lambda": lambda a, b: t.note("lambda", [a, b]),
        "raises": t.callback(raises=ValueError("bad")),
        "none": None,
        "not_callable": 5,
        "coroutine_raises": t.coroutine(raises=ValueError("bad")),
        "class": Callable,
        "callable_object": Callable(),
        "stop": t.coroutine(),
        "async_callable": AsyncCallable(),
        **mocks,
    }
    function = functions.get(name, t.callback())
    if name == "init_list":
        mixed = t.quietly("init", Mixed, [function])
    elif name == "init_tuple":
        mixed = t.quietly("init", Mixed, (function,))
    else:
        mixed = t.quietly("init", Mixed)
        t.call("register", mixed.register_callback, function)
    if name == "register_twice":
        t.call("register again", mixed.register_callback, function)
    if name == "raises":
        t.call("register another", mixed.register_callback, t.callback("after"))
    if name == "remove":
        t.call("remove", mixed.remove_callback, function)
    if name == "remove_missing":
        t.call("remove", mixed.remove_callback, print)
    if name == "callbacks_none":
        mixed._callbacks = None
    t.note("callbacks", len(getattr(mixed, "callbacks", None) or []))
    for args in ((), (1,), (1, 2), (1, 2, 3)):
        t.quietly(f"notify {args}", mixed.notify, *args)
        await t.turns(4)
    if name in mocks:
        one = mocks[name]
        t.note("calls", [[list(call.args), call.kwargs] for call in one.mock_calls])
        t.note("other calls", [call[0] for call in one.mock_calls])
    if name == "stop":
        t.quietly("notify", mixed.notify, 1)
        await t.wait("stop", mixed.stop_callbacks())


# Status.

CODES: tuple[Any, ...] = (">", ":", "f", "e", "!", "i", "w", "d", "x", "", None, "F", 5)


@scenario("status.codes")
async def codes(t: Transcript) -> None:
    from clu.tools import COMMAND_STATUS_TO_CODE, CommandStatus

    for code in CODES:
        t.call(f"code {code!r}", CommandStatus.code_to_status, code)
        t.call(f"code {code!r} default", CommandStatus.code_to_status, code, CommandStatus.DEBUG)
    t.note("table", {str(k): v for k, v in COMMAND_STATUS_TO_CODE.items()})
    for status in CommandStatus:
        names = (
            "code",
            "is_done",
            "is_active",
            "did_fail",
            "did_succeed",
            "is_failing",
            "is_combination",
            "active_bits",
            "name",
            "value",
        )
        t.attributes(f"{status.name}", status, *names)
        t.call("repr", repr, status)
        t.call("str", str, status)
        t.call("READY", lambda status=status: status.READY)
    t.call("or", lambda: CommandStatus.DONE | CommandStatus.RUNNING)
    t.call("not", lambda: ~CommandStatus.DONE)
    t.call("from 5", CommandStatus, 5)
    t.call("from 0", CommandStatus, 0)
    t.call("from string", CommandStatus, "DONE")
    t.call("hash", lambda: CommandStatus.DONE in {CommandStatus.DONE})


@scenario("status.maskbit")
async def maskbit(t: Transcript) -> None:
    from clu.tools import Maskbit

    class Bits(Maskbit):
        ONE = 1
        TWO = 2
        FOUR = 4
        ODD = 5

    for value in (0, 1, 2, 3, 5, 7):
        bits = t.call(f"{value}", Bits, value)
        if bits is not None:
            t.attributes(f"bits {value}", bits, "active_bits", "name", "value")
    t.call("out of range", Bits, 16)
    t.call("lookup", lambda: Bits["ODD"])


@table(
    "status.mixin",
    {
        name: {"name": name}
        for name in (
            "plain",
            "callback",
            "callback_now",
            "list",
            "tuple",
            "mocks",
            "coroutine",
            "none",
            "wait",
            "wait_twice",
            "wait_already",
            "wait_cancelled",
            "same",
            "raises",
            "initial_zero",
            "overridden",
        )
    },
)
async def status_mixin(t: Transcript, name: str) -> None:
    from clu.tools import CommandStatus, StatusMixIn

    seen = t.callback("callback")
    options: dict[str, Any] = {
        "callback": {"callback_func": seen},
        "callback_now": {"callback_func": seen, "call_now": True},
        "list": {"callback_func": [seen, t.coroutine("later")]},
        "tuple": {"callback_func": (seen, t.coroutine("later"))},
        "coroutine": {"callback_func": t.coroutine()},
        "none": {"callback_func": None},
        "raises": {"callback_func": t.callback(raises=ValueError("bad"))},
        "same": {"callback_func": seen},
        "initial_zero": {"initial_status": 0},
    }.get(name, {})
    mocks = [mock.MagicMock(), mock.MagicMock()]
    if name == "mocks":
        options = {"callback_func": mocks}
    options.setdefault("initial_status", CommandStatus.READY)
    cls: Any = StatusMixIn
    if name == "overridden":

        class Mine(StatusMixIn):
            def do_callbacks(self) -> None:
                t.note("do_callbacks", self.status)

        cls = Mine
    one = t.quietly("init", cls, CommandStatus, **options)
    if one is None:
        return
    await t.turns(3)
    t.attributes("mixin", one, "status", "flags", "callbacks", "watcher")
    if name.startswith("wait"):
        target = CommandStatus.READY if name == "wait_already" else CommandStatus.DONE
        task = asyncio.create_task(one.wait_for_status(target))
        await t.turns(3)
        t.note("watcher is there", one.watcher is not None)
        if name == "wait_cancelled":
            task.cancel()
        one.status = CommandStatus.RUNNING
        await t.turns(3)
        t.note("done", task.done())
        one.status = CommandStatus.DONE
        await t.turns(5)
        t.note("done at last", task.done())
        t.note("watcher", one.watcher)
        if name == "wait_twice":
            await t.wait("again", one.wait_for_status(CommandStatus.DONE), 0.2)
        return
    for status in (
        CommandStatus.RUNNING,
        CommandStatus.RUNNING,
        CommandStatus.DONE,
        4,
        "DONE",
        None,
        999,
    ):
        t.quietly(f"set {status!r}", setattr, one, "status", status)
        await t.turns(3)
        t.attributes("mixin", one, "status")
    if name == "mocks":
        t.note("mocks", [[list(c.args) for c in m.mock_calls] for m in mocks])


# The store.


@table(
    "store",
    {
        name: {"filter_": filter_, "how": how}
        for name, filter_, how in (
            ("default", None, "init"),
            ("list", ["a"], "init"),
            ("empty_list", [], "init"),
            ("false", False, "actor"),
            ("true", True, "actor"),
            ("names", ["a", "text"], "actor"),
            ("tuple", ("a",), "actor"),
            ("zero", 0, "actor"),
            ("none", None, "actor"),
        )
    },
)
async def store(t: Transcript, filter_: Any, how: str) -> None:
    from clu.store import KeywordStore

    if how == "actor":
        actor = t.quietly("actor", lambda: None) or await kit.mocked(
            "json", store=filter_, additional_properties=True
        )
        kept = actor.store
    else:
        actor = await kit.mocked("json", additional_properties=True)
        kept = KeywordStore(actor, filter_) if filter_ is not None else KeywordStore(actor)
        actor.store = kept
    t.note("type", type(kept))
    if kept is None:
        return
    t.attributes("store", kept, "actor", "name", "filter")
    for number in range(4):
        actor.write("i", a=number, b={"x": number})
    actor.write("i", "text")
    t.note("keys", {key: len(values) for key, values in kept.items()})
    for method in ("head", "tail"):
        for args in (
            ("a",),
            ("a", 2),
            ("a", 0),
            ("a", 99),
            ("a", -1),
            ("nope",),
            ("A",),
            ("a", None),
        ):
            value = t.quietly(f"{method}{args}", getattr(kept, method), *args)
            if isinstance(value, list):
                t.note(f"{method}{args}", [one.value for one in value])
            elif value is not None:
                t.note(f"{method}{args}", value)
    if kept.get("a"):
        t.attributes("output", kept["a"][0], "name", "message_code", "date", "value")
        t.call("repr", lambda: repr(kept["a"][0]).split(" ")[0])
    t.call("missing", lambda: kept["missing"])


# Tools.

FORMATS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1.5,
    "",
    "word",
    "two words",
    'q"uote',
    "a;b",
    "a,b",
    "line\nbreak",
    [],
    [1, 2],
    ["a b", None, True],
    (1, "x"),
    {},
    {"a": 1},
    {"a": {"b": 1}},
    {
        1,
    },
    b"bytes",
    1e100,
    float("nan"),
    ValueError("bad"),
    "é",
    "'single'",
    "\\",
    [[1], [2]],
    2**70,
    "T",
    "=",
    " ",
    "-",
)


@scenario("tools.format_value")
async def formats(t: Transcript) -> None:
    from clu import escape, format_value

    for value in FORMATS:
        t.call(f"format {value!r}", format_value, value)
        t.call(f"escape {value!r}", escape, value)


@scenario("tools.dict_depth")
async def depth(t: Transcript) -> None:
    from clu.tools import dict_depth

    for value in ({}, {"a": 1}, {"a": {}}, {"a": {"b": {"c": 1}}}, [], None, 5, [{"a": 1}], "x"):
        t.call(f"{value!r}", dict_depth, value)


@scenario("tools.case_insensitive")
async def case_insensitive(t: Transcript) -> None:
    from clu.tools import CaseInsensitiveDict

    for given in ({}, {"Ab": 1, "c": 2}, [("X", 1)], None, 5):
        made = t.quietly(f"make {given!r}", CaseInsensitiveDict, given)
        if made is None:
            continue
        t.note(f"dict of {given!r}", dict(made))
        for key in ("ab", "AB", "Ab", "c", "nope", 5, None):
            t.call(f"{given!r}[{key!r}]", lambda made=made, key=key: made[key])
            t.call(f"{key!r} in {given!r}", lambda made=made, key=key: key in made)
    one = CaseInsensitiveDict({"Ab": 1})
    t.quietly("set", one.__setitem__, "AB", 2)
    t.note("after", dict(one))
    t.note("equal", one == {"Ab": 2})


@table(
    "tools.complete_failer",
    {
        name: {"name": name}
        for name in (
            "done",
            "failing",
            "raising",
            "callback",
            "coroutine",
            "single",
            "empty",
            "keywords",
            "none",
        )
    },
)
async def failer(t: Transcript, name: str) -> None:
    from clu import as_complete_failer

    async def work(value: Any, delay: float = 0) -> Any:
        await asyncio.sleep(delay)
        if isinstance(value, Exception):
            raise value
        return value

    async def failed_callback() -> None:
        t.took("failed", (), {})

    given: dict[str, Any] = {
        "done": lambda: [work((True, "x")), work((True, "y"))],
        "failing": lambda: [work((False, "bad")), work((True, "y"), 0.05)],
        "raising": lambda: [work(ValueError("bad")), work((True, "y"), 0.05)],
        "callback": lambda: [work((False, "bad"))],
        "coroutine": lambda: [work((False, "bad"))],
        "single": lambda: work((True, None)),
        "empty": list,
        "none": lambda: [work(None)],
        "keywords": lambda: [work((True, "x"))],
    }[name]()
    keywords = {
        "callback": {"on_fail_callback": t.callback("failed")},
        "coroutine": {"on_fail_callback": failed_callback},
        "keywords": {"timeout": 1},
    }.get(name, {})
    await t.wait("result", as_complete_failer(given, **keywords))
    await t.turns(5)


@table(
    "tools.log_reply",
    {
        f"{i}": {"args": args}
        for i, args in enumerate(
            (
                ("i", "text"),
                ("w", "text", True),
                ("e", "text", True),
                ("x", "text", True),
                (None, "text"),
                ("", "text", True),
                (">", "", True),
                ("f", None, True),
                ("!", "text", True),
                ("d", "text", True),
                (":", "text", True),
            )
        )
    },
)
async def log_reply(t: Transcript, args: Any) -> None:
    from clu import MessageCode
    from clu.tools import log_reply

    log = logging.getLogger("clu.replies")
    log.setLevel(1)
    t.call("log", log_reply, log, *args)
    with_code = next((code for code in MessageCode if code.value == args[0]), None)
    if with_code is not None:
        t.call("log member", log_reply, log, with_code, *args[1:])


@scenario("tools.get_event_loop")
async def event_loop(t: Transcript) -> None:
    from clu.tools import get_event_loop

    t.note("the running one", get_event_loop() is asyncio.get_running_loop())


@scenario("tools.cli_coro")
async def cli_coro(t: Transcript) -> None:
    from clu.tools import cli_coro

    async def work(a: Any, b: Any = 2) -> Any:
        return [a, b]

    for label, wrap in (("bare", cli_coro), ("called", lambda f: cli_coro()(f))):
        wrapped = t.quietly(label, wrap, work)
        if callable(wrapped):
            t.attributes(label, wrapped, "__name__")
            value = await asyncio.to_thread(lambda wrapped=wrapped: _outcome(wrapped, 1))
            t.note(f"{label} returns", value)


def _outcome(function: Any, *args: Any) -> Any:
    try:
        return function(*args)
    except Exception as error:
        return error


@table(
    "handler",
    {
        name: {"options": options}
        for name, options in {
            "default": {},
            "level": {"level": logging.INFO},
            "level_zero": {"level": 0},
            "keyword": {"keyword": "log"},
            "codes": {"level": 0, "code_mapping": {logging.INFO: "d", 35: "w"}},
            "codes_empty": {"code_mapping": {}},
            "warnings": {"level": 0, "filter_warnings": [UserWarning]},
            "warnings_empty": {"level": 0, "filter_warnings": []},
        }.items()
    },
)
async def actor_handler(t: Transcript, options: Any) -> None:
    from clu import ActorHandler

    class Actor:
        log = logging.getLogger("clu.x")

        def write(self, *args: Any, **kwargs: Any) -> None:
            t.took("write", args, kwargs)

    handler = t.quietly("handler", ActorHandler, Actor(), **options)
    t.attributes("handler", handler, "level", "keyword", "code_mapping", "filter_warnings")
    log = logging.getLogger("clu.handled")
    log.setLevel(1)
    log.addHandler(handler)
    for level in (5, 10, 20, 30, 35, 40, 50):
        log.log(level, "text %s", level)
    log.warning("/a/file.py:5: UserWarning: something")
    log.warning("/a/file.py:5: DeprecationWarning: something old")
    try:
        raise ValueError("bad")
    except ValueError:
        log.exception("failed")
    log.error("two\nlines")
    log.error("")
    await t.turns(4)


# Exceptions.


@scenario("exceptions.classes")
async def exceptions(t: Transcript) -> None:
    import clu
    from clu import exceptions as module

    for name in (
        "CluError",
        "CluNotImplemented",
        "CommandError",
        "CommandParserError",
        "CluWarning",
        "CluDeprecationWarning",
        "CluBaseWarning",
    ):
        cls = getattr(module, name)
        t.note(f"{name} has", {base.__name__: True for base in cls.__mro__})
        for args in ((), (None,), ("",), ("text",), (0,), ("a", "b")):
            t.call(f"{name}{args}", lambda cls=cls, args=args: str(cls(*args)))
            t.call(f"{name}{args} args", lambda cls=cls, args=args: list(cls(*args).args))
    for category in (clu.CluWarning, clu.CluDeprecationWarning):
        warnings.warn("text", category, stacklevel=1)
        t.note("deprecation", issubclass(category, DeprecationWarning))


@scenario("message_code")
async def message_code(t: Transcript) -> None:
    from clu import MessageCode

    for code in MessageCode:
        t.note(code.name, code.value)
        for label, function in {
            "str": str,
            "repr": repr,
            "format": lambda c: f"{c}",
            "equal": lambda c: c == c.value,
            "in string": lambda c: c in ":f",
            "in list": lambda c: c in [":", "f"],
            "value equal": lambda c: c.value == c,
            "percent": lambda c: f"{c}",
        }.items():
            t.call(f"{code.name} {label}", function, code)
    for value in (">", ":", "x", "", None, "I"):
        t.call(f"MessageCode({value!r})", MessageCode, value)


@table(
    "reply",
    {
        name: {"args": args, "keywords": keywords}
        for name, args, keywords in (
            ("plain", ("i", {"a": 1}), {}),
            ("code", ("x", {}), {}),
            ("none", (None, None), {}),
            ("upper", ("I", {}), {}),
            (
                "flags",
                ("i", {}),
                {
                    "broadcast": True,
                    "internal": True,
                    "validated": True,
                    "use_validation": True,
                    "keywords": ["k"],
                },
            ),
            ("text", ("i", "text"), {}),
            ("nothing", (), {}),
        )
    },
)
async def reply(t: Transcript, args: Any, keywords: Any) -> None:
    from clu import Reply

    one = t.quietly("Reply", Reply, *args, **keywords)
    if one is None:
        return
    t.attributes(
        "reply",
        one,
        "message_code",
        "message",
        "body",
        "command",
        "broadcast",
        "internal",
        "use_validation",
        "validated",
        "keywords",
        "date",
    )
    t.call("repr", repr, one)
    t.call("str", str, one)
    t.call("equal", lambda: one == one)


# Devices.


@table(
    "device",
    {
        name: {"name": name}
        for name in (
            "attributes",
            "not_started",
            "write",
            "write_newline",
            "write_bytes",
            "lines",
            "callback",
            "callback_coroutine",
            "closed",
            "stop_twice",
            "start_twice",
            "refused",
            "overridden",
            "listen",
            "listen_before",
            "is_connected",
            "process",
        )
    },
)
async def device(t: Transcript, name: str) -> None:
    from clu import Device

    got = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome\n")
        while line := await reader.readline():
            t.note("~server gets", line)
            got.append(line)
            writer.write(b"echo " + line)
            if line.startswith(b"close"):
                writer.close()
                return

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = t.hide(server.sockets[0].getsockname()[1], "<port>")
    if name == "refused":
        server.close()
    cls: Any = Device
    if name in ("overridden", "process"):

        class Mine(Device):
            async def process_message(self, line: Any) -> None:
                t.took("process_message", (line,), {})

        cls = Mine
    lines: list[Any] = []
    callback = None
    if name == "callback":
        callback = lambda line: (lines.append(line), t.note("callback", line))  # noqa: E731
    if name in ("callback_coroutine", "lines", "write", "write_newline", "closed", "write_bytes"):

        async def callback(line: Any) -> None:
            lines.append(line)
            t.note("callback", line)

    one = (
        t.quietly("Device", cls, "127.0.0.1", port, callback)
        if callback
        else cls("127.0.0.1", port)
    )
    t.attributes("device", one, "host", "port", "listener")
    t.call("connected", one.is_connected)
    if name == "not_started":
        t.call("write", one.write, "x")
        await t.wait("stop", one.stop())
        return
    if name == "listen_before":
        await t.wait("listen", one._listen())
        return
    value = await t.wait("start", one.start())
    t.note("start returns the device", value is one)
    t.call("connected started", one.is_connected)
    if name == "refused":
        return
    if name == "write_newline":
        t.call("write", one.write, "x", newline="\r\n")
        t.call("write none", one.write, "y", newline="")
        t.call("write", one.write, "z")
    elif name == "write_bytes":
        t.call("write bytes", one.write, b"x")
        t.call("write number", one.write, 5)
        t.call("write empty", one.write, "")
    elif name == "start_twice":
        await t.wait("again", one.start())
    elif name == "closed":
        t.call("write", one.write, "close")
        await t.until(lambda: len(lines) >= 2, 1)
        await asyncio.sleep(0.05)
        t.call("connected closed", one.is_connected)
    else:
        t.call("write", one.write, "hello")
    await t.until(lambda: got, 1)
    await asyncio.sleep(0.05)
    if name == "attributes":
        t.note("client", [type(one._client).__name__, hasattr(one._client, "reader")])
        t.note("listener", type(one.listener).__name__)
    await t.wait("stop", one.stop())
    t.call("connected stopped", one.is_connected)
    if name == "stop_twice":
        await t.wait("stop again", one.stop())
    server.close()
