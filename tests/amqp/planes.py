"""The ways in which messages travel: by aio-pika alone, or by the data plane."""

from __future__ import annotations

import inspect
from typing import Any

from clu import AMQPClient
from clu._speedups import backend


def planes() -> dict[str, dict[str, Any]]:
    """Return the arguments of `AMQPClient` that choose each way."""
    if "data_plane" not in inspect.signature(AMQPClient).parameters:
        return {"aio-pika": {}}
    ways: dict[str, dict[str, Any]] = {"aio-pika": {"data_plane": False}}
    if backend().get("amqp") == "compiled":
        ways["data-plane"] = {"data_plane": True}
    return ways


PLANES = planes()
