"""Messages on their way to the broker, and what they cost while they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiormq.exceptions import DeliveryError

#: What a message takes in memory besides its body, in bytes: the two objects, and its place in
#: the queue. What the messages to one command have in common is counted with none of them.
ITEM_COST = 176


class FrameSink(Protocol):
    """What is needed of the connection that frames are written to."""

    is_paused: bool
    is_blocked: bool
    is_closed: bool

    def encoder(self, exchange: str) -> Callable[..., Any]:
        """Return what makes what `send` takes of a message for an exchange."""

    def send(self, data: Any, is_urgent: bool = False) -> None:
        """Write a message, with what else is written in this iteration of the event loop."""

    def flush(self) -> None:
        """Hand what was written to the transport."""


class Envelope:
    """What all replies to a command with the same code have in common.

    Parameters
    ----------
    routing_key
        Where the message goes.
    headers
        The headers.
    correlation_id
        The id of the command, or None.
    reply_to
        The queue that replies go to, or None.
    is_mandatory
        Whether the broker returns a message that reaches no queue.
    """

    __slots__ = ("correlation_id", "headers", "is_mandatory", "reply_to", "routing_key")

    def __init__(
        self,
        routing_key: str,
        headers: dict[str, Any],
        correlation_id: str | None = None,
        reply_to: str | None = None,
        is_mandatory: bool = False,
    ) -> None:
        self.routing_key = routing_key
        self.headers = headers
        self.correlation_id = correlation_id
        self.reply_to = reply_to
        self.is_mandatory = is_mandatory


class Sending:
    """A message on its way to the broker.

    Its frames are not kept: they would take several times as much memory as the body, and are
    needed again only after a loss.

    Parameters
    ----------
    envelope, body
        What the message consists of.
    number
        The number of the message, from which its id is made.
    timestamp
        The time in seconds, or None.
    on_settled
        Is called with None when the broker has the message, or with the error. Such a message is
        not published again when the connection is lost.
    """

    __slots__ = (
        "attempts",
        "body",
        "envelope",
        "is_withdrawn",
        "number",
        "on_settled",
        "returned",
        "timestamp",
    )

    def __init__(
        self,
        envelope: Envelope,
        body: bytes,
        number: int,
        timestamp: int | None,
        on_settled: Callable[[BaseException | None], Any] | None,
    ) -> None:
        self.envelope = envelope
        self.body = body
        self.number = number
        self.timestamp = timestamp
        self.on_settled = on_settled
        self.attempts = 0
        self.is_withdrawn = False
        self.returned: DeliveryError | None = None

    @property
    def cost(self) -> int:
        """What the message takes in memory while it waits, in bytes."""
        return len(self.body) + ITEM_COST
