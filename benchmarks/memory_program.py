"""An actor, or a client, of this clu or the recorded release, whose memory `memory.py` looks at.

    python memory_program.py KIND     tells its port, and runs until its input is closed

It uses the documented API only.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Any

import clu
from clu.parsers.click import command_parser

URL = os.environ.get("CLU_BENCHMARK_URL", "")
SCHEMA = {
    "type": "object",
    "properties": {f"keyword_{index}": {"type": "number"} for index in range(30)},
    "additionalProperties": False,
}


@command_parser.command()
async def wait(command: Any) -> None:
    await asyncio.Event().wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def serve(kind: str) -> None:
    port = free_port()
    thing: Any
    if kind == "client":
        thing = clu.AMQPClient(f"client{os.getpid()}", url=URL)
    elif kind == "amqp":
        thing = clu.AMQPActor("bench", url=URL, schema=SCHEMA)
    else:
        actor_class: Any = clu.LegacyActor if kind == "legacy" else clu.JSONActor
        thing = actor_class("bench", host="127.0.0.1", port=port, schema=SCHEMA)
    await thing.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    os._exit(0)  # with commands that never end


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
