"""An actor that tells a client in another process more than it can take at once."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from ..conftest import HAS_UVLOOP
from ..flooding import BusyActor

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPS = ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])]
LIMIT = 60.0
#: What the documentation promises.
MEGABYTES = 64


class Listener:
    """A client that reads as fast as it can."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.lines = 0
        self.tail = b""

    def send(self, text: str) -> None:
        self.socket.sendall(f"1 {text}\n".encode())

    def read(self) -> bool:
        """Read once; tell whether there was something."""
        data = self.socket.recv(1024 * 1024)
        self.lines += data.count(b"\n")
        self.tail = (self.tail + data)[-500:]
        return data != b""

    def read_to_end(self) -> int:
        """Read until the command has ended, and return the number of lines."""
        while not re.search(rb'"message_code": ":"|^\d+ 1 : ', self.tail, re.MULTILINE):
            assert self.read(), f"the actor closed the connection after {self.lines} lines"
        return self.lines


@pytest.fixture(params=LOOPS)
def busy(kind: str, request: pytest.FixtureRequest) -> Iterator[BusyActor]:
    with BusyActor(kind, request.param) as busy:
        yield busy


@pytest.fixture
def listener(busy: BusyActor, kind: str) -> Iterator[Listener]:
    listener = Listener(busy.port)
    with listener.socket:
        if kind == "legacy":  # it greets its users
            while b"version=" not in listener.tail:
                listener.read()
            listener.lines = 0
        yield listener


def test_a_client_that_reads_gets_all_replies_of_a_callback_that_never_awaits(
    listener: Listener,
) -> None:
    listener.send("tell 120000")
    assert listener.read_to_end() == 120_002


@pytest.mark.endurance
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "busy"), [("json", "asyncio"), ("legacy", LOOPS[-1])], indirect=["busy"]
)
def test_a_million_replies_cost_little_if_the_callback_drains(
    busy: BusyActor, listener: Listener
) -> None:
    listener.send("tell 1000000 --drain")
    assert listener.read_to_end() == 1_000_002
    assert busy.report()["megabytes"] < MEGABYTES
