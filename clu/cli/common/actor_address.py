"""The address of an actor, as it is given on the command line."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ActorAddress"]


class ActorAddress(NamedTuple):
    """The name of an actor on a broker, or the address of a TCP actor."""

    name: str
    tcp: tuple[str, int] | None
