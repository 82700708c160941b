"""`write` of actors and commands: each parameter, and what a method that is overridden gets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from unittest import mock

from .. import kit
from ..registry import scenario, table

if TYPE_CHECKING:
    from ..transcript import Transcript

OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "number"}, "text": {"type": "string"}, "e": {}},
    "required": ["a"],
}


class Odd:
    def __str__(self) -> str:
        return "odd"


WRITES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "nothing": ((), {}),
    "code_only": (("i",), {}),
    "code_empty": (("", {"a": 1}), {}),
    "code_none": ((None, {"a": 1}), {}),
    "code_zero": ((0, {"a": 1}), {}),
    "code_level": ((logging.WARNING, {"a": 1}), {}),
    "code_level_debug": ((logging.DEBUG, "x"), {}),
    "code_unknown": (("x", {"a": 1}), {}),
    "code_upper": (("I", {"a": 1}), {}),
    "code_keyword": ((), {"message_code": "d", "a": 1}),
    **{
        f"code_{name}": ((code, {"a": 1}), {})
        for name, code in zip(
            ("started", "done", "failed", "error", "critical", "info", "warning", "debug"),
            ">:fe!iwd",
            strict=True,
        )
    },
    "message_string": (("i", "hello there"), {}),
    "message_string_error": (("e", "went wrong"), {}),
    "message_empty_string": (("i", ""), {}),
    "message_empty": (("i", {}), {}),
    "message_none": (("i", None), {}),
    "message_list": (("i", []), {}),
    "message_list_full": (("i", [1]), {}),
    "message_number": (("i", 5), {}),
    "message_zero": (("i", 0), {}),
    "message_false": (("i", False), {}),
    "message_exception": (("e", ValueError("bad")), {}),
    "message_and_keywords": (("i", {"a": 1}), {"a": 2, "text": "more"}),
    "string_and_keywords": (("i", "hello"), {"a": 2}),
    "exception_value": (("e", {"error": ValueError("bad value")}), {}),
    "exception_not_expanded": (("e", {"e": ValueError("bad")}), {"expand_exceptions": False}),
    "exception_expand_zero": (("e", {"e": ValueError("bad")}), {"expand_exceptions": 0}),
    "exception_frame_far": (("e", {"error": ValueError("bad")}), {"traceback_frame": 99}),
    "value_none": (("i",), {"a": None}),
    "value_wrong": (("i",), {"a": "no number"}),
    "value_wrong_done": ((":",), {"a": "no number"}),
    "value_wrong_failed": (("f",), {"a": "no number"}),
    "value_unknown": (("i",), {"nokey": 1}),
    "value_tuple": (("i",), {"e": (1, 2)}),
    "value_nested": (("i",), {"e": {"x": {"y": 1}}}),
    "value_list": (("i",), {"e": [1, "two words", True, None, 1.5]}),
    "value_bool": (("i",), {"e": True}),
    "value_nan": (("i",), {"a": float("nan")}),
    "value_big": (("i",), {"a": 2**80}),
    "value_unicode": (("i",), {"text": "h\u00e9llo \u2014 \U0001f52d"}),
    "value_newline": (("i",), {"text": 'a "quoted" line;\nnext'}),
    "validate_false": (("i",), {"a": "no number", "validate": False}),
    "validate_zero": (("i",), {"a": "no number", "validate": 0}),
    "validate_none": (("i",), {"a": "no number", "validate": None}),
    "validate_true": (("i",), {"a": 1, "validate": True}),
    "broadcast": (("i", {"a": 1}), {"broadcast": True}),
    "broadcast_zero": (("i", {"a": 1}), {"broadcast": 0}),
    "silent": (("i", {"a": 1}), {"silent": True}),
    "internal": (("i", {"a": 1}), {"internal": True}),
    "internal_none": (("i", {"a": 1}), {"internal": None}),
    "emit_false": (("i", {"a": 1}), {"emit": False}),
    "no_log": (("i", {"a": 1}), {"write_to_log": False}),
    "command_none": (("i", {"a": 1}), {"command": None}),
    "no_concatenate": (("i", {"a": 1, "text": "x"}), {"concatenate": False}),
}


@table(
    "write",
    {
        f"{kind}.{name}": {"kind": kind, "row": row}
        for kind in kit.KINDS
        for name, row in WRITES.items()
        if name != "no_concatenate" or kind == "legacy"
    },
)
async def write(t: Transcript, kind: str, row: Any) -> None:
    """Write with a command, then without; with the model and the store afterwards."""
    from clu import Command

    actor = await kit.mocked(kind, schema=OBJECT, store=True)
    args, keywords = row
    commander = {"json": "user", "legacy": 666, "amqp": "user.act"}[kind]
    command = Command("x", commander_id=commander, command_id=7, actor=actor)
    given = args[1] if len(args) > 1 else None
    for label, more in (("with", {"command": command}), ("without", {})):
        if label == "without" and "command" in keywords:
            continue
        reply = t.quietly(f"{label} command", actor.write, *args, **{**more, **keywords})
        await t.turns(8)
        t.note(f"{label} returned", None if kind != "amqp" else reply)
    t.note("message afterwards", given)
    t.note("command.replies", list(command.replies))
    t.note("model", {key: actor.model[key].value for key in ("a", "text", "e")})
    t.note("store", {key: len(value) for key, value in actor.store.items()})
    kit.note_replies(t, actor)
    kit.note_bytes(t, actor)


@table(
    "write_legacy",
    {
        "user_id_zero": {"keywords": {"user_id": 0}},
        "user_id": {"keywords": {"user_id": 666}},
        "user_id_other": {"keywords": {"user_id": 5}},
        "command_id": {"keywords": {"command_id": 9}},
        "command_id_zero": {"keywords": {"command_id": 0}},
        "both": {"keywords": {"user_id": 666, "command_id": 9}},
        "concatenate_false": {"keywords": {"concatenate": False, "a": 1, "b": "two words"}},
        "concatenate_none": {"keywords": {"concatenate": None, "a": 1, "b": 2}},
        "silent": {"keywords": {"silent": True, "a": 1}},
        "internal": {"keywords": {"internal": True, "a": 1}},
        "exception": {"keywords": {"error": ValueError("bad")}},
        "exception_text": {"keywords": {"exception": "a text"}},
        "list_empty": {"keywords": {"a": []}},
        "dict_deep": {"keywords": {"a": {"b": {"c": 1}}}},
        "dict_flat": {"keywords": {"a": {"b": 1, "c": "x"}}},
        "odd": {"keywords": {"a": Odd()}},
    },
)
async def write_legacy(t: Transcript, keywords: Any) -> None:
    actor = await kit.mocked("legacy", additional_properties=True)
    t.quietly("write", actor.write, "i", **keywords)
    t.quietly("write text", actor.write, "w", "some text", **keywords)
    await t.turns(4)
    kit.note_bytes(t, actor)


# Methods of commands built on write: what the actor's `write` gets.

MESSAGES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "nothing": ((), {}),
    "text": (("a text",), {}),
    "empty_text": (("",), {}),
    "dictionary": (({"a": 1},), {}),
    "empty_dictionary": (({},), {}),
    "keywords": ((), {"a": 1}),
    "both": (({"a": 1},), {"b": 2}),
    "text_and_keywords": (("a text",), {"b": 2}),
    "exception": ((ValueError("bad"),), {}),
    "list": (([1],), {}),
    "zero": ((0,), {}),
    "none": ((None,), {}),
    "flags": (
        ({"a": 1},),
        {"broadcast": True, "silent": True, "internal": True, "write_to_log": False},
    ),
    "other_flags": (({"a": 1},), {"validate": False, "emit": True, "expand_exceptions": False}),
}
METHODS = ("debug", "info", "warning", "error", "fail", "finish")


class Cold:
    """An actor that only notes what it is asked to write."""

    def __init__(self, t: Transcript) -> None:
        self.t, self.name, self.log = t, "cold", None

    def write(self, *args: Any, **kwargs: Any) -> None:
        self.t.took("write", args, kwargs)


@table(
    "command_write",
    {
        f"{method}.{name}": {"method": method, "row": row}
        for method in METHODS
        for name, row in MESSAGES.items()
    },
)
async def command_write(t: Transcript, method: str, row: Any) -> None:
    from clu import Command

    command = Command("x", command_id=3, actor=Cold(t))
    args, keywords = row
    value = t.quietly("call", getattr(command, method), *args, **keywords)
    t.note("returns the command", value is command)
    await t.turns(3)
    t.note("status", command.status)
    t.note("done", command.done())


@table(
    "command_write_code",
    {
        "string": {"args": ("w", "text")},
        "code": {"args": ("MessageCode.WARNING", "text")},
        "debug": {"args": (logging.DEBUG, "text")},
        "info": {"args": (logging.INFO, "text")},
        "warning": {"args": (logging.WARNING, "text")},
        "error": {"args": (logging.ERROR, "text")},
        "critical": {"args": (logging.CRITICAL, "text")},
        "odd_level": {"args": (15, "text")},
        "zero": {"args": (0, "text")},
        "none": {"args": (None, "text")},
        "unknown": {"args": ("x", "text")},
        "error_text": {"args": ("e", "text")},
        "failed_text": {"args": ("f", "text")},
        "critical_text": {"args": ("!", "text")},
        "done": {"args": (":", "text")},
        "started": {"args": (">", {})},
        "dictionary": {"args": ("i", {"a": 1})},
        "list": {"args": ("i", [1])},
        "number": {"args": ("i", 5)},
        "exception": {"args": ("i", ValueError("bad"))},
        "default": {"args": ()},
        "broadcast": {"args": ("i", "text", True)},
        "broadcast_zero": {"args": ("i", "text", 0)},
    },
)
async def command_write_code(t: Transcript, args: Any) -> None:
    """`command.write`, on its own, for a parent, with another keyword, silent, internal."""
    from clu import Command, MessageCode

    args = tuple(MessageCode.WARNING if a == "MessageCode.WARNING" else a for a in args)
    actor = Cold(t)
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "keyword": {"default_keyword": "note"},
        "silent": {"silent": True},
        "internal": {"internal": True},
        "no log": {"write_to_log": False},
        "child": {"parent": Command("p", command_id=9, actor=actor)},
    }
    for label, keywords in options.items():
        command = Command("x", command_id=3, actor=actor, **keywords)
        t.note("writes", label)
        t.quietly(f"write {label}", command.write, *args)


@table("command_actor", {kind: {"kind": kind} for kind in kit.KINDS})
async def command_actor(t: Transcript, kind: str) -> None:
    """All methods of a command on a real actor, in a row."""
    from clu import Command

    actor = await kit.mocked(kind, additional_properties=True)
    commander = {"json": "user", "legacy": 666, "amqp": "user.act"}[kind]
    for method in METHODS:
        command = Command("x", commander_id=commander, command_id=4, actor=actor)
        getattr(command, method)("a text")
        getattr(command, method)(a=1)
        await t.turns(4)
        t.note(method, command.status)
        t.note(f"{method} replies", list(command.replies))
    kit.note_replies(t, actor)
    kit.note_bytes(t, actor)


@table(
    "overridden_write",
    {
        f"{kind}.{what}": {"kind": kind, "what": what}
        for kind in kit.KINDS
        for what in ("write", "_write_internal", "async _write_internal")
    },
)
async def overridden_write(t: Transcript, kind: str, what: str) -> None:
    """A subclass takes over: what it gets from commands, from the parser, from itself."""
    base = kit.class_of(kind)

    def taken(self: Any, *args: Any, **kwargs: Any) -> None:
        t.took(what, args, kwargs)

    async def taken_later(self: Any, *args: Any, **kwargs: Any) -> None:
        t.took(what, args, kwargs)

    name = what.removeprefix("async ")
    body = {name: taken_later if what.startswith("async") else taken}
    actor = await kit.mocked(kind, cls=type("Mine", (base,), body), parse=kit.parser())
    t.quietly("write", actor.write, "i", {"text": "hello"})
    t.quietly("write keywords", actor.write, "i", text="hello", broadcast=True)
    for line in ("ping", "version", "nope", "help ping", "get_schema", "keyword text"):
        t.note("line", line)
        await kit.invoke(t, actor, line, command_id=3)


@scenario("write.processor", processor="good")
@scenario("write.processor_raises", processor="bad")
@scenario("write.processor_none", processor="none")
async def message_processor(t: Transcript, processor: str) -> None:
    actor = await kit.mocked("json", additional_properties=True)

    def good(message: dict[str, Any]) -> dict[str, Any]:
        t.note("processes", message)
        return {**message, "more": 1}

    def bad(message: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("cannot process")

    def none(message: dict[str, Any]) -> None:
        return None

    actor.set_message_processor({"good": good, "bad": bad, "none": none}[processor])
    t.quietly("write", actor.write, "i", {"a": 1}, b=2)
    t.quietly("write text", actor.write, "i", "text")
    t.quietly("write error", actor.write, "e", error=ValueError("x"))
    actor.set_message_processor(None)
    t.quietly("write again", actor.write, "i", {"a": 1})
    kit.note_bytes(t, actor)


@scenario("write.validate_returns_reason")
async def validate_returns_reason(t: Transcript) -> None:
    """A model of one's own that says why not."""
    actor = await kit.mocked("json", additional_properties=True)
    actor.model.validate = mock.MagicMock(return_value=(False, "failed validating keywords"))
    t.quietly("write", actor.write, "i", {"a": 1})
    t.note("validate", actor.model.validate.mock_calls[0].args)
    t.note("validate keywords", actor.model.validate.mock_calls[0].kwargs)
    kit.note_bytes(t, actor)


@scenario("write.model_none")
async def model_none(t: Transcript) -> None:
    actor = await kit.mocked("json")
    actor.model = None
    t.quietly("write", actor.write, "i", {"anything": 1})
    kit.note_bytes(t, actor)


@scenario("write.schema_edited")
async def schema_edited(t: Transcript) -> None:
    actor = await kit.mocked("json")
    actor.model.schema["properties"]["state"] = {"type": "string"}
    t.quietly("write", actor.write, "i", state="on")
    t.quietly("write wrong", actor.write, "i", state=5)
    t.call("value", lambda: actor.model["state"].value)
    kit.note_bytes(t, actor)
