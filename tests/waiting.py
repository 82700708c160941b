"""Waiting for a condition."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: In seconds, much longer than anything takes: the machine may be busy with other things.
TIMEOUT = 40.0
_PERIOD = 0.005


async def until(condition: Callable[[], Any], seconds: float = TIMEOUT) -> None:
    """Wait until something is true."""

    async def poll() -> None:
        while not condition():
            await asyncio.sleep(_PERIOD)

    await asyncio.wait_for(poll(), seconds)
