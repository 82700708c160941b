"""A client of sdss-clu 2.6.1, which prints each keyword of the actor camera as it comes: URL."""

from __future__ import annotations

import asyncio
import sys

from clu import AMQPClient


async def main(url: str) -> None:
    client = AMQPClient("old_client", url=url, models=["camera"])
    await client.start()
    model = client.models["camera"]
    model.register_callback(lambda _, key: print(key.name, key.value, flush=True))
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
