"""What the examples share: they run in processes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.broker import Broker


@pytest.fixture(scope="session")
def broker(rabbitmq: Broker) -> Broker:
    """A broker for several processes."""
    return rabbitmq
