"""Actors and clients on a real broker: messages, callbacks, tasks, foreign messages, ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any
from unittest import mock

import click

from .. import kit
from ..registry import scenario, table

if TYPE_CHECKING:
    from ..transcript import Transcript


def commands(t: Transcript) -> Any:
    @kit.command()
    @click.argument("N", type=int, default=2)
    async def count(command: Any, n: int) -> None:
        for number in range(n):
            command.info(number=number)
        command.finish()

    @kit.command()
    async def look(command: Any) -> None:
        t.attributes(
            "command",
            command,
            "commander_id",
            "consumer_id",
            "body",
            "internal",
            "silent",
            "write_to_log",
        )
        t.note("uuid", len(str(command.command_id)) == 36)
        command.finish(text="looked")

    @kit.command()
    async def tell(command: Any) -> None:
        command.info(text="to all", broadcast=True)
        command.actor.write("w", text="from the actor")
        command.info(text="secret", internal=True) if False else command.finish()

    @kit.command()
    async def boom(command: Any) -> None:
        raise RuntimeError("kaput")

    @kit.command()
    async def child(command: Any) -> None:
        await command.child_command("look")
        command.finish()

    @kit.command()
    async def itself(command: Any) -> None:
        sent = await command.actor.send_command(command.actor.name, "look", internal=True)
        t.note("sent", sent)
        again = await command.send_command(command.actor.name, "look")
        t.note("sent again", again)
        same = await command.send_command(command.actor.name, "look", new_command=False)
        t.note("sent as the same", same)
        command.finish()

    @kit.command()
    async def slow(command: Any) -> None:
        await asyncio.sleep(0.6)
        command.finish()

    return kit.parser(count, look, tell, boom, child, itself, slow)


SENDS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "ping": (("ping",), {}),
    "count": (("count 3",), {}),
    "look": (("look",), {}),
    "tell": (("tell",), {}),
    "boom": (("boom",), {}),
    "child": (("child",), {}),
    "itself": (("itself",), {}),
    "unknown": (("nope",), {}),
    "empty": (("",), {}),
    "help": (("help",), {}),
    "schema": (("get_schema",), {}),
    "model": (("get-command-model ping",), {}),
    "keyword": (("keyword text",), {}),
    "version": (("version",), {}),
    "args": (("count", 3), {}),
    "args_text": (("keyword", "a b"), {}),
    "args_none": (("count", None), {}),
    "internal": (("look",), {"internal": True}),
    "internal_none": (("look",), {"internal": None}),
    "command_id": (("look",), {"command_id": "my-id"}),
    "no_log": (("look",), {"write_to_log": False}),
    "silent": (("look",), {"silent": True}),
    "await_false": (("ping",), {"await_command": False}),
    "time_limit": (("slow",), {"time_limit": 0.3}),
    "time_limit_zero": (("ping",), {"time_limit": 0}),
    "time_limit_none": (("ping",), {"time_limit": None}),
    "json": (({"command": "ping"},), {}),
    "number": ((5,), {}),
    "nonsense": (("ping",), {"nonsense": 1}),
    "unicode": (("keyword é",), {}),
    "unbalanced": (("keyword 'a",), {}),
    "usage": (("count x",), {}),
}


@table("amqp", {name: {"row": row} for name, row in SENDS.items()})
async def send(t: Transcript, row: Any) -> None:
    """A client's command: all messages on the bus, the replies, the command afterwards."""
    args, keywords = row
    async with kit.on_amqp(t, commands(t), additional_properties=True, version="0.1") as (
        actor,
        user,
        _spy,
    ):
        user.add_reply_callback(t.callback("client's callback"))
        try:
            command = await asyncio.wait_for(user.send_command(actor.name, *args, **keywords), 1.5)
            t.note("type", type(command).__name__)
            if not keywords.get("await_command", True):
                t.note("running", {"n": len(user.running_commands)})
            await asyncio.wait([command], timeout=1)
            t.note("status", command.status)
            t.attributes(
                "command",
                command,
                "commander_id",
                "consumer_id",
                "raw_command_string",
                "internal",
                "silent",
                "actor",
                "body",
            )
            t.note(
                "replies",
                [
                    [str(r.message_code), r.body if hasattr(r, "body") else r.message]
                    for r in command.replies
                ],
            )
        except Exception as error:
            t.note("raises", error)
        await asyncio.sleep(0.08)
        t.note("left", len(user.running_commands))


@table(
    "amqp_callback",
    {
        name: {"name": name}
        for name in ("callback", "reply_callback", "coroutine", "status_callback", "mock", "raises")
    },
)
async def callbacks(t: Transcript, name: str) -> None:
    given = {
        "callback": {"callback": t.callback("reply")},
        "reply_callback": {"reply_callback": t.callback("reply")},
        "coroutine": {"reply_callback": t.coroutine("reply")},
        "status_callback": {"status_callback": t.callback("status")},
        "mock": {"reply_callback": mock.MagicMock()},
        "raises": {"reply_callback": t.callback("reply", ValueError("bad"))},
    }[name]
    async with kit.on_amqp(t, commands(t), additional_properties=True) as (actor, user, spy):
        spy.noting = False
        await t.wait("send", user.send_command(actor.name, "count 1", **given))
        await asyncio.sleep(0.05)
        if name == "mock":
            t.note("calls", [[len(c.args), c.kwargs] for c in given["reply_callback"].mock_calls])


@scenario("amqp.unroutable")
async def unroutable(t: Transcript) -> None:
    async with kit.on_amqp(t) as (_actor, user, _spy):
        for awaited in (True, False):
            command = await t.wait(
                "send", user.send_command("nobody", "ping", await_command=awaited)
            )
            if command is not None:
                await asyncio.wait([command], timeout=1)
                t.note("status", command.status)
                t.note("replies", [[str(r.message_code), r.message] for r in command.replies])


CODES = ("i", "I", "w", "W", "z", "", 5, "!", "e", ":", "f", ">", "d")


@table(
    "amqp_foreign",
    {
        **{f"code_{code or 'empty'}": {"headers": {"message_code": code}} for code in CODES},
        "no_code": {"headers": {"message_code": None}},
        "no_sender": {"headers": {"sender": None}},
        "no_command_id": {"headers": {"command_id": None}},
        "no_internal": {"headers": {"internal": None}},
        "no_commander": {"headers": {"commander_id": None}},
        "internal": {"headers": {"internal": True}},
        "bytes": {"headers": {"message_code": b"i", "sender": b"other"}},
        "more": {"headers": {"more": 5}},
        "empty_sender": {"headers": {"sender": ""}},
    },
)
async def foreign(t: Transcript, headers: Any) -> None:
    """A reply of another program: what callbacks, the model and the log get."""
    from clu.model import Model

    async with kit.on_amqp(t) as (_actor, user, spy):
        user.models["other"] = Model("other", {"type": "object", "properties": {"x": {}}})
        got = []
        user.add_reply_callback(lambda reply: got.append(reply))
        given = {"message_code": "i"} | headers
        code = given.pop("message_code")
        await spy.reply(code, b'{"x": 1}', **given)
        await t.until(lambda: got, 0.4)
        for reply in got:
            names = (
                "message_code",
                "body",
                "sender",
                "internal",
                "is_valid",
                "command_id",
                "commander_id",
                "headers",
                "info",
                "log",
            )
            t.attributes("reply", reply, *names)
            t.note("str", isinstance(reply.message_code, str))
            for label, function in {
                "format": lambda r: f"{r.message_code}",
                "in": lambda r: r.message_code in ":f",
                "json": lambda r: json.dumps(r.message_code),
                "join": lambda r: f"{r.message_code}",
                "set": lambda r: r.message_code in {"i"},
            }.items():
                t.call(label, function, reply)
        t.note("model", user.models["other"]["x"].value)


BODIES = (
    b"{}",
    b"null",
    b"[1]",
    b"5",
    b'"text"',
    b"",
    b"nonsense",
    b"\xff",
    b'{"x": NaN}',
    b'{"X": 1}',
    b'{"unknown": 1}',
)


@table("amqp_body", {f"{n:02}": {"body": body} for n, body in enumerate(BODIES)})
async def bodies(t: Transcript, body: bytes) -> None:
    from clu.model import Model

    async with kit.on_amqp(t) as (_actor, user, spy):
        user.models["other"] = Model("other", {"type": "object", "properties": {"x": {}}})
        user.add_reply_callback(t.callback("reply"))
        await spy.reply("i", body)
        await asyncio.sleep(0.1)
        t.note("model", user.models["other"]["x"].value)
        await spy.reply("i", b'{"x": 2}')
        t.note("goes on", await t.until(lambda: user.models["other"]["x"].value == 2, 0.5))


@table(
    "amqp_answer",
    {
        "-".join(codes).replace(":", "done").replace(">", "run"): {"codes": codes}
        for codes in (
            (">", ":"),
            (">", "I", ":"),
            (">", "F"),
            ("f",),
            (":",),
            ("e", ":"),
            ("!", ":"),
            (">", ":", "i"),
            (">", "f", ":"),
            (">", "z", ":"),
            ("w", "d"),
        )
    },
)
async def answers(t: Transcript, codes: Any) -> None:
    """A foreign actor answers a command."""
    async with kit.on_amqp(t) as (_actor, user, spy):
        queue = await spy.channel.declare_queue(exclusive=True)
        await queue.bind(spy.exchange, "command.foreign.#")
        spy.noting = False

        async def serve() -> None:
            while (message := await queue.get(fail=False, no_ack=True)) is None:
                await asyncio.sleep(0.01)
            t.note(
                "command headers", {k: v for k, v in message.headers.items() if k != "command_id"}
            )
            for number, code in enumerate(codes):
                await spy.reply(
                    code,
                    b'{"n": %d}' % number,
                    f"reply.{message.headers['commander_id']}",
                    sender="foreign",
                    command_id=message.headers["command_id"],
                    commander_id=message.headers["commander_id"],
                )

        task = asyncio.create_task(serve())
        try:
            command = await asyncio.wait_for(user.send_command("foreign", "status"), 0.7)
            await asyncio.sleep(0.05)
            t.note("status", command.status)
            t.note("replies", [[str(r.message_code), r.body] for r in command.replies])
        except asyncio.TimeoutError:
            t.note("status", "never ends")
        await task


@table(
    "amqp_command_message",
    {
        name: {"headers": headers, "body": body}
        for name, headers, body in (
            ("plain", {}, {"command_string": "ping"}),
            ("no_id", {"command_id": None}, {"command_string": "ping"}),
            ("no_commander", {"commander_id": None}, {"command_string": "ping"}),
            ("no_string", {}, {}),
            ("null", {}, {"command_string": None}),
            ("number", {}, {"command_string": 5}),
            ("internal", {"internal": True}, {"command_string": "look"}),
            ("extra", {"x": 1}, {"command_string": "look", "y": 2}),
            ("no_log", {"write_to_log": False}, {"command_string": "look"}),
            ("list", {}, ["ping"]),
            ("int_id", {"command_id": 5}, {"command_string": "look"}),
        )
    },
)
async def command_messages(t: Transcript, headers: Any, body: Any) -> None:
    """A command as another program publishes it."""
    async with kit.on_amqp(t, commands(t), client=False) as (actor, _user, spy):
        given = {
            "command_id": "11111111-2222-3333-4444-555555555555",
            "commander_id": "foreign.act",
            "internal": False,
        } | headers
        given = {k: v for k, v in given.items() if v is not None}
        await spy.publish(
            f"command.{actor.name}",
            json.dumps(body).encode(),
            headers=given,
            content_type="text/json",
        )
        await t.until(lambda: len(spy.messages) > 2, 0.4)
        spy.noting = False
        before = len(spy.messages)
        await spy.publish(
            f"command.{actor.name}",
            b'{"command_string": "ping"}',
            headers={"command_id": "x", "commander_id": "y"},
        )
        t.note("goes on", await t.until(lambda: len(spy.messages) == before + 3, 0.5))


@table(
    "amqp_task",
    {
        name: {"name": name}
        for name in (
            "plain",
            "unknown",
            "payload",
            "payload_none",
            "plain_function",
            "raises",
            "twice",
            "sync_handler_added_twice",
            "not_callable",
            "kwargs",
            "many",
        )
    },
)
async def tasks(t: Transcript, name: str) -> None:
    async with kit.on_amqp(t) as (actor, user, _spy):
        function = {
            "plain_function": t.callback("handler"),
            "raises": t.coroutine("handler", ValueError("bad")),
            "not_callable": 5,
        }.get(name, t.coroutine("handler"))
        t.call("add", actor.add_task_handler, "work", function)
        if name == "sync_handler_added_twice":
            t.call("add again", actor.add_task_handler, "work", t.coroutine("other"))
        payload = {"payload": ({"a": 1},), "payload_none": (None,)}.get(name, ())
        keywords = {"kwargs": {"headers": {"x": 1}}}.get(name, {})
        for _ in range({"twice": 2, "many": 4}.get(name, 1)):
            await t.wait(
                "send",
                user.send_task(
                    actor.name, "nope" if name == "unknown" else "work", *payload, **keywords
                ),
            )
        await asyncio.sleep(0.15)
        command = await t.wait("afterwards", user.send_command(actor.name, "ping"))
        t.note("status", getattr(command, "status", None))


@table(
    "amqp_overridden",
    {
        what: {"what": what}
        for what in (
            "handle_reply",
            "handle_reply_super",
            "new_command",
            "new_command_super",
            "parse_command",
            "parse_command_super",
            "_write_internal",
            "write_super",
            "start_super",
            "stop_super",
        )
    },
)
async def overridden(t: Transcript, what: str) -> None:
    """Subclasses that take methods over."""
    import clu

    name = what.removesuffix("_super")
    base: Any = clu.AMQPActor

    async def later(self: Any, *args: Any, **kwargs: Any) -> Any:
        t.note(
            f"{name} gets",
            [
                [type(a).__mro__[0].__name__ if not isinstance(a, (str, int)) else a for a in args],
                sorted(kwargs),
            ],
        )
        if name in ("handle_reply", "new_command"):
            message = args[0]
            t.attributes("message", message, "routing_key", "content_type")
            t.note("body", kit.of_body(message.body))
            t.note("headers", sorted(message.headers))
        if what.endswith("_super"):
            value = await getattr(base, name)(self, *args, **kwargs)
            t.note(f"{name} returned", type(value).__name__)
            return value
        return None

    def now(self: Any, *args: Any, **kwargs: Any) -> Any:
        t.note(f"{name} gets", [[type(a).__name__ for a in args], sorted(kwargs)])
        return getattr(base, name)(self, *args, **kwargs) if what.endswith("_super") else None

    method = now if name in ("parse_command", "write") else later
    async with kit.on_amqp(t, cls=type("Mine", (base,), {name: method})) as (actor, user, spy):
        spy.noting = False
        await t.wait("send", user.send_command(actor.name, "ping"), 0.6)
        await asyncio.sleep(0.05)


@table(
    "amqp_life",
    {
        name: {"name": name}
        for name in (
            "attributes",
            "async_with",
            "async_with_connected",
            "stop",
            "stop_twice",
            "start_twice",
            "same_name",
            "send_stopped",
            "send_not_started",
            "stop_not_started",
            "remove_callback",
            "remove_missing",
            "add_model",
            "models",
            "models_missing",
            "replaced_publish",
            "wrong_port",
            "run_forever",
            "url",
            "connection",
        )
    },
)
async def life(t: Transcript, name: str) -> None:
    import clu

    async with kit.on_amqp(t, commands(t)) as (actor, user, spy):
        if name not in ("replaced_publish", "attributes"):
            spy.noting = False
        if name == "attributes":
            t.attributes(
                "user", user, "exchange_name", "name", "models", "running_commands", "mode"
            )
            t.note(
                "types",
                [
                    type(x).__name__
                    for x in (user.connection, user.replies_queue, actor.commands_queue)
                ],
            )
            t.note(
                "queues",
                [user.replies_queue.name, actor.commands_queue.name, actor.replies_queue.name],
            )
            t.call("connected", user.is_connected)
            t.note(
                "connection",
                [
                    user.connection.connection is not None,
                    user.connection.connection.is_closed,
                    user.connection.channel.is_closed,
                ],
            )
            t.note("exchange", user.connection.exchange.name)
        elif name == "async_with":
            other = clu.AMQPClient(t.unique("other"), **kit.broker())
            with contextlib.suppress(asyncio.CancelledError):
                async with other as inside:
                    t.note("inside", [inside is other, inside.is_connected()])
                t.note("after", other.is_connected())
        elif name == "async_with_connected":
            before = user.connection.connection
            try:
                async with user as inside:
                    t.note("the same connection", inside.connection.connection is before)
            except asyncio.CancelledError:
                t.note("ends", "cancelled")
            except Exception as error:
                t.note("ends", error)
        elif name in ("stop", "stop_twice", "send_stopped"):
            await kit.stop(user)
            t.call("connected", user.is_connected)
            if name == "stop_twice":
                await kit.stop(user)
            if name == "send_stopped":
                with contextlib.suppress(asyncio.CancelledError):
                    await t.wait("send", user.send_command(actor.name, "ping"), 0.5)
        elif name == "start_twice":
            value = await t.wait("start", user.start(exchange_name=spy.name))
            t.note("the same", value is user)
        elif name == "same_name":
            other = clu.AMQPActor(actor.name, **kit.broker())
            try:
                await asyncio.wait_for(other.start(exchange_name=spy.name), 15)
                t.note("started", True)
            except Exception as error:
                t.note("raises", error)
        elif name in ("send_not_started", "stop_not_started"):
            other = clu.AMQPClient(t.unique("other"), **kit.broker())
            t.call("connected", other.is_connected)
            t.note("channel", hasattr(other.connection, "channel"))
            if name == "send_not_started":
                await t.wait("send", other.send_command(actor.name, "ping"), 0.5)
            else:
                await kit.stop(other)
        elif name == "remove_callback":
            function = t.callback("reply")
            t.call("add", user.add_reply_callback, function)
            t.note("callbacks", function in user._callbacks)
            t.call("remove", user.remove_reply_callback, function)
            actor.write("i", text="x")
            await asyncio.sleep(0.05)
        elif name == "remove_missing":
            t.call("remove", user.remove_reply_callback, print)
            t.call("add wrong", user.add_reply_callback, None)
        elif name in ("add_model", "models", "models_missing"):
            if name == "add_model":
                await t.wait("add", user.models.add_actor(actor.name))
                other = user
            else:
                names = [actor.name] if name == "models" else ["nobody"]
                other = clu.AMQPClient(t.unique("other"), models=names, **kit.broker())
                await t.wait("start", other.start(exchange_name=spy.name))
            t.note("models", list(other.models))
            if other.models:
                model = next(iter(other.models.values()))
                model.register_callback(t.callback("model"))
                actor.write("i", text="news")
                t.note("news", await t.until(lambda: model["text"].value == "news", 0.5))
            if other is not user:
                t.end()
                await kit.stop(other)
        elif name == "replaced_publish":
            published = mock.AsyncMock()
            actor.connection.exchange.publish = published
            command = clu.Command("child", actor=actor, command_id="abc", commander_id="user.act")
            command.info(text="hello")
            actor.parse_command(command)
            await asyncio.wait([command], timeout=0.5)
            await t.turns()
            for call in published.mock_calls:
                t.note("published", kit.published(call))
        elif name == "wrong_port":
            other = clu.AMQPClient(t.unique("other"), host="127.0.0.1", port=kit.free_port())
            try:
                await asyncio.wait_for(other.start(), 1)
            except Exception as error:
                names = [c.__name__ for c in type(error).__mro__]
                t.note("catchable as has", dict.fromkeys(names, True))
        elif name == "run_forever":
            task = asyncio.create_task(user.run_forever())
            await asyncio.sleep(0.05)
            t.note("runs", not task.done())
            task.cancel()
        elif name == "url":
            where = kit.broker()
            other = clu.AMQPClient(
                t.unique("other"), url=f"amqp://guest:guest@{where['host']}:{where['port']}/"
            )
            value = await t.wait("start", other.start(exchange_name=spy.name))
            t.note("connected", value is not None and value.is_connected())
            await kit.stop(other)
        elif name == "connection":
            from clu.protocol import TopicListener

            one = TopicListener(**kit.broker())
            t.attributes("listener", one, "connection", "user", "password", "virtualhost", "ssl")
            await one.connect(spy.name)
            t.note("exchange", [one.exchange.name, one.channel.is_closed])
            for bindings in ("reply.#", ["a.*", "b"], ("c",), None, "*"):
                queue = (
                    await one.add_queue(
                        t.unique(f"q{bindings}"), callback=t.coroutine("got"), bindings=bindings
                    )
                    if bindings
                    else None
                )
                t.note(f"queue {bindings}", queue is not None)
            await one.stop()
            t.note("closed", one.connection.is_closed)


@table(
    "amqp_json_object",
    {name: {"name": name, "as_object": True} for name in ("coroutine", "no_command")},
)
@table(
    "amqp_json",
    {
        name: {"name": name}
        for name in (
            "coroutine",
            "plain",
            "unknown",
            "raises",
            "payload",
            "no_command",
            "parser_args",
            "text",
            "ping",
        )
    },
)
async def json_parser(t: Transcript, name: str, as_object: bool = False) -> None:
    """The JSON parser, on the bus and with mocks."""
    import clu
    from clu import JSONParser

    async def work(command: Any, *args: Any) -> None:
        t.note("gets", list(args))
        if name == "raises":
            raise ValueError("bad")
        command.finish(text="worked")

    def plain(command: Any, *args: Any) -> None:
        t.note("plain gets", list(args))
        command.finish()

    class Mine(JSONParser, clu.AMQPBaseActor):
        callbacks = {"work": plain if name == "plain" else work, "ping": work}
        parser_args = [5] if name == "parser_args" else []

    class Mocked(JSONParser, clu.JSONActor):  # type: ignore[misc]
        callbacks = Mine.callbacks
        parser_args = Mine.parser_args

    line: Any = {
        "unknown": {"command": "nope"},
        "payload": {"command": "work", "a": 1},
        "no_command": {"a": 1},
        "text": "work",
        "ping": {"command": "ping"},
    }.get(name, {"command": "work"})
    async with kit.on_amqp(t, cls=Mine) as (actor, user, spy):
        spy.noting = False
        given = line if as_object else json.dumps(line)
        command = await t.wait("send", user.send_command(actor.name, given), 0.6)
        if command is not None:
            t.note("status", command.status)
            t.note("replies", [[str(r.message_code), r.body] for r in command.replies])
        mocked = await kit.mocked("json", cls=Mocked)
        for given in (line, json.dumps(line)) if as_object else (json.dumps(line),):
            await kit.invoke(t, mocked, given, "mocked")
        kit.note_replies(t, mocked, "mocked replies")
