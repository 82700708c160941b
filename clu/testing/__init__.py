"""Actors without a network, and a broker in memory, for tests."""

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

__all__ = [
    "Faults",
    "MemoryBroker",
    "MockReply",
    "MockReplyList",
    "MockedActor",
    "TestCommand",
    "setup_test_actor",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        AMQPBaseActor="clu.actor:AMQPBaseActor",
        Command="clu.command:Command",
        Faults="clu._amqp.memory.faults:Faults",
        MemoryBroker="clu.testing.bus:MemoryBroker",
        DeliveredMessage="aiormq.abc:DeliveredMessage",
        LegacyActor="clu.legacy.actor:LegacyActor",
        TCPBaseActor="clu.actor:TCPBaseActor",
        aio_pika="aio_pika",
        clu="clu",
    )
