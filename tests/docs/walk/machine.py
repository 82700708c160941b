"""A new user of a machine that has only what the README asks for."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Two runs of the tests on a machine do not disturb each other.
_USER = f"clu-walk-{os.getpid()}"
_LIMIT = 30.0
#: Where the programs of a system are.
_FOLDERS = ("/usr/bin", "/bin")
#: What a bare system does not have, although this one may.
_ABSENT = ("nc", "nc.*", "ncat", "netcat", "telnet*", "socat", "clu", "pip*", "python*", "pytest*")
#: The prompt, before and after an environment is activated, with the last exit status.
_READY = r"(?:\(\.venv\) )?ready"
#: What the README asks for, besides make and a C compiler.
_CHECK = (
    "import ensurepip, os, sys, sysconfig; "
    "sys.exit(sys.version_info < (3, 10)"
    " or not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')))"
)


class Machine:
    """A home with a clone of the repository, and terminals in it.

    Parameters
    ----------
    place
        A folder for it, which every user can read.
    variables
        Variables of the user.
    """

    def __init__(self, place: pathlib.Path, variables: dict[str, str]) -> None:
        self.home = place / "home"
        self.clone = self.home / "clu"
        self._terminals: list[Terminal] = []
        self._programs = place / "bin"
        self._programs.mkdir()
        self.home.mkdir()
        python = _python(())
        self._as_user: tuple[str, ...] = ()
        if os.geteuid() == 0 and shutil.which("useradd") and shutil.which("runuser"):
            _check("useradd", "--home-dir", str(self.home), "--shell", "/bin/bash", _USER)
            as_user = ("runuser", "-u", _USER, "--")
            with contextlib.suppress(LookupError):  # the only Python is in the home of root
                python = _python(as_user)
                self._as_user = as_user
        (self.home / "shellrc").write_text(f"cd {self.clone}\nPS1='ready $?\\n'\n")
        _copy_tree(self.clone)
        _link_programs(self._programs, python)
        if self._as_user:
            _check("chown", "-R", _USER, str(self.home))
        self._variables = {
            "HOME": str(self.home),
            "USER": self.user,
            "LOGNAME": self.user,
            "SHELL": "/bin/bash",
            "PATH": str(self._programs),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            **_of_the_index(),
            **variables,
        }

    @property
    def user(self) -> str:
        """The name of the user."""
        return _USER if self._as_user else "me"  # where nobody can be added, it is who tests

    @property
    def _environment(self) -> list[str]:
        return ["env", "-i", *(f"{name}={value}" for name, value in self._variables.items())]

    @contextlib.contextmanager
    def shell(self, columns: int = 80) -> Iterator[Shell]:
        """Open a terminal with a shell, in the clone."""
        command = ["setsid", "--ctty", "--wait", *self._as_user, *self._environment]
        command += ["bash", "--rcfile", str(self.home / "shellrc"), "-i"]
        with Terminal(command=command, columns=columns, lines=200) as terminal:
            self._terminals.append(terminal)
            try:
                yield Shell(terminal, self._terminals)
            finally:
                self._terminals.remove(terminal)

    def save(self, path: pathlib.Path, text: str) -> None:
        """Save a file as the user does."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if self._as_user:
            _check("chown", "-R", _USER, str(self.clone))

    def close(self) -> None:
        """End what the user has left running, and remove the user."""
        if not self._as_user:
            return
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        end = time.monotonic() + _LIMIT
        while self._processes() and time.monotonic() < end:
            time.sleep(0.05)
        _check("userdel", _USER)

    def _processes(self) -> list[int]:
        number = pwd.getpwnam(_USER).pw_uid
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if path.stat().st_uid == number:
                    found.append(int(path.name))
        return found


@contextlib.contextmanager
def machine(**variables: str) -> Iterator[Machine]:
    """Make a machine, and remove all of it."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="clu-walk-"))
    place.chmod(0o755)
    made: Machine | None = None
    try:
        made = Machine(place, variables)
        yield made
    finally:
        if made is not None:
            made.close()
        shutil.rmtree(place, ignore_errors=True)


class Shell:
    """A shell in a terminal, into which lines are pasted."""

    def __init__(self, terminal: Terminal, terminals: list[Terminal]) -> None:
        self.terminal = terminal
        self._terminals = terminals
        self.wait_for(rf"^{_READY} 0$")

    def wait_for(self, pattern: str, seconds: float = _LIMIT) -> str:
        """Wait until a pattern is on the screen, and return what is on it."""
        compiled = re.compile(pattern, re.MULTILINE)
        try:
            self.wait_until(lambda: bool(compiled.search(self.terminal.text)), seconds)
        except TimeoutError:
            raise AssertionError(f"{pattern!r} did not come:\n{self.terminal.text}") from None
        return self.terminal.text

    def wait_until(self, is_so: Callable[[], bool], seconds: float = _LIMIT) -> None:
        """Wait until something is so, while all programs run."""
        end = time.monotonic() + seconds
        while not is_so():
            for terminal in self._terminals:  # a program whose terminal nobody reads stops
                terminal.read(0.02)
            if time.monotonic() > end:
                raise TimeoutError(f"it did not come to that:\n{self.terminal.text}")

    @property
    def printed(self) -> str:
        """What the program has printed so far: the screen below the command."""
        return "\n".join(self.terminal.rows[2:])

    def start(self, line: str) -> None:
        """Paste a line that starts a program, on an empty screen."""
        self.terminal.press("clear", "Enter")
        self.wait_for(rf"\A{_READY} \d+\Z")
        self.terminal.press(line, "Enter")

    def wait_ended(self, seconds: float = _LIMIT, *, may_fail: bool = False) -> str:
        """Wait until the program has ended, and well, and return what it has printed."""
        text = self.wait_for(rf"(?s)\n{_READY} \d+\Z", seconds)
        assert "command not found" not in text, text
        assert may_fail or text.endswith(" 0"), text
        return self.printed.rpartition("\n")[0]

    def run(self, line: str, seconds: float = _LIMIT, *, may_fail: bool = False) -> str:
        """Paste a line, and return what its program has printed."""
        self.start(line)
        return self.wait_ended(seconds, may_fail=may_fail)

    def interrupt(self) -> str:
        """Press Ctrl-C, and return what the program has printed that ends with it."""
        self.terminal.press("C-c")
        text = self.wait_for(rf"(?s)(?:\n|\^C){_READY} \d+\Z")
        assert "command not found" not in text, text
        return text

    def leave(self) -> None:
        """Press Ctrl-D, which ends the program well."""
        self.terminal.press("C-d")
        self.wait_ended()


def _check(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _python(as_user: tuple[str, ...]) -> str:
    """Return a Python with what the README asks for, which the user can run."""
    for path in ("/usr/bin/python3", os.path.realpath(sys._base_executable)):  # type: ignore[attr-defined]
        command = [*as_user, "env", "-i", path, "-c", _CHECK]
        if subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0:
            return path
    raise LookupError("no Python 3.10 with venv and its headers: python3-venv, python3-dev")


def _copy_tree(target: pathlib.Path) -> None:
    """Copy what a clone of this repository would have once everything is committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.rstrip("\0").split("\0"):
        if (source := ROOT / name).exists():  # it may be deleted, and not committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def _link_programs(folder: pathlib.Path, python: str) -> None:
    for place in _FOLDERS:
        for path in pathlib.Path(place).iterdir():
            link = folder / path.name
            if not (any(map(path.match, _ABSENT)) or link.is_symlink()):
                link.symlink_to(path)
    (folder / "python3").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    (folder / "python3").chmod(0o755)


def _of_the_index() -> dict[str, str]:
    """Return the variables without which the package index cannot be reached from here."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower().endswith("_proxy") or name in names
    }
