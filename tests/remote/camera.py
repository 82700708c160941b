"""Runs the camera as a program, with any release of clu: python camera.py KIND ADDRESS."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import actors  # beside this file

import clu

CLASSES: dict[str, Any] = {
    "amqp": clu.AMQPActor,
    "json": clu.JSONActor,
    "legacy": clu.LegacyActor,
}


async def main(kind: str, address: str) -> None:
    where = {"url": address} if kind == "amqp" else {"host": "127.0.0.1", "port": int(address)}
    camera = type("Camera", (CLASSES[kind],), {"parser": actors.parser})
    await camera("camera", version="1.2.3", schema=actors.SCHEMA, **where).start()
    print(clu.__version__, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until a test ends


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
