"""An actor in a process of its own, and a client that floods it and does not read."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

#: The commands that a client sends.
FLOODS = {
    "answers": "echo " + "x" * 200,
    "in flight": "never",
    "nonsense": "nonsense",
}
COMMANDS = 20_000
_ROOT = pathlib.Path(__file__).parents[1]
_REPORT_LIMIT = 60.0


class BusyActor:
    """The actor of `tests.isolated.busy_actor`.

    Parameters
    ----------
    kind
        ``json`` or ``legacy``.
    loop
        ``asyncio`` or ``uvloop``.
    limits
        Arguments of the actor.
    """

    def __init__(self, kind: str, loop: str, **limits: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.isolated.busy_actor", kind, loop, json.dumps(limits)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def report(self) -> dict[str, Any]:
        """Stop the actor, and return its costs."""
        out, err = self.process.communicate("\n", timeout=_REPORT_LIMIT)
        assert "Traceback" not in err
        assert err.count("\n") <= 1
        found: dict[str, Any] = json.loads(out)
        return found


@contextlib.contextmanager
def flood(port: int, text: str, commands: int = COMMANDS) -> Iterator[None]:
    """Send as many commands as the actor reads, and read nothing."""
    data = b"".join(b"%d %s\n" % (number, text.encode()) for number in range(commands))
    unresponsive = socket.create_connection(("127.0.0.1", port))
    unresponsive.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def send() -> None:
        with contextlib.suppress(OSError):
            unresponsive.sendall(data)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the actor may have cut it off
            unresponsive.shutdown(socket.SHUT_RDWR)
        unresponsive.close()
        thread.join(10)
