"""The code of the commands on a broker in memory, with an actor in another thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from clu.__main__ import main
from clu.testing import MemoryBroker
from tests.amqp.actors import Camera

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bus() -> Iterator[MemoryBroker]:
    """A broker with the actor camera."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with MemoryBroker("lab") as bus:
        camera = Camera("camera", url=bus.url, version="1.2.3")
        asyncio.run_coroutine_threadsafe(camera.start(), loop).result(30)
        yield bus
        asyncio.run_coroutine_threadsafe(camera.stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


@pytest.mark.parametrize(
    ("arguments", "shown", "status"),
    [
        (["send", "camera", "echo", "hello"], "hello", 0),
        (["send", "nobody", "ping"], "There is no actor 'nobody' on memory://lab.", 3),
        (["ping", "camera"], "camera: ", 0),
        (["list"], "1.2.3", 0),
        (["describe", "camera"], "integer", 0),
    ],
)
def test_a_command_of_the_command_line(
    bus: MemoryBroker, arguments: list[str], shown: str, status: int
) -> None:
    ran = CliRunner().invoke(main, [arguments[0], "--url", bus.url, *arguments[1:]])
    assert shown in ran.output
    assert ran.exit_code == status
