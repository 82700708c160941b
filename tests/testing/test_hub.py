"""The stand-in for a hub, with actors that have no port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from clu.exceptions import CluRuntimeError, CluTypeError
from clu.legacy.tron import TronConnection
from clu.testing import Hub

from .actors import LegacyCamera, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from clu.testing import ActorFactory, Bus


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub() as hub:
        yield hub


async def test_actors_command_each_other_through_the_hub(
    hub: Hub, clu_bus: Bus, clu_actor: ActorFactory
) -> None:
    camera = LegacyCamera("camera", "localhost", 0, tron_host=hub.host, tron_port=hub.port)
    hub.add_actor(camera)
    await clu_actor(camera)
    guider = await clu_actor(LegacyCamera, name="guider", tron_host=hub.host, tron_port=hub.port)
    while "hub startNubs camera" not in hub.commands("hub") or len(hub.clients) < 2:
        await asyncio.sleep(0.01)
    command = await guider.send_command("camera", "expose")
    assert command.status.did_succeed
    assert command.replies.get("state") == ["exposing"]
    assert hub.commands("camera") == ["camera expose"]
    await clu_bus.expect("camera", state="idle")
    command = await guider.send_command("nobody", "expose")
    assert command.status.did_fail
    assert (await run(camera, "ping")).status.did_succeed


async def test_a_hub_comes_back(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clu.legacy.tron.TronClientProtocol.initial_delay", 0.01)
    tron = await TronConnection("test.test", hub.host, hub.port).start()
    hub.silent = True
    command = tron.send_command("camera", "expose")
    while not hub.commands("camera"):
        await asyncio.sleep(0.01)
    await hub.restart()
    assert (await command).status.did_fail
    while not tron.connected():
        await asyncio.sleep(0.01)
    assert hub.connections == 2
    tron.stop()


async def test_it_goes_on_after_nonsense(hub: Hub) -> None:
    reader, writer = await asyncio.open_connection(hub.host, hub.port)
    writer.write(b"\xff\n\n1 2\nme.me 3 keys getFor=\nme.me 4 hub startNubs x\nme.me 5 x\n")
    lines = [await asyncio.wait_for(reader.readline(), 5) for _ in range(7)]
    assert lines[:3] == [b'.hub 0 hub w text="not a command"\n'] * 3
    assert lines[3:] == [
        b"me.me 3 keys_ i \n",
        b"me.me 3 keys_ : \n",
        b"me.me 4 hub f noNub\n",
        b'me.me 5 hub f NoTarget="x"\n',
    ]
    assert hub.commands() == ["keys getFor=", "hub startNubs x", "x"]
    writer.close()


async def test_mistakes_are_told(hub: Hub) -> None:
    for arguments in (("camera",), (3,), (hub, 4), (LegacyCamera("x", "localhost", 0), 4)):
        with pytest.raises(CluTypeError, match="a name and a port"):
            hub.add_actor(*arguments)  # type: ignore[arg-type]
    with pytest.raises(CluRuntimeError, match="listens already"):
        await hub.start()
