"""Actors without a network, a broker in memory, and fixtures of pytest with them, for tests."""

from typing import TYPE_CHECKING

from clu._core.names import lazy_names
from clu.testing.actor import (
    MockedActor,
    MockReply,
    MockReplyList,
    TestCommand,
    setup_test_actor,
)

if TYPE_CHECKING:
    from clu._amqp.memory.faults import Faults
    from clu.testing.bus import MemoryBroker
    from clu.testing.device import FakeDevice
    from clu.testing.factory import ActorFactory
    from clu.testing.hub import Hub
    from clu.testing.in_memory import open_connection
    from clu.testing.log import BusLog, LogEntry
    from clu.testing.recording import Bus
    from clu.testing.session import BusClient

__all__ = [
    "ActorFactory",
    "Bus",
    "BusClient",
    "BusLog",
    "FakeDevice",
    "Faults",
    "Hub",
    "LogEntry",
    "MemoryBroker",
    "MockReply",
    "MockReplyList",
    "MockedActor",
    "TestCommand",
    "open_connection",
    "setup_test_actor",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        AMQPBaseActor="clu.actor:AMQPBaseActor",
        ActorFactory="clu.testing.factory:ActorFactory",
        Bus="clu.testing.recording:Bus",
        BusClient="clu.testing.session:BusClient",
        BusLog="clu.testing.log:BusLog",
        Command="clu.command:Command",
        DeliveredMessage="aiormq.abc:DeliveredMessage",
        FakeDevice="clu.testing.device:FakeDevice",
        Faults="clu._amqp.memory.faults:Faults",
        Hub="clu.testing.hub:Hub",
        LegacyActor="clu.legacy.actor:LegacyActor",
        LogEntry="clu.testing.log:LogEntry",
        MemoryBroker="clu.testing.bus:MemoryBroker",
        TCPBaseActor="clu.actor:TCPBaseActor",
        aio_pika="aio_pika",
        clu="clu",
        open_connection="clu.testing.in_memory:open_connection",
    )
