"""``clu talk`` as users run it: with pipes, and in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from clu import JSONActor
from tests.terminal import CLU, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Observatory

    Serve = Callable[[socket.socket], None]


class Device:
    """Something on TCP that talks to one client after the other."""

    def __init__(self, serve: Serve, family: int = socket.AF_INET) -> None:
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self._server = socket.create_server((host, 0), family=family)
        self.port: int = self._server.getsockname()[1]
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, contextlib.suppress(OSError):
                    self._serve(client)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it wakes the thread that accepts
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)


@contextlib.contextmanager
def device(serve: Serve, **options: int) -> Iterator[Device]:
    made = Device(serve, **options)
    try:
        yield made
    finally:
        made.close()


def wheel(client: socket.socket) -> None:
    """Answer as a controller with a prompt does."""
    client.sendall(b"wheel> ")
    for line in client.makefile("rb"):
        word = line.strip()
        if word == b"QUIT":
            return
        if word == b"RESET":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        client.sendall(b"POS 1\r\n" if word == b"POS?" else b"ERROR " + repr(line).encode() + b"\n")
        client.sendall(b"wheel> ")


@pytest.fixture
def port() -> Iterator[int]:
    with device(wheel) as made:
        yield made.port


def talk(
    *arguments: str, typed: bytes | None = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*CLU, "talk", *arguments],
        input=typed,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


class TestPipes:
    def test_it_answers_and_ends(self, port: int) -> None:
        run = talk(f"localhost:{port}", "--wait", "3", typed=b"POS?\n")
        assert (run.returncode, run.stderr) == (0, b"")
        assert run.stdout == b"wheel> POS 1\nwheel> "

    @pytest.mark.parametrize("form", ["{}", ":{}", "localhost:{}", "tcp://127.0.0.1:{}/"])
    def test_the_forms_of_an_address(self, port: int, form: str) -> None:
        assert talk(form.format(port), "--wait", "inf", typed=b"QUIT\n").stdout == b"wheel> "

    def test_ipv6(self) -> None:
        with device(wheel, family=socket.AF_INET6) as made:
            run = talk(f"[::1]:{made.port}", typed=b"QUIT\n")
        assert (run.returncode, run.stdout) == (0, b"wheel> ")

    def test_the_peer_ends_it_before_the_input_does(self, port: int) -> None:
        with subprocess.Popen(
            [*CLU, "talk", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"QUIT\n")
            process.stdin.flush()
            assert process.wait(30) == 0  # standard input is still open
            assert process.stdout.read() == b"wheel> "

    @pytest.mark.parametrize(("end", "line"), [("lf", b"\n"), ("crlf", b"\r\n"), ("cr", b"\r")])
    def test_the_ends_of_lines_and_of_the_last_one(self, end: str, line: bytes) -> None:
        got = []
        with device(lambda client: got.append(client.makefile("rb").read())) as made:
            assert talk(str(made.port), "--end", end, "--wait", "0", typed=b"a\nb").returncode == 0
        assert got == [b"a" + line + b"b" + line]

    def test_bytes_that_are_not_text_are_escaped_and_sent_as_they_are(self) -> None:
        with device(lambda client: client.sendall(client.recv(4096))) as made:
            run = talk(str(made.port), "--wait", "inf", typed=b"\xff\x1b[2J \xc2\xb0\n")
        assert run.stdout == rb"\xff\x1b[2J " + "°\n".encode()

    def test_a_terminal_that_knows_few_characters(self) -> None:
        with device(lambda client: client.sendall("20 °C λ\n".encode())) as made:
            run = talk(str(made.port), "--wait", "inf", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
        assert run.stdout == "20 °C ".encode("latin-1") + b"\\u03bb\n"

    def test_it_waits_while_something_comes(self) -> None:
        def slow(client: socket.socket) -> None:
            client.recv(4096)
            for number in range(6):
                time.sleep(1)
                client.sendall(b"%d\n" % number)

        with device(slow) as made:
            run = talk(str(made.port), "--wait", "4", typed=b"go\n")
        assert run.stdout.split() == [b"0", b"1", b"2", b"3", b"4", b"5"]

    def test_it_waits_for_the_peer_to_close(self) -> None:
        def slow(client: socket.socket) -> None:
            time.sleep(2)
            client.sendall(b"done\n")

        with device(slow) as made:
            assert talk(str(made.port), "--wait", "inf").stdout == b"done\n"

    def test_much_input_to_a_peer_that_reads_slowly(self) -> None:
        got = []

        def count(client: socket.socket) -> None:
            client.sendall(b"go\n")
            time.sleep(0.5)
            total = 0
            while data := client.recv(1 << 20):
                total += len(data)
            got.append(total)

        with device(count) as made:
            run = talk(str(made.port), "--wait", "0", typed=b"x" * 99 + b"\n" + b"y" * 8_000_000)
            assert run.returncode == 0
        assert got == [100 + 8_000_000 + 1]

    def test_much_output(self) -> None:
        text = b"".join(b"line %d \xc2\xb0\n" % number for number in range(200_000))
        with device(lambda client: client.sendall(text)) as made:
            assert talk(str(made.port), "--wait", "inf").stdout == text

    def test_head_ends_it_quietly(self, port: int) -> None:
        done = subprocess.run(
            ["bash", "-c", f"yes POS? | {' '.join(CLU)} talk {port} | head -2"],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.stdout, done.stderr) == (b"wheel> POS 1\nwheel> POS 1\n", b"")

    def test_without_standard_input(self) -> None:
        with device(lambda client: client.sendall(b"hello\n")) as made:
            done = subprocess.run(
                ["bash", "-c", f"{' '.join(CLU)} talk --wait inf {made.port} <&-"],
                capture_output=True,
                timeout=60,
                check=False,
            )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"hello\n", b"")

    def test_ctrl_c_ends_it_quietly(self, port: int) -> None:
        with subprocess.Popen(
            [*CLU, "talk", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.read(7) == b"wheel> "
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            assert process.stderr.read() == b""

    def test_an_actor(self, observatory: Observatory) -> None:
        run = talk(observatory.lamp_address, "--wait", "5", typed=b"1 ping\n")
        assert b'"data": {"text": "Pong."}}\n' in run.stdout


class TestErrors:
    def test_nobody_is_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        run = talk(f"127.0.0.1:{port}")
        assert run.returncode == 3
        expected = f"Error: Cannot connect to tcp://127.0.0.1:{port}: Connection refused.\n"
        assert run.stderr.decode() == expected

    def test_the_connection_is_lost(self, port: int) -> None:
        run = talk(str(port), typed=b"RESET\n")
        assert run.returncode == 3
        assert run.stderr.decode() == (
            f"Error: Lost the connection to tcp://localhost:{port}: Connection reset by peer.\n"
        )

    @pytest.mark.parametrize(
        "address", ["camera", "localhost", "localhost:99999", "me@localhost:9", "::1:9", "", "a:b"]
    )
    def test_what_is_not_an_address_is_named(self, address: str) -> None:
        run = talk(address)
        assert run.returncode == 2
        assert f"{address!r} is not an address: write HOST:PORT" in run.stderr.decode()


@contextlib.contextmanager
def terminal(port: int, *options: str, **settings: Any) -> Iterator[Terminal]:
    with Terminal("talk", f"127.0.0.1:{port}", *options, **settings) as made:
        made.wait_for(rf"^Connected to 127.0.0.1:{port}. Ctrl-D ends it.$")
        yield made


class TestTerminal:
    def test_lines_are_typed_after_the_prompt_of_the_device(self, port: int) -> None:
        with terminal(port) as shown:
            shown.wait_for("^wheel>$")
            shown.press("POS?", "Enter")
            shown.wait_for(r"^wheel> POS\?\nPOS 1\nwheel>$")
            shown.press("Enter")  # devices take empty lines, too
            shown.wait_for(r"^wheel>\nERROR b'\\n'\nwheel>$")
            shown.press("QUIT", "Enter")
            assert shown.wait() == 0
            assert shown.rows[-1] == f"127.0.0.1:{port} closed the connection."

    def test_a_peer_that_closes_at_once(self) -> None:
        with device(lambda client: client.sendall(b"busy, bye\nbye")) as made:
            for _ in range(5):
                with terminal(made.port) as shown:
                    assert shown.wait() == 0
                    shown.wait_for("^busy, bye\nbye\n127.0.0.1:.* closed the connection.$")

    @pytest.mark.parametrize("key", ["C-c", "C-d", "SIGTERM"])
    def test_it_is_left_quietly_with_the_terminal_as_it_was(self, port: int, key: str) -> None:
        termios = pytest.importorskip("termios")
        with Terminal("talk", str(port)) as shown:
            before = termios.tcgetattr(shown.descriptor)
            shown.wait_for("^wheel>$")
            assert termios.tcgetattr(shown.descriptor) != before
            if key == "SIGTERM":
                shown.process.send_signal(signal.SIGTERM)
            else:
                shown.press(key)
            assert shown.wait_process() == 0
            assert termios.tcgetattr(shown.descriptor) == before
            assert shown.rows[1:] == ["wheel>"]

    def test_lines_are_edited_and_kept_for_the_next_time(self, port: int, tmp_path: Path) -> None:
        for keys in (("POS", "Home", "\x1b[C\x1b[C", "End", "?"), ("Up",)):
            with terminal(port) as shown:
                shown.wait_for("^wheel>$")
                shown.press(*keys)
                shown.wait_for(r"^wheel> POS\?$")
                shown.press("Enter")
                shown.wait_for(r"^POS 1\nwheel>$")
                shown.press("C-d")
                assert shown.wait() == 0
        assert (tmp_path / "clu" / "talk_history").stat().st_mode & 0o077 == 0

    def test_several_lines_are_pasted(self, port: int) -> None:
        with terminal(port) as shown:
            shown.wait_for("^wheel>$")
            shown.press("\x1b[200~POS?\nPOS?\x1b[201~", "Enter")
            shown.wait_for(r"^POS 1\nwheel> POS 1\nwheel>$")

    def test_what_is_typed_while_lines_come_stays_on_the_line(self) -> None:
        typed = threading.Event()

        def stream(client: socket.socket) -> None:
            number = 0
            while not typed.wait(0.01):
                client.sendall(b"T %d\n" % number)
                number += 1
            client.sendall(b"END\n")
            client.sendall(client.recv(4096))
            client.recv(1)

        with device(stream) as made, terminal(made.port) as shown:
            for _ in range(30):
                shown.press("ab")
                shown.wait_for(r"^T \d+$")
            shown.wait_for(r"^(ab){30}$")
            typed.set()
            shown.wait_for(r"^END\n(ab){30}$")
            others = [row for row in shown.rows[1:-2] if not re.fullmatch(r"T \d+", row)]
            assert others == []
            shown.press("Enter")
            shown.wait_for(r"^(ab){30}\n(ab){30}$")

    def test_what_is_typed_ahead_is_neither_lost_nor_echoed(self) -> None:
        def echo(client: socket.socket) -> None:
            for line in client.makefile("rb"):
                client.sendall(b"got " + line)

        with device(echo) as made, terminal(made.port, lines=60) as shown:
            shown.press("".join(f"line {number}\r" for number in range(20)))
            shown.wait_for("^got line 19$")
            shown.press("done", "Enter")
            shown.wait_for("^got done$")
            typed = [row for row in shown.rows if row.startswith("line ")]
            assert typed == [f"line {number}" for number in range(20)]
            got = [row for row in shown.rows if row.startswith("got line ")]
            assert got == [f"got line {number}" for number in range(20)]

    def test_a_long_line_that_has_not_ended_shows_its_end(self) -> None:
        ending = threading.Event()

        def serve(client: socket.socket) -> None:
            client.sendall(b"x" * 3_000_000 + b" and on> ")
            ending.wait(60)
            client.sendall(b"\nthen\n")
            client.recv(1)

        with device(serve) as made, terminal(made.port) as shown:
            shown.wait_for("^…x+ and on>$")
            assert shown.output.count(b"x") >= 2_000_000
            shown.press("typed")
            shown.wait_for("^…x+ and on> typed$")
            ending.set()
            shown.wait_for("^x+ and on> \nthen\ntyped$|^x+ and on>\nthen\ntyped$")

    def test_much_output_does_not_end_the_prompt(self) -> None:
        text = b"".join(b"line %d\n" % number for number in range(100_000))

        def serve(client: socket.socket) -> None:
            client.sendall(text)
            client.recv(1)

        with device(serve) as made, terminal(made.port) as shown:
            shown.wait_for("^line 99999$")
            shown.press("typed")
            shown.wait_for("^line 99999\ntyped$")

    def test_it_is_left_although_the_peer_reads_nothing(self) -> None:
        left = threading.Event()
        with device(lambda _: bool(left.wait(60))) as made, terminal(made.port) as shown:
            for _ in range(3):
                shown.press("x" * 30, "Enter")
            shown.press("C-c")
            assert shown.wait() == 0
            left.set()

    def test_a_lost_connection_is_told_with_the_terminal_as_it_was(self, port: int) -> None:
        termios = pytest.importorskip("termios")
        with Terminal("talk", f"127.0.0.1:{port}") as shown:
            before = termios.tcgetattr(shown.descriptor)
            shown.wait_for("^wheel>$")
            shown.press("RESET", "Enter")
            assert shown.wait_process() == 3
            assert termios.tcgetattr(shown.descriptor) == before
            lost = f"Error: Lost the connection to tcp://127.0.0.1:{port}: "
            assert shown.rows[-1].startswith(lost[:80])

    def test_a_peer_that_closes_while_a_line_is_typed(self) -> None:
        closing = threading.Event()

        def serve(client: socket.socket) -> None:
            client.sendall(b"hello")
            closing.wait(30)

        with device(serve) as made, terminal(made.port) as shown:
            shown.wait_for("^hello$")
            shown.press("abc")
            shown.wait_for("^helloabc$")
            closing.set()
            assert shown.wait() == 0
            assert shown.rows[-1] == f"127.0.0.1:{made.port} closed the connection."

    def test_escape_sequences_do_not_act_on_the_terminal(self) -> None:
        def serve(client: socket.socket) -> None:
            client.sendall(b"\x1b[2J\xff\nname\x1b[2J> ")
            client.recv(1)

        with device(serve) as made, terminal(made.port) as shown:
            shown.wait_for(r"^\\x1b\[2J\\xff\nname\\x1b\[2J>$")

    def test_the_output_goes_to_a_file_while_the_lines_are_typed(
        self, port: int, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        command = ["bash", "-c", f"{' '.join(CLU)} talk --wait inf {port} > {log}"]
        with Terminal(command=command) as shown:
            shown.press("POS?\n", "QUIT\n")
            assert shown.wait() == 0
        assert log.read_text() == "wheel> POS 1\nwheel> "

    def test_a_dumb_terminal_gets_no_escape_sequences(self, port: int) -> None:
        with Terminal("talk", str(port), TERM="dumb") as shown:
            shown.wait_for("^wheel>$")
            shown.press("POS?\n")
            shown.wait_for("^POS 1$")
            assert b"\x1b" not in shown.output


async def test_a_token_can_be_typed() -> None:
    actor = await JSONActor("vault", host="127.0.0.1", port=0, token="s3cret").start()
    process = await asyncio.create_subprocess_exec(
        *CLU, "talk", "--wait", "5", str(actor.port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate(b"1 token s3cret\n2 ping\n")
    await actor.stop()
    assert b"Pong." in output
