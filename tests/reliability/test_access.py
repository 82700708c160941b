"""No access by accident: addresses, tokens, limits, and what errors reveal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pathlib
import traceback
import warnings
from typing import Any

import pytest

from clu import Command, JSONActor, LegacyActor
from clu._core.reporting import without_details, without_paths
from clu._tcp.limits import BUFFER_LIMIT
from clu._tcp.server import LINE_LIMIT, REQUEST_LIMIT
from clu.protocol import TCPStreamServer
from clu.tools import ActorHandler

from ..waiting import until
from .actors import JSON, Peer, make, make_offline, parser, run

ROOT = pathlib.Path(__file__).parents[2]
LOCAL = {"127.0.0.1", "::1"}


def addresses(actor: Any) -> set[str]:
    return {socket.getsockname()[0] for socket in actor.server._server.sockets}


@pytest.mark.parametrize(
    "actor", [lambda: JSONActor("camera", port=0), lambda: LegacyActor("camera", None, 0)]
)
async def test_without_an_address_an_actor_listens_to_this_machine_only(actor: Any) -> None:
    started = await actor().start()
    assert addresses(started) <= LOCAL
    await started.stop()


# --- token --------------------------------------------------------------------------------------

TOKEN = "s3cret-wörd"


@pytest.fixture
async def guarded() -> Any:
    actor = await make("json", token=TOKEN).start()
    yield actor
    await actor.stop()


async def test_the_right_token_lets_a_client_in(guarded: Any) -> None:
    async with await Peer.connect("json", guarded.port) as peer:
        assert await peer.ask(f"4 token {TOKEN}") == [(4, ":", "{}")]
        assert (await peer.ask("5 ping"))[-1].code == ":"
        guarded.write("i", text="to all")
        assert (await peer.answer()).text == '{"text": "to all"}'


async def test_the_token_needs_no_command_id_and_may_come_with_the_first_command(
    guarded: Any,
) -> None:
    async with await Peer.connect("json", guarded.port) as peer:
        peer.send(f"token {TOKEN}\n5 ping")
        assert (await peer.answers())[-1] == (0, ":", "{}")
        assert (await peer.answers())[-1].command_id == 5


WRONG = ["5 ping", "5 token", "5 token wrong", f"5 token {TOKEN}x", f"5 token {TOKEN[:-1]}"]
WRONG += [f"5 {TOKEN}", f"5 tokens {TOKEN}", f"5 Token {TOKEN}", "5 multiline", "5 " + "x" * 2**21]


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:12])
async def test_anything_else_gets_one_failing_reply_and_the_connection_is_closed(
    guarded: Any, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Peer.connect("json", guarded.port) as peer:
        peer.send(line)
        answer = await peer.answer()
        assert (answer.command_id, answer.code) == (5, "f")
        assert "token" in answer.text
        try:
            rest = await peer.rest()
        except ConnectionError:  # the system may say so when there was more to read
            rest = b""
        assert rest == b""
    await until(lambda: not guarded.server.transports)
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "127.0.0.1" in warnings[0]
    assert TOKEN[:-1] not in caplog.text + answer.text


async def test_the_token_is_in_no_log_however_often_it_comes(
    guarded: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    async with await Peer.connect("json", guarded.port) as peer:
        for number in range(3):
            assert await peer.ask(f"{number} token {TOKEN}") == [(number, ":", "{}")]
        assert (await peer.ask("5 ping"))[-1].code == ":"
    assert "Pong" in caplog.text
    assert TOKEN not in caplog.text


async def test_what_only_looks_like_a_token_is_a_command_once_the_client_is_in(
    guarded: Any,
) -> None:
    async with await Peer.connect("json", guarded.port) as peer:
        await peer.ask(f"1 token {TOKEN}")
        assert (await peer.ask("2 token wrong"))[-1][:2] == (2, "f")
        assert TOKEN in (await peer.ask(f"3 echo {TOKEN}"))[-1].text


async def test_the_token_is_compared_in_constant_time(
    guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return True

    monkeypatch.setattr("hmac.compare_digest", compare)
    async with await Peer.connect("json", guarded.port) as peer:
        assert (await peer.ask("1 token guess"))[-1].code == ":"
    assert compared == [(b"guess", TOKEN.encode())]


async def test_what_is_not_utf_8_is_no_token(guarded: Any) -> None:
    async with await Peer.connect("json", guarded.port) as peer:
        peer.send(b"5 token \xff")
        assert (await peer.answers())[-1][:2] == (5, "f")


async def test_commands_behind_a_wrong_token_do_not_run(guarded: Any) -> None:
    async with await Peer.connect("json", guarded.port) as peer:
        peer.send(f"1 token wrong\n2 token {TOKEN}\n3 ping")
        first = await peer.answer()
        assert (first.command_id, first.code) == (1, "f")
        assert await peer.rest() == b""


async def test_clients_without_the_token_receive_nothing_and_do_not_count(guarded: Any) -> None:
    async with await Peer.connect("json", guarded.port) as peer:
        await until(lambda: guarded.server.transports)
        guarded.write("i", text="to all")
        await asyncio.sleep(0.02)
        assert guarded.transports == {}
        assert await peer.ask(f"4 token {TOKEN}") == [(4, ":", "{}")]
        assert len(guarded.transports) == 1
    await until(lambda: not guarded.transports)


async def test_a_client_that_sends_no_token_is_turned_down_after_a_while(
    guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu._tcp.token.TOKEN_TIMEOUT", 0.05)
    async with await Peer.connect("json", guarded.port) as peer:
        assert "No token was received" in (await peer.answer()).text
        assert await peer.rest() == b""
    await until(lambda: not guarded.server.transports)


async def test_clients_that_wait_at_the_gate_do_not_outlive_the_actor() -> None:
    actor = await make("json", token=TOKEN).start()
    async with await Peer.connect("json", actor.port) as peer:
        await until(lambda: actor.server.transports)
        await actor.stop()
        assert await peer.rest() == b""
    assert actor._token_gate._waiting == {}


@pytest.mark.parametrize("token", ["", "two words", " ", "line\n", 5])
def test_a_token_is_one_word(token: Any) -> None:
    with pytest.raises(ValueError, match="token must be"):
        make("json", token=token)


async def test_the_token_may_be_in_the_configuration() -> None:
    actor = JSON.from_config({"actor": {"name": "camera", "port": 0, "token": "abc"}})
    await actor.start()
    async with await Peer.connect("json", actor.port) as peer:
        assert (await peer.ask("1 ping"))[-1].code == "f"
    await actor.stop()


async def test_without_a_token_the_word_is_a_command_like_any_other(peer: Peer) -> None:
    assert (await peer.ask("1 token abc"))[-1][:2] == (1, "f")
    assert (await peer.ask("2 ping"))[-1][:2] == (2, ":")


# --- browsers -----------------------------------------------------------------------------------


HEAD = b"Host: localhost\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\n\r\n"


@pytest.mark.parametrize(
    ("request_line", "cuts"),
    [
        (b"POST / HTTP/1.1", False),
        (b"POST / HTTP/1.1", True),
        (b"POST /5%20ping?'x HTTP/1.1", False),
        (b"OPTIONS /--help HTTP/1.0", False),
        (b"GET /" + b"x" * 1_500_000 + b" HTTP/1.1", False),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_page_in_a_browser_cannot_command_an_actor(
    kind: str, actor: Any, request_line: bytes, cuts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []
    original = actor.parse_command

    def watched(command: Any) -> Any:
        ran.append(command.body)
        return original(command)

    actor.parse_command = watched
    async with (
        await Peer.connect(kind, actor.port) as peer,
        await Peer.connect(kind, actor.port) as other,
    ):
        for part in (request_line + b"\r\n", HEAD, b"5 echo hello\n"):
            peer.writer.write(part)
            if cuts:
                await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionError):  # the system may say so if more was to be read
            assert b"hello" not in await peer.rest()
        assert (await other.ask("6 ping"))[-1].code == ":"
    assert ran[-1] == "ping"
    assert len(ran) <= 2
    told = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(told) == 1
    assert "sent an HTTP request" in told[0]


async def test_words_about_http_are_a_command_like_any_other(peer: Peer) -> None:
    assert (await peer.ask("5 echo 'POST / HTTP/1.1'"))[-1][:2] == (5, ":")
    assert (await peer.ask("6 ping HTTP/1.1"))[-1][:2] == (6, "f")
    assert (await peer.ask("7 ping"))[-1][:2] == (7, ":")


# --- limits -------------------------------------------------------------------------------------


def test_the_defaults_of_the_limits_are_those_of_the_documentation() -> None:
    server = TCPStreamServer("localhost", 0)
    assert (server.line_limit, server.buffer_limit) == (LINE_LIMIT, BUFFER_LIMIT)
    assert (server.max_requests, server.max_connections) == (REQUEST_LIMIT, None)
    page = (ROOT / "docs" / "reliability.md").read_text()
    page = page.partition("### Actors over TCP")[2].partition("### AMQP")[0]
    for name, value in {
        "line_limit": "1 MiB",
        "buffer_limit": "16 MiB",
        "max_connections": "no limit",
        "max_commands": "1000",
        "token": "none",
        "error_details": "true",
        "store": "false",
    }.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        assert value in row.lower().replace("mib", "MiB"), row
    assert (LINE_LIMIT, BUFFER_LIMIT, REQUEST_LIMIT) == (2**20, 2**24, 1000)


async def test_commands_in_flight_are_limited_and_none_is_lost(kind: str) -> None:
    actor = await make(kind, max_commands=10).start()
    most = 0
    original = actor._run_command

    def watched(*args: Any) -> Any:
        nonlocal most
        command = original(*args)
        most = max(most, len(actor._active_commands))
        return command

    actor._run_command = watched
    async with await Peer.connect(kind, actor.port) as peer:
        peer.writer.write(b"".join(b"%d sleep 0.002\n" % number for number in range(1, 201)))
        ended = set()
        while len(ended) < 200:
            answer = await peer.answer()
            if answer.code == ":":
                ended.add(answer.command_id)
        assert ended == set(range(1, 201))
    assert most == 10
    await actor.stop()


async def test_a_client_at_its_limit_waits_alone(kind: str) -> None:
    actor = await make(kind, max_commands=5).start()
    async with (
        await Peer.connect(kind, actor.port) as greedy,
        await Peer.connect(kind, actor.port) as other,
    ):
        greedy.send("\n".join(f"{number} wait" for number in range(50)))
        await until(lambda: len(actor._active_commands) == 5)
        assert (await other.ask("1 ping"))[-1][:2] == (1, ":")
        assert len(actor._active_commands) == 5
        other.send("2 wait --stop")
        await other.answers(2)
        await until(lambda: len(actor._active_commands) == 5)
    await actor.stop()


async def test_a_client_at_its_limit_that_goes_is_forgotten_with_what_it_still_wanted(
    kind: str,
) -> None:
    actor = await make(kind, max_commands=5).start()
    async with await Peer.connect(kind, actor.port) as peer:
        peer.send("\n".join(f"{number} wait" for number in range(50)))
        await until(lambda: len(actor._active_commands) == 5)
        peer.writer.transport.abort()
        actor.write("i", text="to all")
        await asyncio.sleep(0.05)
        actor.write("i", text="to all")
        await until(lambda: not actor.transports)
        assert len(actor._active_commands) == 5
    await actor.stop()
    assert not actor._active_commands


async def test_no_limit_is_no_limit(kind: str) -> None:
    actor = await make(kind, max_commands=None).start()
    async with await Peer.connect(kind, actor.port) as peer:
        peer.send("\n".join(f"{number} wait" for number in range(1500)))
        await until(lambda: len(actor._active_commands) == 1500)
    await actor.stop()


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_no_commands_is_refused(kind: str, limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        make(kind, max_commands=limit)


# --- what errors give away ----------------------------------------------------------------------


@parser.command(name="leak")
async def leak(command: Any, *args: Any) -> None:
    try:
        open("/etc/observatory/secret.key")  # noqa: SIM115
    except OSError as error:
        command.warning(error=error)
        command.warning(error={"what": error})
        raise


@pytest.mark.parametrize("kind", ["json", "legacy", "amqp"])
@pytest.mark.parametrize("details", [True, False])
async def test_error_replies_can_leave_out_tracebacks_and_paths(
    kind: str, details: bool, caplog: pytest.LogCaptureFixture
) -> None:
    actor = await make_offline(kind, error_details=details)
    await run(actor, "leak")
    said = str([dict(reply) for reply in actor.mock_replies])
    assert "No such file" in said
    assert "FileNotFoundError" in said
    assert ("/etc/observatory" in said) is details
    assert ("Traceback" in said) is details
    assert ("test_access.py" in said) is details
    assert "/etc/observatory/secret.key" in caplog.text


def warn_about_file(log: logging.Logger) -> None:
    source = 'open("/etc/observatory/secret.key")'
    text = warnings.formatwarning(
        "No such file", ResourceWarning, "/opt/test_access.py", 12, f"Traceback = {source}"
    )
    log.error(text)


def log_traceback(log: logging.Logger) -> None:
    try:
        open("/etc/observatory/secret.key")  # noqa: SIM115
    except OSError:
        log.error("Failed:\n%s", traceback.format_exc())


def log_exception(log: logging.Logger) -> None:
    try:
        open("/etc/observatory/secret.key")  # noqa: SIM115
    except OSError:
        log.exception("Traceback of test_access.py:12 for /etc/observatory/secret.key")


@pytest.mark.parametrize("cause", [warn_about_file, log_traceback, log_exception])
@pytest.mark.parametrize("of_command", [False, True])
@pytest.mark.parametrize("details", [True, False])
@pytest.mark.parametrize("kind", ["json", "legacy", "amqp"])
async def test_the_log_as_replies_can_leave_out_tracebacks_and_paths(
    kind: str, details: bool, of_command: bool, cause: Any
) -> None:
    actor = await make_offline(kind, error_details=details)
    log = logging.Logger("tests.access", 1)
    writer: Any = Command("", command_id=1, actor=actor) if of_command else actor
    log.addHandler(ActorHandler(writer, filter_warnings=[ResourceWarning]))
    cause(log)
    said = "\n".join(str(dict(reply)) for reply in actor.mock_replies)
    assert "No such file" in said
    assert ("/etc/observatory" in said) is details
    assert ("test_access.py" in said) is details
    assert ("open(" in said) is (details and cause is not log_exception)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no file at all\n  indented", "no file at all\n  indented"),
        ("x.py:12: UserWarning: careful\n  source()", "UserWarning: careful"),
        (r"C:\x.py:12: UserWarning: careful", "UserWarning: careful"),
        ("in camera.py:12, run", "in <path>, run"),
        ('File "camera.py", line 12, in run', "<path>"),
        ("Traceback (most recent call last):\n  File x\n    y\nE: no\n  more", "\nE: no\n  more"),
        (
            "  + Exception Group Traceback (most recent call last):\n  |   File x\n  | E\nend",
            "\nend",
        ),
    ],
)
def test_tracebacks_and_places_are_left_out_too(text: str, expected: str) -> None:
    assert without_details(text) == expected


def test_the_configuration_can_leave_out_details() -> None:
    config = {"actor": {"name": "camera", "host": "localhost", "port": 0, "error_details": False}}
    for kind in (JSONActor, LegacyActor):
        assert kind.from_config(config).error_details is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Errno 2] No such file: '/etc/secret.key'", "[Errno 2] No such file: '<path>'"),
        ("cannot read /home/user/a b", "cannot read <path> b"),
        ("~/.ssh/id: permission denied", "<path>: permission denied"),
        (r"C:\Users\me\x.ini is bad", "<path> is bad"),
        ("(/a/b)", "(<path>)"),
        ("5 km/s is and/or was 3/4 of it", "5 km/s is and/or was 3/4 of it"),
        ("relative/path.py stays", "relative/path.py stays"),
        ("2 / 3", "2 / 3"),
    ],
)
def test_absolute_paths_are_what_is_left_out(text: str, expected: str) -> None:
    assert without_paths(text) == expected


async def test_what_an_actor_never_reveals() -> None:
    actor = await make("json", token=TOKEN, config={"password": "hunter2"}).start()
    async with await Peer.connect("json", actor.port) as peer:
        await peer.ask(f"token {TOKEN}")
        said = ""
        for line in ("help", "get_schema", "version", "nonsense", "token", f"token {TOKEN[:-2]}"):
            said += json.dumps([answer.text for answer in await peer.ask(line)])
    await actor.stop()
    assert "hunter2" not in said
    assert json.dumps(TOKEN)[1:-1] not in said
