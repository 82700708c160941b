"""Actors over an AMQP broker."""

from __future__ import annotations

from typing import Any

from clu._topic_listener import MISSING
from clu.base import BaseActor
from clu.client import AMQPClient
from clu.exceptions import CluNotImplemented
from clu.parsers.click import ClickParser


class AMQPBaseActor(AMQPClient, BaseActor):
    """An actor that speaks over an AMQP broker. It has no parser: combine it with one.

    Parameters
    ----------
    args, kwargs
        Arguments of `AMQPClient` and `BaseActor`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    async def start(self, **kwargs: Any) -> Any:
        """Connect to the broker and listen for commands."""
        raise CluNotImplemented(MISSING)

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Handle a command that came over the broker."""

    async def _write_internal(self, reply: Any, write_to_log: bool = True) -> None:
        """Publish a reply."""


class AMQPActor(ClickParser, AMQPBaseActor):
    """An AMQP actor that parses commands with click.

    Parameters
    ----------
    args, kwargs
        Arguments of `AMQPBaseActor`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def add_task_handler(self, name: str, callback: Any) -> None:
        """Add a handler of a task that others send."""

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        """Handle a command or a task that came over the broker."""
