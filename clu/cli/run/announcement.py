"""The line that says which actor runs, where, and how to talk to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from clu.actor import AMQPBaseActor, TCPBaseActor
from clu.legacy.actor import BaseLegacyActor

if TYPE_CHECKING:
    from clu.base import BaseActor

__all__ = ["announcement"]

_ALL = ("", "0.0.0.0", "::")
#: What else says to ``clu send`` where the broker is.
_PLACES = ("CLU_URL", "CLU_SITE")


def announcement(actor: BaseActor) -> str:
    """Return the line for an actor that has been started."""
    if isinstance(actor, AMQPBaseActor):
        address = actor.connection.address
        option = "" if _is_usual(address) else f"--url {address} "
        return f"{actor.name} runs on {address}. Try: clu send {option}{actor.name} help"
    if isinstance(actor, (TCPBaseActor, BaseLegacyActor)):
        host = f"[{actor.host}]" if ":" in actor.host else actor.host
        place = f"{host or 'all addresses, port '}{':' if host else ''}{actor.port}"
        near = "localhost" if actor.host in _ALL else host
        if isinstance(actor, TCPBaseActor):
            hint = f"clu send tcp://{near}:{actor.port} help"
        else:
            hint = f"clu talk {near}:{actor.port}, and type 1 help"
        return f"{actor.name} runs on {place}. Try: {hint}"
    return f"{actor.name} runs."


def _is_usual(address: str) -> bool:
    """Whether ``clu send`` finds a broker without options, where the environment is the same."""
    if any(map(os.environ.get, _PLACES)):
        return False
    user, host, port = (
        os.environ.get(f"CLU_{name}") or usual
        for name, usual in (("USER", "guest"), ("HOST", "localhost"), ("PORT", "5672"))
    )
    found = f"amqp://{user}:******@{host}:{port}"
    return address.rstrip("/") in (found, found.removesuffix(":5672"))
