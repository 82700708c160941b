"""Actors on real sockets: the bytes that clients get, and what callbacks and attributes are."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

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
            "command", command, "command_id", "commander_id", "consumer_id", "body", "internal"
        )
        t.note("user", command.transport is not None)
        command.finish(text="looked")

    @kit.command()
    async def tell(command: Any) -> None:
        command.info(text="to all", broadcast=True)
        command.actor.write("w", text="from the actor")
        command.finish()

    @kit.command()
    async def boom(command: Any) -> None:
        raise RuntimeError("kaput")

    @kit.command()
    async def child(command: Any) -> None:
        await command.child_command("look")
        command.finish()

    @kit.command()
    async def itself(command: Any) -> None:
        value = command.actor.send_command(command.actor.name, "ping")
        t.note("sent", type(value).__name__)
        command.finish()

    return kit.parser(count, look, tell, boom, child, itself)


LINES: dict[str, bytes] = {
    "ping": b"ping\n",
    "id": b"5 ping\n",
    "id_zero": b"0 ping\n",
    "id_negative": b"-1 ping\n",
    "id_big": b"%d ping\n" % 2**33,
    "carriage_return": b"5 ping\r\n",
    "spaces": b"  5   ping  \n",
    "empty": b"\n5 ping\n",
    "only_id": b"5\n6 ping\n",
    "unknown": b"5 nope\n",
    "two": b"5 ping\n6 version\n",
    "two_in_parts": b"5 pi|ng\n6 ver|sion\n",
    "count": b"5 count 3\n",
    "look": b"5 look\n",
    "tell": b"5 tell\n",
    "boom": b"5 boom\n",
    "child": b"5 child\n",
    "itself": b"5 itself\n",
    "unicode": "5 keyword é\n".encode(),
    "not_utf8": b"5 keyword \xff\n",
    "quotes": b"5 keyword 'a b'\n",
    "unbalanced": b"5 keyword 'a\n6 ping\n",
    "help": b"5 help\n",
    "help_ping": b"5 help ping\n",
    "usage": b"5 count x\n",
    "json": b'{"command": "ping"}\n',
    "two_ids": b"5 6 ping\n",
    "commander": b"apo.me 5 ping\n",
    "multiline": b"5 --multiline\n6 ping\n",
    "multiline_on": b"5 multiline --on\n6 ping\n7 multiline --off\n8 ping\n",
    "schema": b"5 get_schema\n",
    "model": b"5 get-command-model ping\n",
    "keyword": b"5 keyword text\n",
    "tab": b"5\tping\n",
    "no_newline": b"5 ping",
}


@table(
    "tcp",
    {
        f"{kind}.{name}": {"kind": kind, "data": data}
        for kind in ("json", "legacy")
        for name, data in LINES.items()
    },
)
async def lines(t: Transcript, kind: str, data: bytes) -> None:
    """What a client gets that sends lines, and another that only listens."""
    async with kit.on_tcp(
        kind, parse=commands(t), version="0.1", additional_properties=True
    ) as actor:
        several = data.count(b"\n") > 1
        one = await kit.Line(t, "one", by_command=several).connect(actor.test_port)
        await t.until(lambda: len(actor.transports) == 1)
        await asyncio.sleep(0.02)
        two = await kit.Line(t, "two").connect(actor.test_port)
        await t.until(lambda: len(actor.transports) == 2)
        await asyncio.sleep(0.05)
        for part in data.split(b"|"):
            one.send(part)
            await asyncio.sleep(0.02)
        if kind == "json":
            await t.until(
                lambda: (
                    one.seen(b'"message_code"')
                    and any(
                        c in b"".join(one.lines).replace(b" ", b"")
                        for c in (b'code":":"', b'code":"f"')
                    )
                ),
                0.8,
            )
        else:
            await t.until(
                lambda: any(
                    b" : " in line or b" :\n" in line or b" f " in line for line in one.lines
                ),
                0.8,
            )
        await asyncio.sleep(0.08)
        one.close()
        await t.until(lambda: len(actor.transports) == 1)
        await asyncio.sleep(0.02)
        t.note("users left", len(actor.transports))
        if several:
            kit.logs_by_command(t)
        two.close()


@table("tcp_users", {kind: {"kind": kind} for kind in ("json", "legacy")})
async def users(t: Transcript, kind: str) -> None:
    """Users come and go; the attributes of their transports."""
    async with kit.on_tcp(kind) as actor:
        seen = []
        for number in range(3):
            line = await kit.Line(t, f"user {number}").connect(actor.test_port)
            seen.append(line)
            await t.until(lambda number=number: len(actor.transports) == number + 1)
            await asyncio.sleep(0.05)
        for key, transport in actor.transports.items():
            t.note("key", key)
            t.note("user_id", transport.user_id == key)
            t.attributes("transport", transport, "multiline")
            t.note("has peername", transport.get_extra_info("peername") is not None)
            t.note("has write", callable(transport.write))
        actor.write("i", text="to all")
        await seen[2].until(b"to all")
        for line in seen:
            line.close()
        await t.until(lambda: not actor.transports)
        t.note("left", len(actor.transports))
        t.note("server", type(actor._server).__name__)
        t.note("asyncio's server", hasattr(actor._server._server, "sockets"))
        t.note("serving", actor._server.is_serving())


@table(
    "tcp_overridden",
    {
        f"{kind}.{what}": {"kind": kind, "what": what}
        for kind in ("json", "legacy")
        for what in (
            "new_user",
            "new_command",
            "parse_command",
            "new_user_super",
            "new_command_super",
        )
    },
)
async def overridden(t: Transcript, kind: str, what: str) -> None:
    base = kit.class_of(kind)
    name = what.removesuffix("_super")

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        t.note(
            f"{name} gets",
            [
                [type(a).__name__ if not isinstance(a, (str, bytes)) else a for a in args],
                sorted(kwargs),
            ],
        )
        if what.endswith("_super"):
            return getattr(base, name)(self, *args, **kwargs)
        return None

    async with kit.on_tcp(kind, cls=type("Mine", (base,), {name: method})) as actor:
        line = await kit.Line(t).connect(actor.test_port)
        await asyncio.sleep(0.05)
        line.send(b"5 ping\n")
        await asyncio.sleep(0.15)
        line.close()
        await asyncio.sleep(0.02)


@table(
    "tcp_life",
    {
        f"{kind}.{name}": {"kind": kind, "name": name}
        for kind in ("json", "legacy")
        for name in (
            "stop",
            "stop_twice",
            "start_twice",
            "returns",
            "port_taken",
            "stop_not_started",
            "run_forever",
            "client_at_stop",
            "command_at_stop",
            "await_start",
            "disconnect",
        )
    },
)
async def life(t: Transcript, kind: str, name: str) -> None:
    port = kit.free_port()

    @kit.command()
    async def slow(command: Any) -> None:
        try:
            await asyncio.sleep(0.3)
            command.finish()
        except asyncio.CancelledError:
            t.note("slow", "cancelled")
            raise

    actor = kit.build(kind, port=port)
    actor.parser = kit.parser(slow)
    if name == "stop_not_started":
        await t.wait("stop", actor.stop())
        return
    if name == "port_taken":
        other = await asyncio.start_server(lambda r, w: None, "127.0.0.1", port)
        try:
            await actor.start()
        except OSError as error:
            t.note("raises", type(error).__name__)
        other.close()
        return
    value = await actor.start()
    t.note("start returns the actor", value is actor)
    if name == "start_twice":
        try:
            t.note("again", await actor.start() is actor)
        except OSError as error:
            t.note("again raises", type(error).__name__)
    line = await kit.Line(t).connect(port)
    await t.until(lambda: actor.transports)
    await asyncio.sleep(0.05)
    if name == "command_at_stop":
        line.send(b"5 slow\n")
        await asyncio.sleep(0.05)
    if name == "disconnect":
        line.send(b"5 slow\n")
        await asyncio.sleep(0.05)
        line.close()
        await asyncio.sleep(0.4)
    if name == "run_forever":
        task = asyncio.create_task(actor.run_forever())
        await asyncio.sleep(0.05)
        t.note("runs", not task.done())
        task.cancel()
        return

    async def stop() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await actor.stop()

    await t.wait("stop", stop())
    t.note("serving", actor._server.is_serving() if actor._server else None)
    if name == "stop_twice":
        await t.wait("stop again", stop())


@scenario("tcp_send_command.json")
async def json_send(t: Transcript) -> None:
    async with kit.on_tcp("json") as actor:
        for args in (("other", "status"), (), ("act", "ping")):
            try:
                value = actor.send_command(*args)
                if asyncio.iscoroutine(value):
                    value = await value
                t.note(f"{args}", value)
            except Exception as error:
                t.note(f"{args}", error)


@table(
    "server",
    {
        name: {"name": name}
        for name in (
            "stream",
            "coroutine",
            "max_connections",
            "periodic",
            "periodic_set",
            "protocol",
            "protocol_periodic",
            "client",
            "client_protocol",
            "connection_callback",
            "stop",
            "attributes",
            "reconnecting",
        )
    },
)
async def server(t: Transcript, name: str) -> None:
    """The servers and protocols of clu.protocol."""
    from clu import protocol

    port = kit.free_port()

    def data(*args: Any) -> None:
        t.note("data", [type(a).__name__ if not isinstance(a, (bytes, str)) else a for a in args])

    async def data_later(*args: Any) -> None:
        data(*args)

    def connected(*args: Any) -> None:
        t.note("connection", [type(a).__name__ for a in args])

    if name in (
        "stream",
        "coroutine",
        "max_connections",
        "connection_callback",
        "stop",
        "attributes",
    ):
        options: dict[str, Any] = {
            "data_received_callback": data_later if name == "coroutine" else data
        }
        if name == "max_connections":
            options["max_connections"] = 1
        if name == "connection_callback":
            options["connection_callback"] = connected
        one = protocol.TCPStreamServer("127.0.0.1", port, **options)
        t.attributes("server", one, "host", "port", "max_connections", "transports", "_server")
        value = await one.start()
        t.note("start returns", value is one)
        t.note("serving", one.is_serving())
        first = await kit.Line(t, "first").connect(port)
        first.send(b"hello\n")
        await asyncio.sleep(0.05)
        second = await kit.Line(t, "second").connect(port)
        second.send(b"there\n")
        await asyncio.sleep(0.08)
        t.note("transports", len(one.transports) if hasattr(one, "transports") else None)
        first.close()
        await asyncio.sleep(0.05)
        t.call("stop", one.stop)
        t.note("serving", one.is_serving())
        second.close()
    elif name.startswith("periodic"):
        calls = []
        one = protocol.TCPStreamPeriodicServer(
            "127.0.0.1",
            port,
            periodic_callback=lambda *a: calls.append([type(x).__name__ for x in a]),
            sleep_time=0.01,
        )
        t.attributes("server", one, "sleep_time")
        await one.start()
        first = await kit.Line(t, "first").connect(port)
        await t.until(lambda: calls, 1)
        t.note("periodic", [len(calls[0])] if calls else None)
        if name == "periodic_set":
            t.call("wrong", setattr, one, "periodic_callback", 5)
            t.call("none", setattr, one, "periodic_callback", None)
        first.close()
        t.call("stop", one.stop)
    elif name.startswith("protocol"):
        if name == "protocol":
            made = await protocol.TCPProtocol.create_server(
                "127.0.0.1", port, connection_callback=connected, data_received_callback=data
            )
        else:
            made = await protocol.PeriodicTCPServer.create_server(
                "127.0.0.1", port, periodic_callback=lambda tr: tr.write(b"tick\n"), sleep_time=5
            )
        t.note("made", hasattr(made, "sockets") or type(made).__name__)
        first = await kit.Line(t, "first").connect(port)
        first.send(b"hello\n")
        await asyncio.sleep(0.08)
        first.close()
        made.close()
        t.quietly(
            "no clients", lambda: asyncio.ensure_future(protocol.PeriodicTCPServer.create_client())
        )
    elif name == "client":

        async def serve(reader: Any, writer: Any) -> None:
            writer.write(b"welcome\n")
            t.note("server gets", await reader.readline())

        made = await asyncio.start_server(serve, "127.0.0.1", port)
        one = await protocol.open_connection("127.0.0.1", port)
        t.note("type", type(one).__name__)
        t.attributes("client", one, "host", "port")
        one.writer.write(b"hello\n")
        t.note("line", await one.reader.readline())
        t.call("close", one.close)
        made.close()
        other = protocol.TCPStreamClient("127.0.0.1", port)
        t.attributes("other", other, "reader", "writer")
        t.call("close unopened", other.close)
    elif name == "client_protocol":
        made = await asyncio.start_server(lambda r, w: w.write(b"welcome\n"), "127.0.0.1", port)
        value = await protocol.TCPProtocol.create_client(
            "127.0.0.1", port, data_received_callback=data
        )
        t.note(
            "type",
            [type(x).__name__ for x in value] if isinstance(value, tuple) else type(value).__name__,
        )
        await asyncio.sleep(0.05)
        made.close()
    elif name == "reconnecting":
        cls = protocol.ReconnectingTCPClientProtocol
        t.attributes("class", cls, "max_delay", "initial_delay", "factor", "jitter", "max_retries")


@table(
    "mock_actor",
    {
        f"{kind}.{name}": {"kind": kind, "name": name}
        for kind in kit.KINDS
        for name in (
            *("user_id", "transports", "invoke", "invoke_odd", "start", "replies"),
            "bare_connection",
        )
    },
)
async def mock_actor(t: Transcript, kind: str, name: str) -> None:
    from clu.testing import setup_test_actor

    actor = kit.build(kind)
    if name == "user_id":
        actor = await setup_test_actor(actor, user_id=5)
    else:
        value = await setup_test_actor(actor)
        t.note("the same", value is actor)
    if name == "transports":
        t.note(
            "transports",
            {str(k): type(v).__name__ for k, v in getattr(actor, "transports", {}).items()},
        )
        t.attributes("actor", actor, "mock_replies")
    if name == "start":
        await t.wait("start", actor.start())
        t.note("start is", type(actor.start).__name__)
    if name in ("user_id", "invoke"):
        for line in ("ping", "nope"):
            await kit.invoke(t, actor, line, f"{line!r}")
    if name == "invoke_odd":
        from clu import Command

        for line in ("", 5, Command("ping", actor=actor)):
            await kit.invoke(t, actor, line, f"{line!r}")
    if name == "replies":
        actor.write("i", text="hello there", broadcast=True)
        actor.write("w", text="two words; and\nmore")
        await t.turns()
        t.note("in", ["hello there" in actor.mock_replies, "nope" in actor.mock_replies])
        t.note("type", [type(actor.mock_replies).__name__, type(actor.mock_replies[0]).__name__])
        t.attributes("reply", actor.mock_replies[0], "flag", "user_id", "command_id")
        actor.mock_replies.clear()
        t.note("cleared", len(actor.mock_replies))
        for given in (b"1 2 i a=1;b='x y'\n", "nonsense", "", b"{}"):
            if kind != "amqp":
                t.quietly(f"parse {given!r}", actor.mock_replies.parse_reply, given)
    if name == "bare_connection":
        t.note("connected", [hasattr(actor, "connection")])
    kit.note_replies(t, actor)


@scenario("test_command")
async def test_command(t: Transcript) -> None:
    from clu.testing import MockReply, TestCommand

    actor = await kit.mocked("json", additional_properties=True)
    command = t.quietly("TestCommand", TestCommand, commander_id=1, actor=actor)
    t.attributes("command", command, "commander_id", "command_id", "status", "replies")
    command.info(text="x")
    command.finish()
    t.call("reset", command.reset)
    t.attributes("command", command, "status", "replies")
    t.note("done", command.done())
    t.quietly("bare", TestCommand)
    reply = t.quietly("MockReply", MockReply, 1, 2, "i", {"a": 1})
    t.note("reply", dict(reply))
    t.attributes("reply", reply, "user_id", "command_id", "flag")
    kit.note_replies(t, actor)
