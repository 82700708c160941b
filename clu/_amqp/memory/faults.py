"""What can be made to go wrong with the memory broker."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from clu._amqp.memory.topics import matches
from clu.exceptions import CluNotImplemented, CluTypeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DELAY", "DROP", "DUPLICATE", "NACK", "Faults"]

DELAY, DROP, DUPLICATE, NACK = "delay", "drop", "duplicate", "nack"
_FORCED = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"


class _Session(Protocol):
    """What the faults need of a connection."""

    name: str

    def cut(self) -> None:
        """Lose the connection, at once and without a word."""

    def shut(self, code: int, reason: str) -> None:
        """Close the connection, with a reason."""


class _Target(Protocol):
    """What the faults need of the broker."""

    name: str
    lock: Any
    host: Any

    @property
    def sessions(self) -> Sequence[_Session]:
        """All connections."""

    def now(self) -> float:
        """Return the time, in seconds."""

    def wake(self) -> None:
        """Have connections take what there is for them."""


class _Rule:
    """What happens to messages with certain routing keys."""

    def __init__(self, kind: str, pattern: str, count: int | None, seconds: float = 0.0) -> None:
        self.kind = kind
        self.pattern = pattern
        self.count = count
        self.seconds = seconds


class Faults:
    """What goes wrong with a memory broker, on demand.

    Patterns are those of topic exchanges, such as ``reply.#`` or ``command.camera``, and are
    compared with the routing keys of messages as they are published. Several faults that are for a
    message happen to it in the order in which they were asked for; only the first of those that
    decide whether it arrives (`drop`, `nack`, `duplicate`) counts.

    Parameters
    ----------
    broker
        The broker.

    Attributes
    ----------
    is_active
        Whether messages are to be looked at.
    """

    def __init__(self, broker: _Target) -> None:
        self._broker = broker
        self._rules: list[_Rule] = []
        self._down_until = 0.0
        self._refused: dict[str, float] = {}
        self._rates: dict[str, float] = {}
        self.is_active = False

    # -- connections ----------------------------------------------------------------------

    def cut(self, name: str, seconds: float = 0.0) -> None:
        """Lose the connections of an actor or a client, as if a cable were pulled.

        What it has sent in this iteration of the event loop and what was on the way to it is lost.
        It connects again by itself.

        Parameters
        ----------
        name
            Its name.
        seconds
            For how long it cannot connect again.

        Raises
        ------
        CluValueError
            If nobody of this name is connected.
        """
        seconds = _seconds(seconds)
        broker = self._broker
        with broker.lock:
            sessions = [session for session in broker.sessions if session.name == name]
            if not sessions:
                raise self._unknown(name)
            if seconds:
                self._refused[name] = self._broker.now() + seconds
            for session in sessions:
                session.cut()
        broker.wake()

    def restart(self, seconds: float = 0.0) -> None:
        """Restart the broker, as an operator does: it says so to all who are connected.

        Durable queues stay, with the messages in them that are persistent; nothing else.

        Parameters
        ----------
        seconds
            For how long it is down.
        """
        seconds = _seconds(seconds)
        broker = self._broker
        with broker.lock:
            self._down_until = self._broker.now() + seconds
            for session in broker.sessions:
                session.shut(320, _FORCED)
            broker.host.forget_transient()
        broker.wake()

    def slow(self, name: str, rate: float | None) -> None:
        """Let an actor or a client receive only so fast, until the fault is cleared.

        What else there is for it waits in the broker.

        Parameters
        ----------
        name
            Its name. It need not be connected.
        rate
            Messages a second; None for as fast as it can.
        """
        with self._broker.lock:
            if rate is None:
                self._rates.pop(name, None)
                return
            if not isinstance(rate, (int, float)) or not 0 < rate < math.inf:
                raise CluValueError(f"The rate {rate!r} is not a positive number.")
            self._rates[name] = float(rate)

    # -- messages -------------------------------------------------------------------------

    def delay(self, pattern: str, seconds: float, n: int | None = None) -> None:
        """Keep messages back for some time.

        AMQP keeps the order of the messages of a channel: those that follow a message that is kept
        back wait, too.

        Parameters
        ----------
        pattern
            The pattern of their routing keys.
        seconds
            For how long.
        n
            How many messages; all of them by default.
        """
        self._add(DELAY, pattern, n, _seconds(seconds))

    def drop(self, pattern: str, n: int | None = 1) -> None:
        """Lose messages that the broker has confirmed.

        Parameters
        ----------
        pattern
            The pattern of their routing keys.
        n
            How many messages; None for all.
        """
        self._add(DROP, pattern, n)

    def nack(self, pattern: str, n: int | None = 1) -> None:
        """Refuse messages: the broker confirms negatively, and nobody gets them.

        Parameters
        ----------
        pattern
            The pattern of their routing keys.
        n
            How many messages; None for all.
        """
        self._add(NACK, pattern, n)

    def duplicate(self, pattern: str, n: int | None = 1) -> None:
        """Deliver messages twice, as if they had been published again after a loss.

        Parameters
        ----------
        pattern
            The pattern of their routing keys.
        n
            How many messages; None for all.
        """
        self._add(DUPLICATE, pattern, n)

    def reorder(self, *_: object, **__: object) -> NoReturn:
        """Refuse to change the order of messages.

        Raises
        ------
        CluNotImplemented
            Always, since this cannot happen with AMQP.
        """
        raise CluNotImplemented(
            "Messages cannot be reordered: AMQP keeps the order of what is published on a "
            "channel, and a test that fails without it would fail for nothing."
        )

    def clear(self) -> None:
        """End all faults. Messages that are kept back stay so until their time is over."""
        with self._broker.lock:
            self._rules.clear()
            self._rates.clear()
            self._refused.clear()
            self._down_until = 0.0
            self.is_active = False

    def _add(self, kind: str, pattern: str, count: int | None, seconds: float = 0.0) -> None:
        if not isinstance(pattern, str):
            raise CluTypeError(f"The pattern {pattern!r} is not a string.")
        if count is not None and (not isinstance(count, int) or count < 1):
            raise CluValueError(f"The number of messages {count!r} is not 1 or more.")
        with self._broker.lock:
            self._rules.append(_Rule(kind, pattern, count, seconds))
            self.is_active = True

    # -- for the broker -------------------------------------------------------------------

    @property
    def is_down(self) -> bool:
        """Whether the broker is being restarted."""
        return self._broker.now() < self._down_until

    def refuses(self, name: str) -> bool:
        """Whether somebody cannot connect for now."""
        return self._broker.now() < self._refused.get(name, 0.0)

    def rate_of(self, name: str) -> float | None:
        """Return how many messages a second somebody receives, if that is limited."""
        return self._rates.get(name)

    def delay_of(self, routing_key: str) -> float:
        """Return for how many seconds a message is kept back."""
        rule = self._find(routing_key, (DELAY,))
        return 0.0 if rule is None else rule.seconds

    def fate_of(self, routing_key: str) -> str | None:
        """Return what happens to a message: DROP, DUPLICATE or NACK, or None."""
        rule = self._find(routing_key, (DROP, DUPLICATE, NACK))
        return None if rule is None else rule.kind

    def _find(self, routing_key: str, kinds: tuple[str, ...]) -> _Rule | None:
        for rule in self._rules:
            if rule.kind in kinds and matches(rule.pattern, routing_key):
                if rule.count is not None:
                    rule.count -= 1
                    if not rule.count:
                        self._rules.remove(rule)
                        self.is_active = bool(self._rules)
                return rule
        return None

    def _unknown(self, name: str) -> CluValueError:
        names = ", ".join(sorted({repr(session.name) for session in self._broker.sessions}))
        return CluValueError(
            f"Nobody of the name {name!r} is connected to the memory broker "
            f"{self._broker.name!r}; connected: {names or 'nobody'}."
        )


def _seconds(seconds: Any) -> float:
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        raise CluValueError(f"{seconds!r} is not a number of seconds, 0 or more.")
    return float(seconds)
