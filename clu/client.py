"""Clients of an AMQP broker. The AMQP transport is not part of this release yet."""

from __future__ import annotations

from typing import Any

from clu._topic_listener import MISSING
from clu.base import BaseClient
from clu.exceptions import CluNotImplemented

__all__ = ["AMQPClient", "AMQPReply"]


class AMQPReply:
    """A reply that came over an AMQP broker.

    Parameters
    ----------
    message
        The message of the broker.
    log
        A logger for what is wrong with it.
    """

    def __init__(self, message: Any, log: Any = None) -> None:
        raise CluNotImplemented(MISSING)


class AMQPClient(BaseClient):
    """A client of an AMQP broker.

    Parameters
    ----------
    name
        The name of the client.
    url
        The address of the broker; the other parameters of the connection are then ignored.
    user, password, host, port, virtualhost, ssl
        The parameters of the connection.
    version, log_dir, log, loop, kwargs
        Arguments of `BaseClient`.
    models
        The actors whose keywords are followed.
    """

    def __init__(
        self,
        name: str | None = None,
        url: str | None = None,
        user: str = "guest",
        password: str = "guest",
        host: str = "localhost",
        port: int = 5672,
        virtualhost: str = "/",
        ssl: bool = False,
        version: str | None = None,
        log_dir: Any = None,
        log: Any = None,
        models: list[str] = [],
        *,
        loop: Any = None,
        **kwargs: Any,
    ) -> None:
        raise CluNotImplemented(MISSING)
