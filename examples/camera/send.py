"""Send a command to an actor, and print the replies: send.py ACTOR COMMAND..."""

from __future__ import annotations

import os
import sys

import clu
from clu import AMQPClient, AMQPReply

URL = os.environ.get("CLU_URL", "amqp://guest:guest@localhost:5672/")


def show(reply: AMQPReply) -> None:
    """Print the keywords of a reply."""
    for keyword, value in reply.body.items():
        print(f"{reply.sender}: {keyword} = {value}", flush=True)


async def main(actor: str, *words: str) -> bool:
    """Send the command, and return whether it succeeded."""
    async with AMQPClient(url=URL) as client:
        command = await client.send_command(actor, *words, reply_callback=show)
        return command.status.did_succeed


if __name__ == "__main__":
    sys.exit(0 if clu.run(main(*sys.argv[1:])) else 1)
