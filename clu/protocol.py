"""Servers and clients for TCP streams and AMQP queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu._amqp.connection import TopicListener
from clu._core.names import lazy_names
from clu._tcp.client import TCPStreamClient, open_connection
from clu._tcp.limits import BufferLimits
from clu._tcp.lines import OverlongLine
from clu._tcp.protocols import PeriodicTCPServer, ReconnectingTCPClientProtocol, TCPProtocol
from clu._tcp.server import TCPStreamPeriodicServer, TCPStreamServer
from clu._tcp.transport import ClientTransport

__all__ = [
    "BufferLimits",
    "ClientTransport",
    "OverlongLine",
    "PeriodicTCPServer",
    "ReconnectingTCPClientProtocol",
    "TCPProtocol",
    "TCPStreamClient",
    "TCPStreamPeriodicServer",
    "TCPStreamServer",
    "TopicListener",
    "open_connection",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        CluError="clu.exceptions:CluError",
        aiormq="aiormq",
        apika="aio_pika",
        get_event_loop="clu.tools:get_event_loop",
    )
