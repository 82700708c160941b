"""Waiting for the last reply of a command that has failed with a critical one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from clu.cli.common import ending as module
from clu.cli.common.connection import Outcome, Received
from clu.cli.common.ending import Ending

if TYPE_CHECKING:
    import pytest


def received(code: str) -> Received:
    return Received("camera", code, {}, own=True)


async def test_an_actor_that_says_nothing_more_has_ended_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SILENCE_LIMIT", 0.01)
    ending = Ending("camera", "expose", None)
    ending.take(received("!"))
    result = await asyncio.wait_for(ending.wait(), 20)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "")
    assert [item.code for item in result.replies] == ["!"]


async def test_the_limit_of_the_command_counts() -> None:
    ending = Ending("camera", "expose", 0.01)
    ending.take(received("!"))
    result = await asyncio.wait_for(ending.wait(), 9)
    assert result.outcome is Outcome.TIMED_OUT
    assert result.reason == "camera did not end 'expose' within 0.01 s."


async def test_a_connection_that_is_lost_ends_the_wait_only_after_the_critical_reply() -> None:
    ending = Ending("camera", "expose", None)
    ending.lose()
    ending.take(received("!"))
    ending.lose()
    result = await asyncio.wait_for(ending.wait(), 9)
    assert (result.outcome, result.reason) == (
        Outcome.FAILED,
        "The connection was lost before the end.",
    )
