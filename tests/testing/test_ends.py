"""Tests that end in the middle of something leave nothing behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from .actors import Camera

if TYPE_CHECKING:
    from clu.testing import ActorFactory, Bus, BusClient


@pytest.fixture
async def camera(clu_actor: ActorFactory, clu_client: BusClient) -> Camera:
    return await clu_actor(Camera)


async def test_in_an_outage(camera: Camera, clu_bus: Bus, clu_client: BusClient) -> None:
    clu_bus.faults.cut("camera", seconds=60)
    clu_bus.faults.cut("test", seconds=60)
    camera.write("i", temperature=1)


async def test_right_after_a_cut(camera: Camera, clu_bus: Bus) -> None:
    clu_bus.faults.cut("camera")


async def test_in_a_restart(camera: Camera, clu_bus: Bus, clu_client: BusClient) -> None:
    clu_bus.faults.restart(seconds=0.01)
    await asyncio.sleep(0.05)


async def test_with_slow_clients_and_delays(
    camera: Camera, clu_bus: Bus, clu_client: BusClient
) -> None:
    clu_bus.faults.slow("test", rate=1)
    clu_bus.faults.delay("reply.#", 0.1)
    for _ in range(1000):
        camera.write("i", temperature=1)


async def test_without_the_bus(camera: Camera, clu_bus: Bus, clu_client: BusClient) -> None:
    clu_bus.close()


async def test_with_timed_commands(camera: Camera, clu_bus: Bus) -> None:
    camera.timed_commands.add_command("expose 60", delay=0.01)
    await clu_bus.expect("camera", state="exposing")


async def test_in_an_expectation(camera: Camera, clu_bus: Bus) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(clu_bus.expect("camera", state="idle"), 0.01)


async def test_with_a_callback_that_runs(camera: Camera, clu_client: BusClient) -> None:
    async def callback(reply: Any) -> None:
        await asyncio.sleep(600)

    clu_client.add_reply_callback(callback)
    camera.write("i", temperature=1)
    await asyncio.sleep(0.01)
