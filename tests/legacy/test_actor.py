"""Legacy actors over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import pathlib
import re
import socket
import warnings
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest

from clu import Command, JSONParser, LegacyActor, MessageCode
from clu.exceptions import CluError, CluTypeError, CluWarning
from clu.legacy import BaseLegacyActor
from clu.legacy.tron import TronConnection
from clu.legacy.types.keys import KeysDictionaryError
from clu.legacy.types.parser import ActorReplyParser
from clu.parsers.click import CluGroup, get_schema, help_, keyword, ping, version
from clu.testing import TestCommand, setup_test_actor

from ..waiting import until
from .user import Line, User

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from clu.testing import Hub


def make_parser() -> click.Group:
    @click.group(cls=CluGroup)
    def parser(*args: Any) -> None:
        pass

    for command in (ping, version, get_schema, help_, keyword):
        parser.add_command(command)

    @parser.command()
    @click.argument("text")
    def echo(command: Command[Any], text: str) -> None:
        command.finish(text=text)

    @parser.command(cancellable=True)
    async def wait(command: Command[Any]) -> None:
        command.info(text="waiting")
        await asyncio.sleep(60)

    @parser.command()
    @click.argument("seconds", type=float)
    async def sleep(command: Command[Any], seconds: float) -> None:
        await asyncio.sleep(seconds)
        command.finish(text="slept")

    return parser


def make_actor(**kwargs: Any) -> LegacyActor:
    class Actor(LegacyActor):
        parser = make_parser()

    kwargs = {"port": 0, "version": "1.2.3", "additional_properties": True, **kwargs}
    return Actor("stage", "localhost", **kwargs)


@pytest.fixture
async def actor() -> AsyncIterator[LegacyActor]:
    actor = await make_actor().start()
    yield actor
    await actor.stop()


@pytest.fixture
async def user(actor: LegacyActor) -> AsyncIterator[User]:
    async with await User.greeted(actor.port) as user:
        yield user


class FakeTransport:
    """Keeps what is written to it."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.sent: list[str] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data.decode())

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> Any:
        return ("10.0.0.7", 1)


class Bench:
    """An actor with two users, and a command of the first."""

    def __init__(self, **kwargs: Any) -> None:
        self.actor = make_actor(**kwargs)
        self.one, self.two = FakeTransport(1), FakeTransport(2)
        self.actor.transports |= {1: self.one, 2: self.two}
        self.command: Command[Any] = Command(
            "x", self.one, commander_id=1, command_id=7, actor=self.actor
        )

    def written(self) -> tuple[str, str]:
        """Return what the users got since the last call."""
        texts = "".join(self.one.sent), "".join(self.two.sent)
        self.one.sent.clear()
        self.two.sent.clear()
        return texts

    def value(self, value: Any) -> str:
        """Return how a value is sent."""
        self.actor.write("i", {"key": value}, command=self.command, validate=False)
        text = self.written()[0]
        assert text.startswith("1 7 i key")
        return text.removeprefix("1 7 i key").removesuffix("\n")


@pytest.fixture
async def bench() -> Bench:
    return Bench()


# --- users ------------------------------------------------------------------------------------


async def test_a_user_is_greeted_as_recorded(actor: LegacyActor) -> None:
    async with await User.connect(actor.port, "127.0.0.1") as user:
        assert await user.rest() == (
            b"1 0 i yourUserID=1; num_users=1\n0 0 i UserInfo=1,127.0.0.1\n1 0 i version='1.2.3'\n"
        )


async def test_all_users_receive_the_list_of_users_but_only_the_new_one_gets_its_greeting(
    actor: LegacyActor,
) -> None:
    async with await User.greeted(actor.port) as one, await User.connect(actor.port) as two:
        assert [tuple(await two.reply()) for _ in range(4)] == [
            (2, 0, "i", "yourUserID=2; num_users=2"),
            (0, 0, "i", "UserInfo=1,127.0.0.1"),
            (0, 0, "i", "UserInfo=2,127.0.0.1"),
            (2, 0, "i", "version='1.2.3'"),
        ]
        assert await one.rest(0.3) == b"0 0 i UserInfo=1,127.0.0.1\n0 0 i UserInfo=2,127.0.0.1\n"


async def test_an_id_is_not_given_away_while_a_later_user_is_there(actor: LegacyActor) -> None:
    first = await User.greeted(actor.port)
    async with await User.greeted(actor.port):
        await first.close()
        await until(lambda: list(actor.transports) == [2])
        async with await User.greeted(actor.port):
            assert list(actor.transports) == [2, 3]


async def test_a_hundred_users_do_not_drown_in_lists_of_users(actor: LegacyActor) -> None:
    # Their own lists come to 140 kB, and one for all, which leaves once a second, to 270 kB.
    users = [await User.greeted(actor.port) for _ in range(100)]
    everyone = {f"UserInfo={user_id},127.0.0.1" for user_id in range(1, 101)}

    async def listen(user: User) -> int:
        received: set[str] = set()
        size = 0
        while not received >= everyone:
            line = await user.line()
            received.add(line.decode().rstrip().removeprefix("0 0 i "))
            size += len(line)
        return size

    assert sum(await asyncio.gather(*(listen(user) for user in users[:-1]))) < 1_300_000
    await asyncio.gather(*(user.close() for user in users))


def list_of(*user_ids: int) -> list[str]:
    return [f"UserInfo={user_id},127.0.0.1" for user_id in user_ids]


async def test_a_few_users_receive_the_list_at_once(
    actor: LegacyActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu.legacy._users.PERIOD", 3600)
    async with contextlib.AsyncExitStack() as stack:
        users: list[User] = []
        for number in range(1, 5):
            users.append(await stack.enter_async_context(await User.greeted(actor.port)))
            expected = list_of(*range(1, number + 1))
            for other in users[:-1]:
                assert [(await other.reply()).body for _ in expected] == expected


async def test_many_users_receive_the_list_once_a_period_and_the_last_one_is_in_it(
    actor: LegacyActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu.legacy._users.PERIOD", 3600)
    monkeypatch.setattr("clu.legacy._users.FEW", 0)
    loop = asyncio.get_running_loop()
    users = [await User.greeted(actor.port) for _ in range(2)]
    one, two = users
    assert [(await one.reply()).body for _ in range(2)] == list_of(1, 2)
    told = loop.time()
    await two.close()
    await until(lambda: 2 not in actor.transports)
    users += [await User.greeted(actor.port) for _ in range(3)]
    timer = actor._users._timer
    assert timer is not None
    assert told + 3000 < timer.when() < told + 3601
    timer.cancel()
    actor._users._inform()
    actor.write("i", text="end")
    assert [(await one.reply()).body for _ in range(5)] == [*list_of(1, 2, 3, 4), "text=end"]
    users.append(await User.greeted(actor.port))
    assert actor._users._timer is not None
    await actor.stop()
    assert actor._users._timer is None
    await asyncio.gather(*(user.close() for user in users))


async def test_what_users_are_sent_can_be_requested(actor: LegacyActor, user: User) -> None:
    actor.show_user_list()
    assert (await user.reply()).body == "UserInfo=1,127.0.0.1"
    actor.show_version()
    assert await user.reply() == (0, 0, "i", "version='1.2.3'")
    actor.show_new_user_info(1)
    bodies = [(await user.reply()).body for _ in range(3)]
    assert bodies == ["yourUserID=1; num_users=1", "UserInfo=1,127.0.0.1", "version='1.2.3'"]
    assert actor.model is not None
    assert actor.model["UserInfo"].value == [1, "127.0.0.1"]


async def test_a_user_that_leaves_at_once_disturbs_nobody(
    actor: LegacyActor, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        raw = socket.create_connection(("127.0.0.1", actor.port))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        raw.close()
    await until(lambda: not actor._users._newcomers and len(actor.transports) == 1)
    await user.rest()
    assert (await user.ask("1 ping"))[-1].code == ":"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# --- replies ----------------------------------------------------------------------------------


async def test_where_a_reply_goes(bench: Bench) -> None:
    write, command = bench.actor.write, bench.command
    write("i", text="x")
    assert bench.written() == ("0 0 i text=x\n", "0 0 i text=x\n")
    write("i", text="x", command=command)
    assert bench.written() == ("1 7 i text=x\n", "")
    write("i", text="x", command=command, broadcast=True)
    assert bench.written() == ("0 7 i text=x\n", "0 7 i text=x\n")
    write("i", text="x", user_id=2)
    assert bench.written() == ("", "2 0 i text=x\n")
    write("i", text="x", user_id=2, command_id=5)
    assert bench.written() == ("", "2 5 i text=x\n")
    write("i", text="x", user_id=0)
    assert bench.written() == ("0 0 i text=x\n", "0 0 i text=x\n")
    write("i", text="x", user_id=2, broadcast=True)
    assert bench.written() == ("0 0 i text=x\n", "0 0 i text=x\n")
    write("i", text="x", command_id=5)
    assert bench.written() == ("0 5 i text=x\n", "0 5 i text=x\n")
    write("i", text="x", command=command, user_id=2)
    assert bench.written() == ("1 7 i text=x\n", "")
    write("i", text="x", command=command, command_id=9)
    assert bench.written() == ("1 9 i text=x\n", "")
    write("i", {"text": "x"}, command, None, 9)
    assert bench.written() == ("1 9 i text=x\n", "")


async def test_a_command_of_the_actor_itself_answers_to_all(bench: Bench) -> None:
    for commander in (".stage", "APO.Jane", None, 1):
        command: Command[Any] = Command(
            "x", commander_id=commander, command_id=3, actor=bench.actor
        )
        command.info(text="x")
        assert bench.written() == ("0 3 i text=x\n", "0 3 i text=x\n")


async def test_keywords_can_have_a_line_each(bench: Bench) -> None:
    message = {"text": "a", "help": "b c"}
    bench.command.info(message, concatenate=False)
    assert bench.one.sent == ["1 7 i text=a\n", '1 7 i help="b c"\n']
    bench.written()
    bench.actor.write("w", message, command_id=4, concatenate=False)
    assert bench.written()[1] == '0 4 w text=a\n0 4 w help="b c"\n'
    bench.command.finish(concatenate=False)
    assert bench.written()[0] == "1 7 : \n"


async def test_write_returns_the_reply(bench: Bench) -> None:
    reply = bench.actor.write("w", "take care", command=bench.command)
    assert reply.message_code is MessageCode.WARNING
    assert reply.message == {"text": "take care"}
    assert bench.command.replies == [reply]
    assert bench.actor.write("i", text="x", user_id=2).message == {"text": "x"}


async def test_an_error_leaves_its_message_and_moves_its_description(bench: Bench) -> None:
    try:
        raise RuntimeError("boo x; y")
    except RuntimeError as error:
        caught = error
    line = inspect.currentframe().f_lineno - 3  # type: ignore[union-attr]
    message = {"a": 1, "error": caught, "b": 2}
    reply = bench.actor.write("e", message, command=bench.command)
    text = bench.written()[0]
    assert text.startswith('1 7 e a=1; error="boo x; y"; b=2; exception_info="boo x; y",builtins,')
    assert f'RuntimeError,{__file__},{line},"Traceback (most recent call last):\\n",' in text
    assert text.endswith('"RuntimeError: boo x; y\\n"\n')
    assert reply.message["error"] == "boo x; y"
    assert reply.message["exception_info"]["type"] == "RuntimeError"
    assert message["error"] is caught
    parsed = ActorReplyParser().parse(text)
    assert [key.name for key in parsed.keywords] == ["a", "error", "b", "exception_info"]
    bench.actor.write("e", error={"code": 1, "message": "m x"}, command=bench.command)
    assert bench.written()[0] == '1 7 e error="m x"; exception_info=1,"m x"\n'
    bench.actor.write("e", exception=ValueError("zz"), command=bench.command)
    assert bench.written()[0].startswith("1 7 e exception=zz; exception_info=zz,builtins,ValueErr")
    bench.actor.write("e", error=ValueError("z"), command=bench.command, expand_exceptions=False)
    assert bench.written()[0] == "1 7 e error=z\n"


async def test_a_rejected_reply_is_an_error_and_its_command_ends(bench: Bench) -> None:
    bench = Bench(additional_properties=False)
    why = "does not match the schema. The keyword 'zz' is not in it."
    problem = f"error=\"Failed validating the reply: message {{'zz': 1}} {why}\""
    reply = bench.actor.write("i", zz=1, command=bench.command)
    assert bench.written() == (f"1 7 e {problem}\n", "")
    assert not reply.validated
    bench.actor.write("i", zz=1, command=bench.command, validate=False)
    assert bench.written()[0] == "1 7 i zz=1\n"
    bench.actor.write("i", zz=1, user_id=2, command_id=5)
    assert bench.written() == ("", f"2 5 e {problem}\n")
    bench.command.finish(zz=1)
    assert bench.written()[0] == f"1 7 e {problem}\n1 7 : \n"
    assert bench.command.status.did_succeed


async def test_a_command_ends_though_its_last_reply_cannot_be_formatted() -> None:
    actor = await make_actor().start()
    actor.log.sh.setLevel(logging.CRITICAL)
    endless: list[Any] = []
    endless.append(endless)
    values = iter(({"x": {"y": 1}}, [{"x": {"y": 1}}], endless, Broken()))

    @actor.parser.command()  # type: ignore[attr-defined]
    async def nested(command: Command[Any]) -> None:
        command.finish(good=1, bad=next(values))

    async with await User.greeted(actor.port) as user:
        for reason in ("depth > 1", "depth > 1", "too deeply", "no text"):
            replies = await user.ask("5 nested")
            assert [reply[:3] for reply in replies] == [(1, 5, ">"), (1, 5, "e"), (1, 5, ":")]
            assert "Cannot format keyword 'bad'" in replies[1].body
            assert reason in replies[1].body
            assert replies[2].body == ""
    await actor.stop()


async def test_a_value_that_cannot_be_formatted_is_an_error_of_its_caller(bench: Bench) -> None:
    with pytest.raises(CluTypeError, match="Cannot format keyword 'bad'"):
        bench.actor.write("i", good=1, bad={"x": {"y": 1}}, command=bench.command)
    assert bench.written() == ("", "")
    bench.command.fail(bad={"x": {"y": 1}})
    assert [line.split(" ")[2] for line in bench.written()[0].splitlines()] == ["e", "f"]


class Broken:
    def __str__(self) -> str:
        raise LookupError("there is no text")


async def test_a_write_within_a_write_keeps_its_own_address(bench: Bench) -> None:
    def echo(values: dict[str, Any], prop: Any) -> None:
        if prop.name == "text" and prop.value == "x":
            bench.actor.write("d", text="seen", command=bench.command)
            bench.actor.write("d", text="and", user_id=2)

    assert bench.actor.model is not None
    bench.actor.model.register_callback(echo)
    bench.actor.write("i", text="x", command_id=5)
    assert bench.written() == (
        "1 7 d text=seen\n0 5 i text=x\n",
        "2 0 d text=and\n0 5 i text=x\n",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.0,2.0", "=1.0,2.0"),
        ('"a b","c;d"', '="a b","c;d"'),
        ("'a b','c'", "='a b','c'"),
        ('"es\\"caped; one"', '="es\\"caped; one"'),
        ("back\\slash", "=back\\slash"),
        ("é", "=é"),
        ({1, 2}, "={1, 2}"),
        (np.bool_(True), "=True"),
        (1e-5, "=1e-05"),
        (1e22, "=1e+22"),
        (float("nan"), "=nan"),
        (float("-inf"), "=-inf"),
        ([1.5, 1e-7, 2**70, -0.0], f"=1.5,1e-07,{2**70},-0.0"),
        (
            [0.1, 1 / 3, 123456789012345.6, 1e15],
            "=0.1,0.3333333333333333,123456789012345.6,1000000000000000.0",
        ),
        ((1, (2.5, ("x y", None))), '=1,2.5,"x y",None'),
        ({"a": True, "b": [False, 1]}, "=T,F,1"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_value_that_can_be_read_is_written_as_recorded(
    bench: Bench, value: Any, text: str
) -> None:
    assert bench.value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a=b", '="a=b"'),
        ('quo"te', "='quo\"te'"),
        ("it's", '="it\'s"'),
        ('macro,"",', "='macro,\"\",'"),
        ("tab\there", "='tab\there'"),
        (np.array([1, 2]), '="[1 2]"'),
        (pathlib.PurePosixPath("/a b"), '="/a b"'),
        (b"a b", "=\"b'a b'\""),
        ({"a": True, "b": [False, ""]}, '=T,F,""'),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_value_that_cannot_be_read_is_quoted(bench: Bench, value: Any, text: str) -> None:
    assert bench.value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", '="a\\nb"'),
        ("a\r\nb", '="a\\r\\nb"'),
        ("a\0b", '="a\\u0000b"'),
        ("a\x85\u2028b", '="a\\u0085\\u2028b"'),
        ("1.0,2.0\n", '="1.0,2.0\\n"'),
        ("\n", '="\\n"'),
        ("a;b=1", '="a;b=1"'),
        (";", '=";"'),
        ('"a";b=1', '="\\"a\\";b=1"'),
        ('"a b', '="\\"a b"'),
        ("'", '="\'"'),
        ('"a\\"', '="\\"a\\\\\\""'),
        ('\t"a', '="\\t\\"a"'),
        ('a,"b', '="a,\\"b"'),
        ('"line\nbreak","x"', '="\\"line\\nbreak\\",\\"x\\""'),
        ('"line\nbreak";b=1', '="\\"line\\nbreak\\";b=1"'),
        (["a;b=1", "c\nd", 1], '="a;b=1","c\\nd",1'),
        ({"x": ("'",)}, '="\'"'),
        (ValueError("a\nb; c"), '="a\\nb; c"'),
        (np.arange(30).reshape(3, 10), None),
        ("\ud800", "=\\ud800"),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_a_value_that_could_be_more_than_a_value_is_quoted(
    bench: Bench, value: Any, text: str | None
) -> None:
    bench.actor.write("i", {"key": value}, command=bench.command, expand_exceptions=False)
    written = bench.written()[0]
    assert len(written.splitlines()) == 1
    if text is not None:
        assert written == f"1 7 i key{text}\n"
    (key,) = ActorReplyParser().parse(written).keywords
    assert key.name == "key"


@pytest.mark.parametrize("name", ["a;b", "a\nb", "a=b", 'a"b', "a\0", "'"])
async def test_a_name_that_could_be_more_than_a_name_is_refused(bench: Bench, name: str) -> None:
    with pytest.raises(TypeError, match="Cannot format keyword"):
        bench.actor.write("i", {"good": 1, name: 1}, command=bench.command)
    assert bench.written() == ("", "")


async def test_names_need_not_be_strings(bench: Bench) -> None:
    bench.actor.write("i", {3: "x", None: 1}, command=bench.command, validate=False)
    assert bench.written()[0] == "1 7 i 3=x; None=1\n"


def test_lines_can_be_formatted_by_hand() -> None:
    assert LegacyActor.format_user_output(1, 2, MessageCode.INFO, "a=1") == "1 2 i a=1"
    assert LegacyActor.format_user_output(0, 0, ":") == "0 0 : "


async def test_the_ids_of_a_reply_can_be_asked_for(bench: Bench) -> None:
    ids = LegacyActor.get_user_command_id
    assert ids() == (0, 0)
    assert ids(bench.command) == (1, 7)
    assert ids(bench.command, 3) == (3, 7)
    assert ids(bench.command, None, 9) == (1, 9)
    assert ids(bench.command, 0, 0) == (0, 0)
    assert ids(Command("x", commander_id=2, command_id=4)) == (0, 4)


def test_an_actor_knows_where_it_listens() -> None:
    actor = LegacyActor("stage", "localhost", 9999)
    assert repr(actor) == "<LegacyActor (name='stage', host='localhost', port=9999)>"
    assert str(actor) == "LegacyActor"


# --- commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "command_id"),
    [
        ("ping", 0),
        ("5 ping", 5),
        ("5 6 ping", 5),
        ("APO.Jane 7 ping", 7),
        ("APO.Jane.hal 8 9 ping\r", 8),
        ("  4   ping  ", 4),
    ],
)
async def test_a_command_is_answered_with_its_id(user: User, line: str, command_id: int) -> None:
    assert await user.ask(line) == [
        Line(1, command_id, ">", ""),
        Line(1, command_id, ":", "text=Pong."),
    ]


async def test_the_commander_of_a_command_is_the_user_or_who_the_header_says(
    bench: Bench,
) -> None:
    for line, commander in ((b"5 ping\n", 1), (b"APO.Jane 5 ping\n", "APO.Jane")):
        command = bench.actor.new_command(bench.one, line)
        assert command is not None
        assert command.commander_id == commander
        assert command.consumer_id == "stage"
        assert command.body == command.raw_command_string == "ping"
        assert command.transport is bench.one


@pytest.mark.parametrize(
    ("line", "command_id", "reason"),
    [
        (b"12", 12, "Could not parse command '12'"),
        (b"!!!", 0, "Could not parse command '!!!'"),
        (b"13 ???", 13, "Could not parse command"),
        (b"a.b 14 ;", 0, "does not exist"),
        (b"4 \xff\xfe ping", 4, "not UTF-8"),
        (b"\xff", 0, "not UTF-8"),
        (b"\x00", 0, "Could not parse command"),
        (b"9" * 5000 + b" ping", 0, "Could not parse command"),
        (b"7 nonsense", 7, "does not exist"),
        (b"7 ping --nonsense", 7, "cannot be parsed"),
        (b'6 echo "unbalanced', 6, "cannot be parsed"),
        (b"-5 ping", 0, "Could not parse command"),
        (b'8 nonsense"; fake=1; x="', 8, "cannot be parsed"),
    ],
)
async def test_bad_input_gets_one_failing_reply_and_the_connection_lives(
    actor: LegacyActor, user: User, line: bytes, command_id: int, reason: str
) -> None:
    async with await User.greeted(actor.port) as other:
        await user.rest()
        replies = await user.ask(line)
        assert {reply.user_id for reply in replies} == {1}
        assert {reply.command_id for reply in replies} == {command_id}
        assert replies[-1].code == "f"
        assert reason in replies[-1].body
        assert "fake" not in {key.name for reply in replies for key in parse(reply).keywords}
        assert (await user.ask("3 ping"))[-1] == (1, 3, ":", "text=Pong.")
        assert await other.rest() == b""


def parse(reply: Line) -> Any:
    return ActorReplyParser().parse(" ".join(map(str, reply)))


async def test_a_blank_line_is_no_command(user: User) -> None:
    user.send("")
    user.send("  \r")
    assert (await user.ask("1 ping"))[0] == (1, 1, ">", "")


async def test_many_commands_in_one_packet_are_all_answered(user: User) -> None:
    user.writer.write(b"".join(b"%d echo %d\n" % (i, i) for i in range(1, 300)))
    ended = []
    while len(ended) < 299:
        reply = await user.reply()
        if reply.code == ":":
            ended.append((reply.command_id, reply.body))
    assert ended == [(i, f"text={i}") for i in range(1, 300)]


async def test_a_line_may_come_in_many_packets(user: User) -> None:
    for byte in "7 echo é\n".encode():
        user.writer.write(bytes([byte]))
        await asyncio.sleep(0.001)
    assert (await user.replies())[-1] == (1, 7, ":", "text=é")


async def test_a_line_over_the_limit_gets_an_error_and_the_connection_goes_on() -> None:
    actor = await make_actor(line_limit=1000).start()
    async with await User.greeted(actor.port) as user:
        user.send("APO.Jane 9 echo " + "x" * 100_000)
        reply = (await user.replies())[-1]
        assert reply[:3] == (1, 9, "f")
        assert "1000 bytes" in reply.body
        assert (await user.ask("3 ping"))[-1].code == ":"
    await actor.stop()


async def test_a_user_that_does_not_read_is_cut_off_while_others_keep_their_flow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    actor = await make_actor(buffer_limit=256 * 1024, stall_limit=0.5).start()
    unresponsive = socket.create_connection(("localhost", actor.port))
    unresponsive.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with await User.greeted(actor.port) as good:
        await until(lambda: len(actor.transports) == 2)
        await good.rest()
        for number in range(1000):
            actor.write("i", text="x" * 10_000, number=number)
            assert (await good.reply()).body.endswith(f"; number={number}")
        await until(lambda: len(actor.transports) == 1)
    assert "does not read" in caplog.text
    unresponsive.close()
    await actor.stop()


async def test_connections_above_the_limit_get_a_message() -> None:
    actor = await make_actor(max_connections=1).start()
    async with await User.greeted(actor.port) as one:
        async with await User.connect(actor.port) as two:
            assert await two.line() == b"Max number of connections reached.\n"
        assert (await one.ask("2 ping"))[-1].code == ":"
    await actor.stop()


async def test_stop_ends_running_commands_and_an_actor_starts_again() -> None:
    actor = await make_actor().start()
    port = actor.port
    async with await User.greeted(port) as user:
        user.send("1 wait")
        await user.reply()
        await user.reply()
        await actor.stop()
        assert (await user.replies())[-1][:3] == (1, 1, "f")
        assert await asyncio.wait_for(user.reader.read(), 10) == b""
    await actor.stop()
    await actor.start()
    assert actor.port == port
    async with await User.greeted(port) as user:
        assert (await user.ask("1 ping"))[-1].code == ":"
    await actor.stop()


async def test_run_forever_serves_until_it_is_cancelled() -> None:
    actor = await make_actor().start()
    task = asyncio.create_task(actor.run_forever())
    async with await User.greeted(actor.port) as user:
        assert (await user.ask("1 ping"))[-1].code == ":"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await actor.stop()


async def test_a_command_before_a_half_close_is_answered(actor: LegacyActor) -> None:
    async with await User.greeted(actor.port) as user:
        user.send("1 sleep 0.05")
        user.writer.write_eof()
        assert (await user.replies())[-1] == (1, 1, ":", "text=slept")
        assert await asyncio.wait_for(user.reader.read(), 10) == b""


async def test_timed_commands_answer_to_all(actor: LegacyActor, user: User) -> None:
    actor.timed_commands.add_command("ping", delay=30)
    assert [tuple(reply) for reply in await user.replies()] == [
        (0, 0, ">", ""),
        (0, 0, ":", "text=Pong."),
    ]


async def test_replies_and_commands_are_logged_once(tmp_path: pathlib.Path) -> None:
    actor = await make_actor(log_dir=tmp_path).start()
    async with await User.greeted(actor.port) as user:
        await user.ask("APO.Jane 5 ping")
        actor.write("i", text="not for the log", write_to_log=False)
        actor.write("i", {"a": "é", "b": 2}, concatenate=False)
        await user.rest()
    await actor.stop()
    for handler in list(actor.log.handlers):
        if isinstance(handler, logging.FileHandler):
            actor.log.removeHandler(handler)
            handler.close()
    log = (tmp_path / "stage.log").read_text()
    logged = [line.split(" - ", 2)[2] for line in log.splitlines() if " REPLY " in line]
    assert logged[0] == "1 0 i yourUserID=1; num_users=1"
    assert logged[-4:] == ["1 5 > ", "1 5 : text=Pong.", "0 0 i a=é", "0 0 i b=2"]
    assert "New command received: 'ping' (commander_id='APO.Jane', command_id=5)" in log
    assert f"running TCP server on localhost:{actor.port}" in log
    address = re.search(r"user 1 connected from '(.*)'\.", log)
    assert address is not None
    assert logged[1] == f"0 0 i UserInfo=1,{address[1]}"
    assert log.count("user 1 disconnected.") == 1


async def test_tests_of_actors_find_the_server_of_the_loop(actor: LegacyActor) -> None:
    server = actor._server._server
    assert server is not None
    assert server.is_serving()
    assert server.sockets[0].getsockname()[1] == actor.port  # type: ignore[attr-defined]


async def test_a_json_parser_serves_too() -> None:
    class Actor(JSONParser, BaseLegacyActor):
        pass

    async def go(command: Command[Any], payload: dict[str, Any]) -> None:
        command.finish(**payload)

    actor = Actor("stage", "localhost", 0, additional_properties=True)
    actor.callbacks = {"go": go}
    await actor.start()
    async with await User.greeted(actor.port) as user:
        user.send('3 go {"command": "go", "to": 5}')
        assert (await user.replies())[-1][:3] == (1, 3, "f")
    await actor.stop()


def test_lines_of_help_are_replies_of_their_own_whatever_the_order_of_the_bases() -> None:
    from clu.parsers.click import ClickParser

    class Actor(ClickParser, BaseLegacyActor):
        pass

    assert not Actor("stage", "localhost", 0)._replies_with_lists


async def test_a_write_internal_that_overrides_ours_gets_the_address_by_name() -> None:
    got: list[tuple[Any, ...]] = []

    class Actor(LegacyActor):
        def _write_internal(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
            got.append((args, kwargs))

    actor = Actor("stage", "localhost", 0)
    reply = actor.write("i", text="x")
    actor.write("i", text="x", user_id=5, command_id=3, concatenate=False, write_to_log=False)
    assert got[0] == (
        (reply,),
        {"user_id": None, "command_id": None, "concatenate": True, "write_to_log": True},
    )
    assert got[1][1] == {
        "user_id": 5,
        "command_id": 3,
        "concatenate": False,
        "write_to_log": False,
    }


# --- without and with a hub -------------------------------------------------------------------


async def test_without_a_hub_there_is_nobody_to_command(actor: LegacyActor) -> None:
    assert actor.tron is None
    assert actor.models == {}
    assert "tron-reconnect" not in actor.parser.commands
    with pytest.raises(CluError, match="cannot connect to tron"):
        actor.send_command("tcc", "status")
    with pytest.raises(CluError, match="cannot connect to tron"):
        actor.proxy("tcc").send_command("status")


def test_the_hub_of_a_configuration(actorkeys: pathlib.Path) -> None:
    section = {"name": "stage", "host": "localhost", "port": 5}
    plain = LegacyActor.from_config({"actor": section})
    assert plain.tron is None
    hub = {"host": "hub", "port": 6093, "models": ["tcc"]}
    configs: list[dict[str, Any]] = [
        {"actor": {**section, "tron_host": "hub", "tron_port": 6093, "models": ["tcc"]}},
        {"actor": {**section, "tron": hub}},
        {"actor": {**section, "models": ["tcc"], "tron": {**hub, "models": ["nope"]}}},
        {**section, "tron": hub},
    ]
    for config in configs:
        before = json.dumps(config)
        actor = LegacyActor.from_config(config)
        assert actor.config is config
        assert json.dumps(config) == before
        assert isinstance(actor.tron, TronConnection)
        assert (actor.tron.host, actor.tron.port) == ("hub", 6093)
        assert list(actor.models) == ["tcc"]
    actor = LegacyActor.from_config(configs[1], tron_host="elsewhere", models=[])
    assert actor.tron is not None
    assert (actor.tron.host, actor.tron.port, actor.models) == ("elsewhere", 6093, {})
    actor = LegacyActor.from_config({"actor": section, "tron": hub})
    assert actor.tron is None


def test_a_class_with_an_argument_tron_gets_the_section_as_it_is() -> None:
    class Cam(LegacyActor):
        def __init__(self, *args: Any, tron: Any = None, **kwargs: Any) -> None:
            self.section = tron
            super().__init__(*args, **kwargs)

    class Derived(Cam):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    class Few(LegacyActor):
        def __init__(self, name: str, host: str, port: int, config: Any = None) -> None:
            super().__init__(name, host, port, config=config)

    section = {"host": "hub", "port": 6093, "observatory_models": {"APO": ["tcc"]}}
    config = {"actor": {"name": "cam", "host": "localhost", "port": 5, "tron": section}}
    for cls in (Cam, Derived):
        actor = cls.from_config(config)
        assert actor.section == section
        assert actor.tron is None
    assert Few.from_config(config).tron is None


async def test_users_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    actor = await make_actor().start()
    caplog.set_level(1, actor.log.name)
    async with await User.greeted(actor.port) as user:
        await user.ask("1 ping")
    await until(lambda: "user 1 disconnected." in caplog.text)
    await actor.stop()
    texts = [record.getMessage() for record in caplog.records if record.name == actor.log.name]
    first = texts.index("1 0 i yourUserID=1; num_users=1")
    assert texts[first : first + 4] == [
        "1 0 i yourUserID=1; num_users=1",
        "0 0 i UserInfo=1,127.0.0.1",
        f"1 0 i version='{actor.version}'",
        "user 1 connected from '127.0.0.1'.",
    ]


async def test_an_actor_without_a_hub_says_so_at_the_start() -> None:
    actor = make_actor()
    with pytest.warns(CluWarning, match="^starting LegacyActor without Tron connection.$"):
        await actor.start()
    await actor.stop()


def test_models_are_there_before_the_hub_is(actorkeys: pathlib.Path) -> None:
    actor = make_actor(tron_host="localhost", tron_port=1, models=["tcc"])
    assert actor.tron is not None
    assert actor.models is actor.tron.models
    assert actor.tron.keyword_dicts["tcc"].name == "tcc"
    actor.models["tcc"]["axePos"].value = [1, 2, 3]
    assert actor.models["TCC".lower()]["AXEPOS"][0] == 1
    assert actor.tron.connected() is False
    with pytest.raises(KeysDictionaryError, match="no keys dictionary found for nope"):
        make_actor(tron_host="localhost", tron_port=1, models=["nope"])


@pytest.fixture
async def behind(hub: Hub) -> AsyncIterator[LegacyActor]:
    """An actor that the hub is connected to."""
    hub.keys["tcc"] = {"axepos": "1,2,NaN", "objname": '"M 31"'}
    actor = make_actor(tron_host="127.0.0.1", tron_port=hub.port, models=["tcc"])
    await actor._start_server()
    hub.add_actor("stage", actor.port)
    actor.server.stop()
    await actor.start()
    await until(lambda: actor.transports)
    yield actor
    await actor.stop()


async def test_an_actor_announces_itself_before_it_asks_for_keys(
    hub: Hub, behind: LegacyActor
) -> None:
    assert hub.received == [
        "stage.stage 1 hub startNubs stage",
        "stage.stage 2 keys getFor=tcc " + " ".join(behind.models["tcc"]).lower(),
    ]
    await until(lambda: behind.models["tcc"]["objName"].value == ["M 31"])
    assert behind.models["tcc"]["axePos"].value == [1.0, 2.0, None]


@pytest.mark.parametrize(
    ("get_keys", "start_nubs", "targets"),
    [(True, False, ["keys"]), (False, True, ["hub"]), (False, False, [])],
)
async def test_what_an_actor_says_first_can_be_chosen(
    hub: Hub, get_keys: bool, start_nubs: bool, targets: list[str]
) -> None:
    actor = make_actor(tron_host="127.0.0.1", tron_port=hub.port, models=["tcc"])
    actor.log.sh.setLevel(logging.ERROR)
    await actor.start(get_keys=get_keys, start_nubs=start_nubs)
    assert actor.tron is not None
    await actor.tron.send_command("nobody", "end")
    assert [command.split()[0] for command in hub.commands()] == [*targets, "nobody"]
    await actor.stop()


async def test_a_command_through_the_hub_is_answered_to_its_commander(
    hub: Hub, behind: LegacyActor
) -> None:
    jane = await TronConnection("APO.Jane", "127.0.0.1", hub.port).start()
    command = await jane.send_command("stage", "echo", '"hello; there=1"')
    assert command.status.did_succeed
    assert [(r.message_code.value, dict(r.message)) for r in command.replies] == [
        (">", {}),
        (":", {"text": ["hello; there=1"]}),
    ]
    failed = await jane.send_command("stage", "nonsense")
    assert failed.status.did_fail
    jane.stop()


async def test_a_command_may_command_others_in_the_name_of_its_commander(
    hub: Hub, behind: LegacyActor
) -> None:
    @behind.parser.command()  # type: ignore[attr-defined]
    async def relay(command: Command[Any]) -> None:
        own = command.send_command("tcc", "own")
        assert isinstance(own, Command)
        await asyncio.gather(
            own,
            command.send_command("tcc", "part", new_command=False),
            behind.send_command("tcc", "named", 1, commander="foo.bar", command=command),
            behind.proxy("tcc").send_command("by", "proxy"),
        )
        command.finish()

    jane = await TronConnection("APO.Jane", "127.0.0.1", hub.port).start()
    assert (await jane.send_command("stage", "relay")).status.did_succeed
    commands = [line for line in hub.received if " tcc " in line]
    assert [line.split(" ", 1)[0] for line in commands] == [
        "stage.stage",
        "APO.Jane",
        "foo.bar",
        "stage.stage",
    ]
    assert hub.commands("tcc") == ["tcc own", "tcc part", "tcc named 1", "tcc by proxy"]
    jane.stop()


async def test_a_command_of_a_direct_user_commands_others_as_the_actor(
    hub: Hub, behind: LegacyActor
) -> None:
    command = TestCommand(commander_id=1, actor=behind)
    await behind.send_command("tcc", "go", command=command, command_id=77)
    assert hub.received[-1] == "stage.stage 77 tcc go"


@pytest.mark.parametrize("name", ["tron-reconnect", "tron_reconnect"])
async def test_the_connection_to_the_hub_can_be_renewed_by_a_command(
    hub: Hub, behind: LegacyActor, name: str
) -> None:
    async with await User.greeted(behind.port) as user:
        hub.received.clear()
        user.send(f"8 {name}")
        codes = []
        while codes[-1:] != [":"]:
            reply = await user.reply()
            if reply.command_id == 8:
                codes.append(reply.code)
        assert codes == [">", ":"]
        assert hub.connections == 2
        assert hub.commands() == hub.commands("keys") != []
        assert behind.tron is not None
        assert behind.tron.connected()


async def test_renewing_the_connection_fails_while_the_hub_is_down(
    hub: Hub, behind: LegacyActor
) -> None:
    behind.log.sh.setLevel(logging.ERROR)
    await hub.stop()
    async with await User.greeted(behind.port) as user:
        reply = (await user.ask("8 tron-reconnect"))[-1]
        assert reply.code == "f"
        assert "Cannot connect to the hub at 127.0.0.1" in reply.body


async def test_after_a_restart_of_the_hub_the_actor_announces_itself_again(
    hub: Hub, behind: LegacyActor
) -> None:
    behind.log.sh.setLevel(logging.ERROR)
    hub.received.clear()
    await hub.stop()
    await until(lambda: not behind.transports)
    await hub.start()
    await until(lambda: behind.transports and hub.commands("keys"))
    assert [line.split()[0] for line in hub.commands()] == ["hub", "keys"]
    jane = await TronConnection("APO.Jane", "127.0.0.1", hub.port).start()
    assert (await jane.send_command("stage", "ping")).status.did_succeed
    jane.stop()


async def test_a_hub_that_is_down_at_the_start_is_a_warning_and_found_later(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    await hub.stop()
    actor = make_actor(tron_host="127.0.0.1", tron_port=hub.port, models=["tcc"])
    actor.log.sh.setLevel(logging.ERROR)
    await actor.start()
    assert actor.tron is not None
    assert not actor.tron.connected()
    assert "No connection to tron at 127.0.0.1" in caplog.text
    async with await User.greeted(actor.port) as user:
        assert (await user.ask("1 ping"))[-1].code == ":"
    with pytest.raises(CluError, match="cannot connect to tron"):
        actor.send_command("tcc", "status")
    hub.add_actor("stage", actor.port)
    await hub.start()
    await until(lambda: actor.transports and hub.commands("keys"))
    assert hub.commands("hub") == ["hub startNubs stage"]
    await actor.stop()


async def test_a_hub_that_cannot_connect_back_is_warned_about(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    actor = make_actor(tron_host="127.0.0.1", tron_port=hub.port)
    actor.log.sh.setLevel(logging.ERROR)
    await actor.start()
    await until(lambda: "could not be asked to connect to stage" in caplog.text)
    await actor.stop()


async def test_a_hub_that_does_not_answer_holds_nobody_up(hub: Hub) -> None:
    hub.silent = True
    actor = make_actor(tron_host="127.0.0.1", tron_port=hub.port)
    await asyncio.wait_for(actor.start(), 2)
    await actor.stop()


async def test_stop_before_start_is_harmless() -> None:
    await make_actor(tron_host="localhost", tron_port=1).stop()


# --- actors in tests of their users -----------------------------------------------------------


async def test_an_actor_without_a_network_keeps_its_replies() -> None:
    actor: Any = await setup_test_actor(make_actor(tron_host="localhost", tron_port=1))
    command = actor.invoke_mock_command('echo "a; b=1"', command_id=5)
    await command
    assert [(r.user_id, r.command_id, r.flag, dict(r)) for r in actor.mock_replies] == [
        (666, 5, ">", {}),
        (666, 5, ":", {"text": '"a; b=1"'}),
    ]
    assert "a; b=1" in actor.mock_replies
    actor.mock_replies.clear()
    texts = ("it's", "don't", "a,'b; c=1',d", '"x', 'y; z"', "")
    command.write("i", dict(zip("abcdef", texts, strict=True)))
    assert [list(reply) for reply in actor.mock_replies] == [list("abcdef")]
    actor.mock_replies.clear()
    command.write("i", {"a": 1, "b": ["x", "y z"]}, concatenate=False)
    assert [dict(reply) for reply in actor.mock_replies] == [{"a": "1"}, {"b": 'x,"y z"'}]


async def test_nothing_warns_in_an_ordinary_life(hub: Hub) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", CluWarning)
        actor = await make_actor(tron_host="127.0.0.1", tron_port=hub.port).start()
        async with await User.greeted(actor.port) as user:
            await user.ask("1 ping")
        await actor.stop()


class Shouting(LegacyActor):
    """An actor with lines of its own."""

    @staticmethod
    def get_user_command_id(
        command: Any = None, user_id: int | None = None, command_id: int | None = None
    ) -> tuple[int, int]:
        return 7, command_id or (command.command_id if command else 0)

    @staticmethod
    def format_user_output(
        user_id: int, command_id: int, message_code: Any, msg_str: str | None = None
    ) -> str:
        return f"{user_id} {command_id} {message_code.value} {(msg_str or '').upper()}"


async def test_a_subclass_can_address_and_format_its_lines() -> None:
    actor = await setup_test_actor(Shouting("camera", "localhost", 0, additional_properties=True))
    await actor.invoke_mock_command("ping", 3)
    actor.write("i", a="x", b=2, command_id=5)
    actor.write("i", a="x", b=2, concatenate=False)
    lines = [call.args[0] for call in actor.transports[666].write.mock_calls]  # type: ignore[index]
    assert lines == [
        b"7 3 > \n",
        b"7 3 : TEXT=PONG.\n",
        b"7 5 i A=X; B=2\n",
        b"7 0 i A=X\n",
        b"7 0 i B=2\n",
    ]
