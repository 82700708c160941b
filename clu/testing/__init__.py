"""Actors without a network, for tests."""

from clu.testing.actor import (
    MockedActor,
    MockReply,
    MockReplyList,
    TestCommand,
    setup_test_actor,
)

__all__ = ["MockReply", "MockReplyList", "MockedActor", "TestCommand", "setup_test_actor"]
