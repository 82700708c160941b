"""Exchanges of the memory broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu._amqp.memory.topics import matches

if TYPE_CHECKING:
    from clu._amqp.memory.queues import Queue

__all__ = ["KINDS", "Exchange"]

#: The types of exchanges that there are.
KINDS = ("direct", "fanout", "topic")
#: How many routing keys are remembered with the queues that they lead to.
_KEPT = 4096


class Exchange:
    """An exchange.

    Parameters
    ----------
    name, kind
        Its name and its type.
    is_durable
        Whether it survives a restart of the broker.
    is_auto_delete
        Whether it is deleted with its last binding.
    is_internal
        Whether clients may not publish to it.

    Attributes
    ----------
    routes
        The queues that some routing keys lead to.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        is_durable: bool = False,
        is_auto_delete: bool = False,
        is_internal: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.is_durable = is_durable
        self.is_auto_delete = is_auto_delete
        self.is_internal = is_internal
        self._bindings: dict[tuple[Queue, str], None] = {}
        self.routes: dict[str, tuple[Queue, ...]] = {}

    @property
    def is_used(self) -> bool:
        """Whether a queue is bound to it."""
        return bool(self._bindings)

    def bind(self, queue: Queue, key: str) -> None:
        """Bind a queue, if it is not bound so already."""
        self._bindings[queue, key] = None
        self.routes.clear()

    def unbind(self, queue: Queue, key: str) -> bool:
        """Remove a binding; return whether there was one."""
        self.routes.clear()
        return self._bindings.pop((queue, key), self) is None

    def forget(self, queue: Queue) -> bool:
        """Remove all bindings of a queue; return whether there was one."""
        own = [binding for binding in self._bindings if binding[0] is queue]
        for binding in own:
            del self._bindings[binding]
        self.routes.clear()
        return bool(own)

    def route(self, key: str) -> tuple[Queue, ...]:
        """Return the queues that a message with a routing key goes to, each once."""
        queues = self.routes.get(key)
        if queues is None:
            if len(self.routes) >= _KEPT:
                self.routes.clear()
            found = {queue: None for queue, pattern in self._bindings if self._leads(pattern, key)}
            queues = self.routes[key] = tuple(found)
        return queues

    def _leads(self, pattern: str, key: str) -> bool:
        if self.kind == "topic":
            return matches(pattern, key)
        return self.kind == "fanout" or pattern == key
