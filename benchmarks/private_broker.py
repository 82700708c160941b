"""A RabbitMQ of our own while a benchmark runs; the tests use the same."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.broker import Broker

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def private_broker() -> Iterator[Broker]:
    """Start a broker on a free port, and stop it at the end."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from tests.broker import Broker

    with tempfile.TemporaryDirectory(prefix="clu-broker-") as folder:
        broker = Broker(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()
