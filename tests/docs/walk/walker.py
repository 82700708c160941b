"""A reader of the tutorial who types its commands into terminals of a new user."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from tests.docs.compare import matches, plain
from tests.docs.session import FIRST_LINE, Reader

if TYPE_CHECKING:
    import pathlib

    from tests.broker import Broker
    from tests.docs.pages import Command

    from .machine import Machine, Shell

#: No line of the page is wrapped, as it could not be put together again.
_COLUMNS = 400
#: What a shell says of programs in the background.
_JOB = re.compile(r"\[\d+\]")


class Walker(Reader):
    """Follows a page on a machine.

    A program that is left running has one terminal, and everything else is typed in another.
    """

    def __init__(self, page: pathlib.Path, made: Machine, broker: Broker) -> None:
        super().__init__(page, made.clone, broker)
        self._machine = made
        self._stack = contextlib.ExitStack()
        self._typing = self._open()
        self._other = self._open()
        self._other_runs = ""

    def close(self) -> None:
        """Stop the program, and close the terminals."""
        with self._stack:
            self._interrupt(self._other_runs)

    def _open(self) -> Shell:
        shell = self._stack.enter_context(self._machine.shell(_COLUMNS))
        shell.run(". .venv/bin/activate")
        return shell

    def _save(self, path: pathlib.Path, text: str) -> None:
        self._machine.save(path, text)

    def _start(self, command: Command, check: str) -> None:
        self._interrupt(self._other_runs)
        self._other.start(self._here(command.command))
        self._other_runs = command.command
        if check.startswith("port "):
            self._typing.wait_until(lambda: self._succeeds(check))
        else:
            self._typing.run(f"until {self._here(check)} >/dev/null 2>&1; do sleep 0.2; done")
        self._compare(command, self._other.printed)

    def _interrupt(self, command: str) -> None:
        """Stop the program as Ctrl-C does."""
        if self._other_runs and command == self._other_runs:
            self._other.interrupt()
            self._other_runs = ""

    def _run(self, command: Command) -> None:
        self._compare(command, self._typing.run(self._here(command.command), may_fail=True))

    def _compare(self, command: Command, printed: str) -> None:
        seen = [line for line in self._there(printed).splitlines() if not _JOB.match(line)]
        shown = [line for line in command.output if line.strip()]  # the screen has no empty ones
        assert matches(shown, seen), "\n".join(
            (f"{command.command!r}: the page shows", *shown, "and there came", *seen)
        )

    def _talk(self, command: Command, reply: re.Pattern[str]) -> None:
        first, *lines = command.output
        assert first == FIRST_LINE.format(command.command.split()[-1])
        self._typing.start(self._here(command.command))
        self._wait_for_line(first)
        for line in lines:
            if reply.match(line) is None:
                self._typing.terminal.press(line, "Enter")
            self._wait_for_line(line)
        self._typing.leave()

    def _wait_for_line(self, line: str) -> None:
        """Wait until the last line on the screen is a line of the page."""

        def is_there() -> bool:
            seen = self._there(self._typing.printed).splitlines()
            return any(plain(each) == plain(line) for each in seen)

        self._typing.wait_until(is_there)
