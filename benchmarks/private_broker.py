"""What the benchmarks share with the tests: a private RabbitMQ, and the recorded release."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests import recorded_release  # noqa: E402
from tests.broker import Broker  # noqa: E402

__all__ = ["Broker", "private_broker", "recorded_release"]


@contextlib.contextmanager
def private_broker() -> Iterator[Broker]:
    """Start a broker on a free port, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="clu-broker-") as folder:
        broker = Broker(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()
