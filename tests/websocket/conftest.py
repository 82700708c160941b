"""The actor behind the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.amqp.actors import Camera

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker


@pytest.fixture
async def camera(broker: Broker) -> AsyncIterator[Camera]:
    camera = Camera("camera", url=broker.url, version="1.2.3")
    await camera.start()
    yield camera
    await camera.stop()
