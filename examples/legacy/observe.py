"""Command the guider through the hub, and follow its keywords: observe.py HUB_PORT FRAMES."""

from __future__ import annotations

import sys

import clu
from clu.legacy import TronConnection, TronKey


def show(key: TronKey) -> None:
    """Print the new value of a keyword."""
    print(f"{key.name} = {key.value}", flush=True)


async def main(hub_port: int, frames: int) -> bool:
    """Guide, and return whether that succeeded."""
    hub = TronConnection("example.observer", "localhost", hub_port, models=["guider"])
    for key in hub.models["guider"].values():
        key.register_callback(show)
    await hub.start(get_keys=False)
    command = await hub.send_command("guider", f"guide {frames}")
    hub.stop()
    return command.status.did_succeed


if __name__ == "__main__":
    sys.exit(0 if clu.run(main(*map(int, sys.argv[1:]))) else 1)
