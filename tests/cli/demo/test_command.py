"""``clu demo`` as a user runs it: in a process of its own."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

import clu.cli.demo.session as demo_session
from clu.cli.demo.session import DemoSession
from clu.cli.demo.view import PlainView
from tests.conftest import loop_factories

CLU = [sys.executable, "-m", "clu"]
LOOPS = list(loop_factories())


def run(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = CLU if code is None else [sys.executable, "-c", code]
    return subprocess.run(
        [*command, "demo", *arguments], capture_output=True, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("loop", LOOPS)
def test_plain_demo_loses_nothing(loop: str) -> None:
    result = run("--seconds", "1.5", "--plain", "--port", "0", "--loop", loop)
    assert (result.returncode, result.stderr) == (0, "")
    found = re.search(r"telemetry +(\d+) replies sent, (\d+) received, none lost", result.stdout)
    assert found is not None
    assert found.group(1) == found.group(2)
    assert int(found.group(1)) > 1
    assert re.search(r"ping +median [\d.]+ ms, p99 [\d.]+ ms", result.stdout)
    assert re.search(r"commands +(\d+) sent, \1 answered", result.stdout)
    assert re.search(rf"loop +{loop}\n", result.stdout)
    assert re.search(r"measure 0.8: \d+ %, CPU mean", result.stdout)
    assert re.search(r"kernels +(compiled|interpreted): .*status", result.stdout)
    assert "each valid against the schema" in result.stdout
    assert re.search(r"\S*clu send tcp://localhost:\d+ measure 3\n", result.stdout)
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("lost", ["== 3", ">= 4"])
def test_lost_reply_makes_the_exit_status_1(lost: str) -> None:
    code = f"""
from clu.cli.demo.host_actor import HostActor
send = HostActor._write_internal
def lossy(self, reply, *args, **kwargs):
    if reply.command is None and reply.message["sequence"] {lost}:
        return None
    return send(self, reply, *args, **kwargs)
HostActor._write_internal = lossy
from clu.__main__ import main
main()
"""
    result = run("--seconds", "1", "--plain", "--port", "0", code=code)
    assert result.returncode == 1
    assert re.search(r"received, \d+ LOST", result.stdout)
    assert "were lost" in result.stderr


def test_missing_psutil_is_reported_in_one_sentence() -> None:
    code = "import sys; sys.modules['psutil'] = None; from clu.__main__ import main; main()"
    result = run("--seconds", "1", code=code)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert 'pip install "sdss-clu[demo]"' in result.stderr


def test_taken_port_is_reported_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("--seconds", "1", "--plain", "--port", port)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"Cannot listen on localhost:{port}: Address already in use." in result.stderr


async def test_usual_port_that_is_taken_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(demo_session, "PORT", taken.getsockname()[1])
        session = DemoSession(rate=50, seconds=0.5, port=None)
        await session.run(PlainView())
        assert session.actor.port != taken.getsockname()[1]
    assert session.actor.sequence > 0


@pytest.mark.parametrize("arguments", [["--rate", "0"], ["--port", "70000"], ["--loop", "trio"]])
def test_silly_options_are_refused(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert arguments[0] in result.stderr


def test_closed_pipe_ends_the_demo() -> None:
    with subprocess.Popen(
        [*CLU, "demo", "--plain", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"Actor host on localhost:")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


@pytest.mark.parametrize("loop", LOOPS)
def test_demo_ends_without_an_error_while_another_client_listens(loop: str) -> None:
    with subprocess.Popen(
        [*CLU, "demo", "--seconds", "1", "--plain", "--port", "0", "--loop", loop],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"localhost:(\d+)", process.stdout.readline())
        assert found is not None
        with socket.create_connection(("localhost", int(found.group(1)))):
            output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "none lost" in output


class Terminal:
    """A process in a terminal of its own."""

    def __init__(self, *arguments: str, columns: int = 80, lines: int = 24) -> None:
        fcntl = pytest.importorskip("fcntl")
        struct = pytest.importorskip("struct")
        termios = pytest.importorskip("termios")
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        }
        self.process = subprocess.Popen(
            [*CLU, "demo", "--port", "0", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment, "TERM": "xterm-256color", "PYTHONUTF8": "1"},
            start_new_session=True,
        )
        os.close(slave)
        self.output = ""

    def read(self, until: str | None = None) -> str:
        """Read up to a string, or to the end."""
        deadline = time.monotonic() + 30
        data = b""
        while until is None or until not in self.output:
            ready, _, _ = select.select([self.master], [], [], deadline - time.monotonic())
            assert ready, f"nothing more after: {self.output[-500:]!r}"
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # how Linux says that the other side is closed
                piece = b""
            if not piece:
                break
            data += piece
            self.output = data.decode(errors="replace")
        return self.output

    def close(self) -> None:
        os.close(self.master)
        self.process.kill()
        self.process.wait(10)


@pytest.mark.parametrize(("loop", "columns", "lines"), [(LOOPS[0], 80, 24), (LOOPS[-1], 120, 40)])
def test_terminal_shows_a_live_table_then_the_summary(loop: str, columns: int, lines: int) -> None:
    terminal = Terminal("--seconds", "1.5", "--loop", loop, columns=columns, lines=lines)
    try:
        output = terminal.read()
        assert terminal.process.wait(20) == 0
    finally:
        terminal.close()
    opened, closed = output.index("\x1b[?1049h"), output.index("\x1b[?1049l")
    live = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", output[opened:closed])
    for expected in ("replies/s", "0 lost", "keyword", "age", "s left", "cpu", "GiB", "▁"):
        assert expected in live
    assert re.search(r"measure 0.8 +[━─]+ +\d+ %", live)
    assert "Ctrl-C ends it" in live
    rows = re.split(r"\n|\x1b\[H", output[opened:closed])
    widths = [len(re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\r", "", row)) for row in rows]
    assert max(widths) <= columns
    rest = output[closed:]
    assert "none lost" in rest
    assert "Talk to it" in rest
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")  # the cursor is back


@pytest.mark.parametrize(
    ("loop", "number"),
    [*((loop, signal.SIGINT) for loop in LOOPS), (LOOPS[-1], signal.SIGTERM)],
)
def test_interrupted_demo_ends_with_the_summary(loop: str, number: signal.Signals) -> None:
    terminal = Terminal("--loop", loop)
    try:
        terminal.read(until="CPU mean")
        terminal.process.send_signal(number)
        output = terminal.read()
        assert terminal.process.wait(20) == 0, output[-2000:]
    finally:
        terminal.close()
    assert "none lost" in output
    assert "Traceback" not in output


def test_plain_lines_on_a_terminal_when_asked_for() -> None:
    terminal = Terminal("--seconds", "1.2", "--plain")
    try:
        output = terminal.read()
        assert terminal.process.wait(20) == 0
    finally:
        terminal.close()
    assert "\x1b[?1049h" not in output
    assert "replies/s" in output
