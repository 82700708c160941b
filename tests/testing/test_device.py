"""The stand-in for a device, and what clu.Device makes of its faults."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from clu import Device
from clu.exceptions import CluConnectionError, CluRuntimeError, CluTimeoutError
from clu.testing import FakeDevice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def fake() -> AsyncIterator[FakeDevice]:
    answers: dict[Any, Any] = {
        "READ?": "T=21.5",
        "ALL?": ["T=21.5", "P=1013", "END"],
        re.compile(r"SET (\d+)"): lambda match: f"OK {match[1]}",
    }
    async with FakeDevice(answers, unknown="ERR") as fake:
        yield fake


@pytest.fixture
async def device(fake: FakeDevice) -> AsyncIterator[Device]:
    device = await Device(fake.host, fake.port).start()
    yield device
    await device.stop()


async def test_lines_are_answered(fake: FakeDevice, device: Device) -> None:
    assert await device.request("READ?") == ["T=21.5"]
    assert await device.request("ALL?", until="END") == ["T=21.5", "P=1013", "END"]
    assert await device.request("SET 12") == ["OK 12"]
    assert await device.request("SET x") == ["ERR"]
    device.write("READ?", newline="\r\n")
    assert await fake.expect(re.compile("SET .")) == "SET x"
    await fake.expect("READ?")
    assert fake.received == ["READ?", "ALL?", "SET 12", "SET x", "READ?"]
    assert fake.connections == 1


async def test_answers_follow_a_script(fake: FakeDevice, device: Device) -> None:
    async def slowly(line: str) -> str:
        await asyncio.sleep(0.01)
        return f"{line} at last"

    fake.on("READ?", "T=1", ["T=2"], b"T=", slowly)
    assert [await device.request("READ?") for _ in range(2)] == [["T=1"], ["T=2"]]
    device.write("READ?")
    assert await device.request("READ?") == ["T=READ? at last"]
    assert await device.request("READ?") == ["READ? at last"]
    fake.on("READ?", "T=9")
    assert await device.request("READ?") == ["T=9"]


async def test_it_speaks_without_being_asked(fake: FakeDevice) -> None:
    seen: list[str] = []
    devices = [await Device(fake.host, fake.port, seen.append).start() for _ in range(2)]
    while fake.connections < 2:
        await asyncio.sleep(0.01)
    fake.say("door open")
    fake.say(b"door shut\r\n")
    while len(seen) < 4:
        await asyncio.sleep(0.01)
    assert sorted(seen) == ["door open"] * 2 + ["door shut"] * 2
    for device in devices:
        await device.stop()


async def test_it_falls_silent(fake: FakeDevice, device: Device) -> None:
    fake.silence(1)
    with pytest.raises(CluTimeoutError):
        await device.request("READ?", timeout=0.1)
    assert await device.request("READ?") == ["T=21.5"]
    fake.silence()
    with pytest.raises(CluTimeoutError):
        await device.request("READ?", timeout=0.1)
    assert await fake.expect("READ?")
    fake.heal()
    assert await device.request("READ?") == ["T=21.5"]


async def test_it_sends_garbage(fake: FakeDevice, device: Device) -> None:
    fake.garble()
    [line] = await device.request("READ?")
    assert "garbage" in line
    assert "\ufffd" in line
    assert await device.request("READ?") == ["T=21.5"]


async def test_it_is_slow(fake: FakeDevice, device: Device) -> None:
    fake.delay(0.2)
    with pytest.raises(CluTimeoutError):
        await device.request("READ?", timeout=0.01)
    fake.heal()
    await fake.expect("READ?")


async def test_its_connection_is_lost(fake: FakeDevice) -> None:
    lost: asyncio.Queue[None] = asyncio.Queue()
    back: asyncio.Queue[None] = asyncio.Queue()
    device = Device(
        fake.host,
        fake.port,
        on_lost=lambda _: lost.put_nowait(None),
        on_connected=lambda _: back.put_nowait(None),
        reconnect=0.05,
    )
    await device.start()
    await back.get()
    assert await device.request("READ?") == ["T=21.5"]
    fake.cut()
    await asyncio.wait_for(lost.get(), 5)
    await asyncio.wait_for(back.get(), 5)
    fake.cut(1)
    with pytest.raises(CluConnectionError):
        await device.request("READ?")
    await asyncio.wait_for(lost.get(), 5)
    await asyncio.wait_for(back.get(), 5)
    assert await device.request("READ?") == ["T=21.5"]
    await fake.stop()
    await asyncio.wait_for(lost.get(), 5)
    with pytest.raises(ConnectionRefusedError):
        await Device(fake.host, fake.port).start()
    await fake.start()
    await asyncio.wait_for(back.get(), 5)
    assert await device.request("READ?") == ["T=21.5"]
    await device.stop()


async def test_what_did_not_come_is_told(fake: FakeDevice, device: Device) -> None:
    with pytest.raises(AssertionError, match="receive 'SET 1' within 0 s, but nothing"):
        await fake.expect("SET 1", within=0)
    await device.request("READ?")
    with pytest.raises(AssertionError, match=r"'SET \.' within 0.01 s, but 'READ\?'\."):
        await fake.expect(re.compile("SET ."), within=0.01)


async def test_an_error_in_an_answer_is_that_of_the_test() -> None:
    fake = await FakeDevice({"1": lambda line: 1 / 0, "2": lambda line: 3}).start()
    for line, error in (("1", ZeroDivisionError), ("2", TypeError)):
        device = await Device(fake.host, fake.port).start()
        with pytest.raises(CluConnectionError):
            await device.request(line)
        with pytest.raises(error):
            await fake.stop()
        await fake.start()
        await device.stop()
    await fake.stop()


async def test_mistakes_are_told(fake: FakeDevice) -> None:
    with pytest.raises(TypeError, match="not 5"):
        fake.on(5, "x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no answer to 'READ"):
        fake.on("READ?")
    with pytest.raises(ValueError, match="leave out the newline"):
        fake.on("READ?\n", "x")
    for wrong in (-1, 1.5, "x"):
        with pytest.raises(ValueError, match="number of lines"):
            fake.silence(wrong)  # type: ignore[arg-type]
    for wrong in (-1, float("nan"), "x"):
        with pytest.raises(ValueError, match="number of seconds"):
            fake.delay(wrong)  # type: ignore[arg-type]
    with pytest.raises(CluRuntimeError, match="on already"):
        await fake.start()


async def test_ten_thousand_lines_and_a_hundred_clients(fake: FakeDevice) -> None:
    devices = [await Device(fake.host, fake.port).start() for _ in range(100)]
    answers = await asyncio.gather(
        *(device.request(f"SET {number}") for number, device in enumerate(devices * 100))
    )
    assert answers == [[f"OK {number}"] for number in range(10_000)]
    assert len(fake.received) == 10_000
    for device in devices:
        await device.stop()
