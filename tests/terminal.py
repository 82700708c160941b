"""A process in a terminal of its own, and what is on the screen of that."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from typing import Any

import pyte
import pytest

CLU = [sys.executable, "-m", "clu"]

KEYS = {
    "Tab": "\t",
    "Enter": "\r",
    "Up": "\x1b[A",
    "Down": "\x1b[B",
    "Home": "\x1b[H",
    "End": "\x1b[F",
    "C-c": "\x03",
    "C-d": "\x04",
    "C-u": "\x15",
}


class _Screen(pyte.Screen):
    """A screen that answers queries of the cursor position, as terminals do."""

    answer: Any = None

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """``clu`` in a terminal.

    Parameters
    ----------
    arguments
        The arguments of the command.
    columns, lines
        The size of the terminal.
    command
        What to run instead of ``clu``.
    environment
        Variables to set.
    """

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        lines: int = 24,
        command: list[str] = CLU,
        **environment: str,
    ) -> None:
        fcntl = pytest.importorskip("fcntl")
        struct = pytest.importorskip("struct")
        termios = pytest.importorskip("termios")
        self._screen = _Screen(columns, lines)
        self._screen.answer = self._write
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        }
        self.output = b""
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**inherited, "TERM": "xterm-256color", "PYTHONUTF8": "1", **environment},
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._master)
        self.process.kill()
        self.process.wait(10)

    @property
    def descriptor(self) -> int:
        """The file descriptor of the terminal."""
        return self._master

    @property
    def rows(self) -> list[str]:
        """The lines on the screen that are not empty."""
        return [row.rstrip() for row in self._screen.display if row.strip()]

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.rows)

    def colors(self, text: str) -> set[str]:
        """Return the colours of a string on the screen."""
        for number, row in enumerate(self._screen.display):
            if (start := row.find(text)) >= 0:
                line = self._screen.buffer[number]
                return {line[column].fg for column in range(start, start + len(text))}
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text}")

    def press(self, *keys: str) -> None:
        """Press keys: names of keys, or strings."""
        for key in keys:
            self._write(KEYS.get(key, key))

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """Wait until a pattern is on the screen, and return what is on it."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text, re.MULTILINE):
            if not self.read(end - time.monotonic()):
                raise AssertionError(f"{pattern!r} did not come:\n{self.text}")
        return self.text

    def wait(self, seconds: float = 20) -> int:
        """Wait until the process has ended, and return its exit status."""
        end = time.monotonic() + seconds
        while self.read(end - time.monotonic()):
            pass
        return self.process.wait(max(end - time.monotonic(), 10))

    def wait_process(self, seconds: float = 20) -> int:
        """Wait until the process has ended, with the terminal still open."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.1)
        return self.process.wait(10)

    def read(self, seconds: float) -> bool:
        """Take what the process prints within a time; return whether that is anything."""
        ready, _, _ = select.select([self._master], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # how Linux says that the other side is closed
            data = b""
        self.output += data
        self._stream.feed(data)
        return bool(data)

    def _write(self, text: str) -> None:
        os.write(self._master, text.encode())
