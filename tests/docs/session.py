"""A reader of a page: saves its files, and types its commands into real programs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sysconfig
import time
from typing import TYPE_CHECKING

from tests.broker import free_port

from .compare import ANYTHING, matches, plain
from .pages import Block, Command, caption, commands, included, name

if TYPE_CHECKING:
    import pathlib

    from tests.broker import Broker

_LIMIT = 60.0
_REPLY = re.compile(r"\{|\d+ \d+ [:>!iwdef](\s|$)|\s|\}|\.\.\.")
#: Ports on the pages, which are replaced by free ones.
_PORTS = ("9999", "9998", "9876", "6093", "8000")
_BROKER = "localhost:5672"
#: With one of these, pytest does not cut the lines of its summary, which are cut on the pages.
_INTEGRATION = ("CI", "BUILD_NUMBER")
#: What ``clu talk`` says in a terminal.
FIRST_LINE = "Connected to {}. Ctrl-D ends it."


class Reader:
    """Follows a page in a directory of its own."""

    def __init__(self, page: pathlib.Path, directory: pathlib.Path, broker: Broker | None) -> None:
        self.page = page
        self.directory = directory
        self._folder = directory  # where the commands are typed
        self._places = {port: str(free_port()) for port in _PORTS}
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in _INTEGRATION},
            "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]),
            "PYTHONWARNINGS": "ignore",
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "80",
            "NO_COLOR": "1",
        }
        if broker is not None:
            self._places[_BROKER] = f"localhost:{broker.port}"
            self._environment["CLU_PORT"] = str(broker.port)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def close(self) -> None:
        for command in list(self._running):
            self._interrupt(command)

    def take(self, block: Block) -> None:
        """Do what a block says."""
        source = included(self.page, block)
        if source is not None and (saved := caption(block)) is not None:
            self._save(self.directory / saved, self._here(source.read_text()))
        if block.language != "console" or block.mark.startswith("skip, "):
            return
        for command in commands(block):
            try:
                self._do(command, block.mark)
            except AssertionError as error:
                raise AssertionError(f"{name(self.page)}:{block.line}: {error}") from None

    def _save(self, path: pathlib.Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _here(self, text: str) -> str:
        for place, ours in self._places.items():
            text = re.sub(rf"(?<!\d){re.escape(place)}(?!\d)", ours, text)
        return text

    def _there(self, text: str) -> str:
        for place, ours in self._places.items():
            text = text.replace(ours, place)
        return text.replace(f"{self.directory}/", "")

    def _do(self, command: Command, mark: str) -> None:
        if mark.startswith("after stopping "):
            stopped = mark.removeprefix("after stopping ")
            assert stopped in self._running, f"{stopped!r} does not run"
            self._interrupt(stopped)
            self._run(command)
        elif mark.startswith("replies "):
            self._talk(command, re.compile(mark.removeprefix("replies ")))
        elif mark.startswith("background until "):
            self._start(command, mark.removeprefix("background until "))
        elif mark.startswith("background alone until "):
            self.close()
            self._start(command, mark.removeprefix("background alone until "))
        elif mark:
            raise AssertionError(f"there is no mark {mark!r}")
        elif command.command.startswith("clu talk "):
            self._talk(command, _REPLY)
        elif command.command.startswith("cd ") and len(command.command.split()) == 2:
            self._folder = self._folder / command.command.split()[1]
            assert self._folder.is_dir(), f"there is no folder {self._folder}"
        else:
            self._run(command)

    def _popen(self, command: str, **streams: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self._folder,
            env=self._environment,
            start_new_session=True,
            **streams,  # type: ignore[call-overload]
        )

    def _start(self, command: Command, check: str) -> None:
        self._interrupt(command.command)
        with (self._folder / "background.out").open("wb") as output:
            process = self._popen(
                self._here(command.command), stdout=output.fileno(), stderr=output.fileno()
            )
        self._running[command.command] = process
        end = time.monotonic() + _LIMIT
        while self._succeeds(check) is False:
            printed = (self._folder / "background.out").read_text()
            assert process.poll() is None, f"{command.command!r} ended: {printed}"
            assert time.monotonic() < end, f"{command.command!r} is not ready: {printed}"
            time.sleep(0.05)
        printed = (self._folder / "background.out").read_text()
        _compare(command, self._there(printed))

    def _succeeds(self, check: str) -> bool:
        if check.startswith("port "):
            return _is_open(int(self._here(check.removeprefix("port "))))
        done = subprocess.run(
            ["bash", "-c", self._here(check)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            check=False,
            timeout=_LIMIT,
        )
        return done.returncode == 0

    def _interrupt(self, command: str) -> None:
        """Stop a program as Ctrl-C does."""
        process = self._running.pop(command, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{command!r} does not stop on Ctrl-C") from None

    def _run(self, command: Command) -> None:
        done = subprocess.run(
            ["bash", "-c", self._here(command.command)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_LIMIT,
        )
        _compare(command, self._there(done.stdout.decode()))

    def _talk(self, command: Command, reply: re.Pattern[str]) -> None:
        """Type lines into ``clu talk``, and read the replies that the page shows after each."""
        words = self._here(command.command)
        talk = self._popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        first, *shown_lines = command.output
        assert first == FIRST_LINE.format(command.command.split()[-1])
        assert talk.stdin is not None
        assert talk.stdout is not None
        os.set_blocking(talk.stdout.fileno(), False)
        lines = _Lines(talk.stdout)
        try:
            for shown in shown_lines:
                if reply.match(shown) is None:
                    talk.stdin.write(f"{shown}\n".encode())
                    talk.stdin.flush()
                elif shown != ANYTHING:
                    lines.expect(self._there, shown)
                else:
                    lines.skips = True
        finally:
            os.killpg(talk.pid, signal.SIGKILL)
            talk.communicate()


def _is_open(port: int) -> bool:
    """Whether a program takes connections; it has forgotten this one when it returns."""
    try:
        connection = socket.create_connection(("localhost", port), timeout=_LIMIT)
    except OSError:
        return False
    with connection, contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    return True


class _Lines:
    """The lines that a program prints, read when they are expected."""

    def __init__(self, stream: object) -> None:
        self._stream = stream
        self._buffer = b""
        self.skips = False

    def _next(self) -> str:
        end = time.monotonic() + _LIMIT
        while b"\n" not in self._buffer:
            assert time.monotonic() < end, "no reply came"
            self._buffer += self._stream.read() or b""  # type: ignore[attr-defined]
            time.sleep(0.005)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def expect(self, translate: object, shown: str) -> None:
        seen = translate(self._next())  # type: ignore[operator]
        while self.skips and plain(seen) != plain(shown):
            seen = translate(self._next())  # type: ignore[operator]
        self.skips = False
        assert plain(seen) == plain(shown), f"the page shows\n{shown}\nand there came\n{seen}"


def _compare(command: Command, printed: str) -> None:
    seen = printed.splitlines()
    shown = "\n".join(command.output)
    assert matches(command.output, seen), (
        f"{command.command!r}: the page shows\n{shown}\nand there came\n{printed}"
    )
