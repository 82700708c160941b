"""Examples as users run them: with one command, then with the commands that it suggests."""

from __future__ import annotations

import contextlib
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = pathlib.Path(__file__).parents[2]
_LIMIT = 45.0
_LAST_LINE = "Ctrl-C stops it."


class Example:
    """A running example, and its output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.text = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, args=(process.stdout,))
        self.reader.start()

    def _read(self, output: Iterable[str]) -> None:
        for line in output:
            self._lines.put(line)
        self._lines.put("")

    @property
    def suggestions(self) -> list[str]:
        """The commands and addresses that it suggests."""
        return [line.strip() for line in self.text.splitlines() if line.startswith("    ")]

    def read_until(self, line: str) -> None:
        while line not in self.text:
            try:
                read = self._lines.get(timeout=_LIMIT)
            except queue.Empty:
                raise TimeoutError(f"no {line!r} in time after {self.text!r}") from None
            if not read:
                raise EOFError(f"no {line!r} in {self.text!r}")
            self.text += read


def two_ports() -> int:
    """Return the first of two free ports in a row."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port + 1))
                return port
    raise RuntimeError("There are no two free ports in a row.")


@contextlib.contextmanager
def running(name: str, *options: str) -> Iterator[Example]:
    """Start an example, and stop it as Ctrl-C does."""
    options = ("--port", str(two_ports()), *options)
    with subprocess.Popen(
        [sys.executable, "examples/start.py", name, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        example = Example(process)
        try:
            example.read_until(_LAST_LINE)
            yield example
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            errors = process.stderr.read()
            process.wait(20)
            example.reader.join()
        complaints = [line for line in errors.splitlines() if '"GET /' not in line]
        assert (process.returncode, complaints) == (0, [])


def start_command(command: str, **streams: int) -> subprocess.Popen[str]:
    """Run a command that an example has suggested."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **streams,  # type: ignore[call-overload]
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Return the exit status and the lines of a command."""
    output, _ = process.communicate(timeout=_LIMIT)
    return process.returncode, output.splitlines()


def talk(suggestion: str, lines: list[str], last: str) -> list[str]:
    """Type lines into the ``clu talk`` that an example has suggested, until a line matches."""
    assert "-m clu talk localhost:" in suggestion
    replies = []
    with start_command(suggestion, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for line in lines:
                print(line, file=process.stdin, flush=True)
            for reply in process.stdout:
                replies.append(reply.rstrip("\n"))
                if re.search(last, reply):
                    return replies
        finally:
            process.kill()
    raise EOFError(f"no {last!r} in {replies}")
