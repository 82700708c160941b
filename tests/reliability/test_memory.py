"""Memory does not grow: no history, bounded stores, no clients, commands or callbacks left.

What 20,000 commands over TCP leave behind is counted in tests/test_leaks.py.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from clu import Command, CommandStatus
from clu.legacy.tron import TronConnection
from clu.parsers._tasks import _running
from clu.store import KeywordStore
from clu.testing import Hub

from ..waiting import until
from .actors import Legacy, Peer, make, make_offline, run


class Value(list[int]):
    """A value that can be watched."""


async def test_a_model_keeps_the_last_value_and_no_history() -> None:
    actor = await make_offline("json")
    values = []
    for number in range(100):
        value = Value([number])
        values.append(weakref.ref(value))
        actor.write("i", {"x": value}, validate=True)
        actor.model.update_model({"y": value})
        actor.mock_replies.clear()
    del value
    gc.collect()
    assert sum(ref() is not None for ref in values) <= 2
    assert actor.model["y"].value == [99]


@pytest.mark.parametrize("kind", ["json", "legacy", "amqp"])
@pytest.mark.parametrize(
    ("store", "kept"),
    [
        (True, 50),
        (10, 10),
        (1, 1),
        ({"limit": 10}, 10),
        ({"filter": ["x"], "limit": 3}, 3),
        (["x"], 50),
    ],
)
async def test_a_store_keeps_as_many_outputs_of_a_keyword_as_its_limit_says(
    kind: str, store: Any, kept: int
) -> None:
    actor = await make_offline(kind, store=store)
    for number in range(50):
        actor.write("i", x=number, y=-number)
    assert [output.value for output in actor.store["x"]] == list(range(50 - kept, 50))
    assert [output.value for output in actor.store.tail("x")] == [49]
    assert [output.value for output in actor.store.head("x")] == [50 - kept]
    has_filter = isinstance(store, list) or (isinstance(store, dict) and "filter" in store)
    assert ("y" in actor.store) is not has_filter
    assert type(actor.store["x"]) is list


@pytest.mark.parametrize("store", [False, 0])
async def test_by_default_there_is_no_store(store: Any) -> None:
    assert (await make_offline("json")).store is None
    assert (await make_offline("json", store=store)).store is None


@pytest.mark.parametrize(
    "config", [{"store": 5}, {"store": {"limit": 5}}, {"store": {"limit": 5, "filter": ["x"]}}]
)
def test_the_configuration_can_bound_the_store(config: dict[str, Any]) -> None:
    section = {"name": "camera", "host": "localhost", "port": 0, **config}
    store = Legacy.from_config({"actor": section}).store
    assert isinstance(store, KeywordStore)
    assert store.limit == 5


@pytest.mark.parametrize("store", ["x", {"max": 5}, {"limit": 0}, -1, {"limit": True}])
def test_a_store_that_makes_no_sense_is_refused_with_the_reason(store: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"store"):
        make("json", store=store)


async def test_two_thousand_commands_through_a_hub_leave_nothing_behind() -> None:
    async with Hub() as hub:
        client = await TronConnection("APO.Jane", "127.0.0.1", hub.port).start(get_keys=False)
        watched = []
        hub.silent = True
        for number in range(2000):
            limit = 0.01 if number % 2 else None
            command = client.send_command("nobody", f"go {number}", time_limit=limit)
            watched.append(weakref.ref(command))
            if number % 2 == 0:
                hub.say(f"APO.Jane {number + 1} nobody {':' if number % 4 else 'f'} x=1")
            if number % 100 == 99:
                await asyncio.sleep(0)
        del command
        await until(lambda: not client.running_commands)
        await asyncio.sleep(0.02)
        gc.collect()
        assert sum(ref() is not None for ref in watched) == 0
        client.stop()


async def test_cancelled_commands_through_a_hub_are_not_kept_by_their_time_limits() -> None:
    async with Hub() as hub:
        client = await TronConnection("APO.Jane", "127.0.0.1", hub.port).start(get_keys=False)
        watched = []
        hub.silent = True
        for number in range(2000):
            command = client.send_command("nobody", f"go {number}", time_limit=86400)
            watched.append(weakref.ref(command))
            command.cancel()
        del command
        await until(lambda: not client.running_commands)
        gc.collect()
        assert sum(ref() is not None for ref in watched) == 0
        client.stop()


async def test_clients_that_come_and_go_leave_nothing_behind(kind: str, actor: Any) -> None:
    async def visit() -> None:
        async with await Peer.connect(kind, actor.port) as peer:
            await peer.ask("1 ping")

    await visit()
    seen: list[weakref.ref[Any]] = []
    for _ in range(50):
        async with await Peer.connect(kind, actor.port) as peer:
            await until(lambda: actor.transports)
            seen.extend(weakref.ref(transport) for transport in actor.transports.values())
            await peer.ask("1 ping")
        await until(lambda: not actor.transports)
    await asyncio.sleep(0.3)  # the time of the list of users
    gc.collect()
    assert len(seen) == 50
    assert [ref for ref in seen if ref() is not None] == []
    assert not actor.server._handlers


async def test_commands_that_nobody_waits_for_are_forgotten(offline: Any) -> None:
    watched = []
    for number, body in enumerate(["ping", "slow", "echo", "nonsense", "only", "only"] * 5):
        command: Command[Any] = Command(body, actor=offline, time_limit=0.05)
        command.parse()
        watched.append(weakref.ref(command))
        if number % 6 == 0:
            await run(offline, "ping", number)
    del command
    await until(lambda: not any(name.startswith("camera-") for name in _running))
    await asyncio.sleep(0.06)
    offline.mock_replies.clear()
    gc.collect()
    assert [ref() for ref in watched if ref() is not None] == []


async def test_a_command_that_ends_before_its_timeout_leaves_no_timer(offline: Any) -> None:
    command: Command[Any] = Command("quick", actor=offline).parse()
    await asyncio.wait_for(asyncio.shield(command), 5)
    ref = weakref.ref(command)  # which a timer would hold for an hour
    del command
    offline.mock_replies.clear()
    await asyncio.sleep(0.01)
    gc.collect()
    assert ref() is None


async def test_a_done_command_leaves_no_timer() -> None:
    command: Command[Any] = Command(time_limit=3600)
    command.set_status(CommandStatus.DONE)
    assert command._timer is None
