"""An actor and a client of clu on AMQP, of this clu or the recorded release."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import clu_tcp  # its commands
from common import Client, main, stopped

import clu

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URL = os.environ.get("CLU_BENCHMARK_URL", "")


class Follower(clu.AMQPClient):
    """A client that passes the values on."""

    taker: Client

    async def handle_reply(self, message: Any) -> Any:
        reply = await super().handle_reply(message)
        if "temperature" in reply.body:
            self.taker.take(reply.body["temperature"])
        return reply


class AMQPPeer(clu_tcp.OwnClient):
    """The client of the actor ``bench``."""

    def __init__(self, client: Follower) -> None:
        self.client = client
        client.taker = self

    async def send(self, text: str) -> None:
        command = await (await self.client.send_command("bench", text))
        if not command.status.did_succeed:
            raise AssertionError("a command failed")


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    actor = clu.AMQPActor("bench", url=URL, schema=clu_tcp.SCHEMA)
    await actor.start()
    async with stopped(actor, "bench") as address:
        yield address


@asynccontextmanager
async def client(_: str) -> AsyncIterator[Client]:
    follower = Follower(f"client{os.getpid()}", url=URL)
    await follower.start()
    try:
        yield AMQPPeer(follower)
    finally:
        await follower.stop()


if __name__ == "__main__":
    main(server, client)
