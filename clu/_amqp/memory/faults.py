"""What can be made to go wrong with the memory broker."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Faults"]


class _Target(Protocol):
    """What the faults need of the broker."""

    name: str
    lock: Any

    def wake(self) -> None:
        """Have connections take what there is for them."""


class Faults:
    """What goes wrong with a broker.

    Parameters
    ----------
    broker
        The broker.

    Attributes
    ----------
    is_active
        Whether messages are to be looked at.
    is_down
        Whether the broker refuses connections.
    """

    def __init__(self, broker: _Target) -> None:
        self._broker = broker
        self.is_active = self.is_down = False

    def apply(self, routing_key: str) -> int:
        """Return how often a message goes to its queues; -1 if it is refused."""
        return 1
