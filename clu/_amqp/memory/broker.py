"""The memory broker: who is connected, and where it is found."""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from typing import Any, Protocol

from clu._amqp.memory.faults import Faults
from clu._amqp.memory.vhost import VirtualHost
from clu._amqp.size import MAX_MESSAGE_SIZE
from clu.exceptions import CluConnectionError, CluRuntimeError, CluValueError

__all__ = ["Broker", "Connected", "find"]

_name = re.compile(r"[a-z0-9][a-z0-9_.-]*")
#: The brokers of this process, by their names.
_brokers: dict[str, Broker] = {}
_brokers_lock = threading.Lock()


class Connected(Protocol):
    """What the broker needs of a connection."""

    name: str

    @property
    def is_dead(self) -> bool:
        """Whether its event loop was closed, without a word to the broker."""

    def release(self) -> None:
        """Give back what it has not acknowledged."""

    def cut(self) -> None:
        """Lose the connection, at once and without a word."""

    def shut(self, code: int, reason: str) -> None:
        """Close the connection, with a reason."""

    def wake(self, current: Any) -> None:
        """Take what there is for it."""


class Broker:
    """A broker in memory.

    Parameters
    ----------
    name
        Its name.
    max_message_size
        The most bytes that the body of a message may have.

    Attributes
    ----------
    host
        Its exchanges and queues.
    lock
        Held while anything of it changes: connections may be of several threads.
    faults
        What can be made to go wrong.
    """

    def __init__(
        self, name: str | None = None, *, max_message_size: int = MAX_MESSAGE_SIZE
    ) -> None:
        self.name = f"bus-{secrets.token_hex(4)}" if name is None else name
        if not isinstance(self.name, str) or not _name.fullmatch(self.name):
            raise CluValueError(
                f"The name of a memory broker is of lower-case letters, digits, '_', '.' and '-', "
                f"not {name!r}."
            )
        self.max_message_size = max_message_size
        self.host = VirtualHost()
        self.lock = threading.RLock()
        self.faults = Faults(self)
        self._sessions: dict[Connected, None] = {}
        self._touched: list[Connected] = []
        self._process = os.getpid()
        self._skipped = 0.0
        self.is_closed = False
        with _brokers_lock:
            if self.name in _brokers and _brokers[self.name]._process == self._process:
                raise CluRuntimeError(f"There is a memory broker {self.name!r} already.")
            _brokers[self.name] = self

    def now(self) -> float:
        """Return the time, in seconds, with what was skipped."""
        return time.monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let some seconds have passed."""
        self._skipped += seconds

    @property
    def url(self) -> str:
        """The address with which clients and actors connect."""
        return f"memory://{self.name}"

    @property
    def sessions(self) -> list[Connected]:
        """All connections."""
        return list(self._sessions)

    def close(self) -> None:
        """End all connections, and forget everything. The name is free again."""
        with self.lock:
            if self.is_closed:
                return
            self.is_closed = True
            for session in self.sessions:
                session.cut()
        with _brokers_lock:
            if _brokers.get(self.name) is self:
                del _brokers[self.name]
        self.wake()

    def add(self, session: Connected) -> None:
        """Take a connection.

        Raises
        ------
        ConnectionRefusedError
            If it takes none.
        """
        with self.lock:
            if self.is_closed or self.faults.is_down:
                raise ConnectionRefusedError(f"the memory broker {self.name!r} is down")
            self._sessions[session] = None

    def remove(self, session: Connected) -> None:
        """Forget a connection, and delete its queues."""
        with self.lock:
            if self._sessions.pop(session, self) is self:
                return
            session.release()
            self.host.delete_queues_of(session)

    def remove_dead(self) -> None:
        """Forget the connections of event loops that were closed."""
        with self.lock:
            for session in self.sessions:
                if session.is_dead:
                    self.remove(session)

    def touch(self, session: Connected) -> None:
        """Remember that there is something for a connection."""
        self._touched.append(session)

    def wake(self, current: Connected | None = None) -> None:
        """Have connections take what there is for them.

        Parameters
        ----------
        current
            The connection in whose event loop this is called, if it is in one.
        """
        while self._touched:
            with self.lock:
                touched, self._touched = self._touched, []
            for session in touched:
                session.wake(current)


def find(name: str) -> Broker:
    """Return the memory broker of a name.

    Raises
    ------
    CluConnectionError
        If there is none in this process.
    """
    broker = _brokers.get(name)
    if broker is None:
        raise CluConnectionError(
            f"there is no memory broker {name!r} in this process: it must be made first, with "
            f"clu.testing.MemoryBroker({name!r}), and other processes cannot connect to it"
        )
    if broker._process != os.getpid():
        raise CluConnectionError(
            f"the memory broker {name!r} is in the process from which this one was forked"
        )
    return broker
