"""Subscriptions to the keywords of actors behind a hub."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clu import LegacyActor
from clu.exceptions import CluError, CluValueError, KeywordTimeout
from clu.legacy import TronConnection
from clu.legacy.tron import TronClientProtocol
from clu.legacy.types.keys import KeysDictionary
from clu.testing import Hub
from tests.broker import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DICTIONARIES = Path(__file__).parent.parent / "legacy" / "dictionaries"


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.syspath_prepend(str(DICTIONARIES))
    monkeypatch.delitem(sys.modules, "actorkeys", raising=False)
    monkeypatch.setattr(TronClientProtocol, "initial_delay", 0.01)
    async with Hub() as hub:
        yield hub
    KeysDictionary.registry.clear()


@contextlib.asynccontextmanager
async def started(actor: LegacyActor) -> AsyncIterator[LegacyActor]:
    await actor.start()
    try:
        yield actor
    finally:
        await actor.stop()


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[TronConnection]:
    client = TronConnection("APO.Jane", "127.0.0.1", hub.port, models=["tcc"])
    client.log.sh.setLevel(logging.CRITICAL)
    await client.start(get_keys=False)
    await until(lambda: hub.clients)
    yield client
    client.stop()


async def value_of(subscription: Any) -> Any:
    return (await asyncio.wait_for(subscription.__anext__(), 40)).value


async def test_what_the_hub_sends_is_followed(client: TronConnection, hub: Hub) -> None:
    async with client.watch("tcc.axePos", "differential", delta=0.5) as updates:
        for position in ("1.0, 2.0, 3.0", "1.1, 2.0, 3.0", "1.1, 2.0, 3.6", "9, 9, 9"):
            hub.say(f".tcc 0 tcc i AxePos={position}")
        while (value := await value_of(updates)) != [9.0, 9.0, 9.0]:
            assert value != [1.1, 2.0, 3.0]
        update = await client.wait_for("tcc.axepos", lambda value: value[0] > 5)
        assert (update.name, update.when) == (
            "tcc.axePos",
            client.models["tcc"]["axePos"].last_seen,
        )


async def test_a_latecomer_gets_the_value_that_the_hub_has(
    client: TronConnection, hub: Hub
) -> None:
    hub.keys["tcc"] = {"objname": "M31"}
    assert (await client.wait_for("tcc.objName", timeout=40)).value == ["M31"]
    assert hub.commands() == ["keys getFor=tcc objname"]
    assert (await client.wait_for("tcc.objName")).value == ["M31"]
    assert len(hub.commands()) == 1
    with pytest.raises(KeywordTimeout, match=r"tcc.exposures .* No value came\.$"):
        await client.wait_for("tcc.exposures", timeout=0.05)


async def test_it_survives_the_loss_of_the_connection(client: TronConnection, hub: Hub) -> None:
    client._wants_keys = True
    hub.keys["tcc"] = {"objname": "M31"}
    async with client.watch("tcc.objName") as updates:
        assert await value_of(updates) == ["M31"]
        await hub.stop()
        hub.keys["tcc"] = {"objname": "M33"}
        await hub.start()
        while await value_of(updates) != ["M33"]:
            pass


async def test_it_survives_that_the_model_is_loaded_anew(client: TronConnection, hub: Hub) -> None:
    async with client.watch("tcc.objName") as updates:
        client.models["tcc"].reload()
        hub.say('.tcc 0 tcc i ObjName="M31"')
        assert await value_of(updates) == ["M31"]
    assert client.models["tcc"]["objName"]._callbacks == []


@pytest.mark.parametrize(
    ("name", "delta", "message"),
    [
        ("tcc.axPos", None, r"tcc has no keyword 'axPos'\. Did you mean axePos"),
        ("tcc.objName", 1, r"tcc.objName has no numbers: its changes have no delta\."),
        ("tcc.axisCmdState", 1, r"tcc.axisCmdState has no numbers"),
        ("mcp.state", None, r"'mcp' is not followed\. Followed: 'tcc'\. Name it in models="),
        ("axePos", None, r"The keyword 'axePos' is of no actor\."),
    ],
)
async def test_what_makes_no_sense_is_an_error_at_once(
    client: TronConnection, name: str, delta: float | None, message: str
) -> None:
    with pytest.raises(CluValueError, match=message):
        client.watch(name, delta=delta)


async def test_an_actor_behind_the_hub_follows_itself_and_others(hub: Hub) -> None:
    schema = {"type": "object", "properties": {"focus": {"type": "number"}}}
    actor = LegacyActor(
        "guider",
        "127.0.0.1",
        free_port(),
        schema=schema,
        tron_host="127.0.0.1",
        tron_port=hub.port,
        models=["tcc"],
    )
    actor.log.sh.setLevel(logging.CRITICAL)
    await actor.start()
    actor.write("i", focus=3.5)
    assert (await actor.wait_for("guider.focus")).value == 3.5
    async with actor.watch("tcc.objName", "event") as names, actor.watch("focus") as focus:
        hub.say('.tcc 0 tcc i ObjName="M31"')
        assert await value_of(names) == ["M31"]
        assert await value_of(focus) == 3.5
    with pytest.raises(CluValueError, match=r"'mcp' is not followed"):
        actor.watch("mcp.state")
    waiting = asyncio.create_task(actor.wait_for("tcc.exposures"))
    await asyncio.sleep(0)
    await actor.stop()
    with pytest.raises(CluError, match="The client was stopped"):
        await waiting


async def test_the_values_of_a_legacy_actor_can_be_asked_for(hub: Hub) -> None:
    schema = {"type": "object", "properties": {"focus": {"type": "number"}}}
    async with started(LegacyActor("guider", "127.0.0.1", free_port(), schema=schema)) as actor:
        actor.write("i", focus=3.5)
        reader, writer = await asyncio.open_connection("127.0.0.1", actor.port)
        writer.write(b"7 keyword focus --value\n")
        line = b""
        while b" 7 :" not in line:
            line = await reader.readline()
        assert b"keyword_values=" in line
        assert b'\\"focus\\": {\\"value\\": 3.5' in line
        writer.close()
