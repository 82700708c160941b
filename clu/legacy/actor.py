"""Legacy actors. The opscore transport is not part of this release yet."""

from __future__ import annotations

from typing import Any

from clu.base import BaseActor
from clu.exceptions import CluNotImplemented
from clu.parsers.click import ClickParser

__all__ = ["BaseLegacyActor", "LegacyActor"]

MISSING = "The legacy transport is not part of this release of clu yet. Use clu.JSONActor."


class BaseLegacyActor(BaseActor):
    """An actor that speaks the opscore protocol. It has no parser: combine it with one."""

    _replies_with_lists = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise CluNotImplemented(MISSING)

    async def start(self, get_keys: bool = True, start_nubs: bool = True) -> Any:
        """Start to listen for clients."""

    def new_command(self, transport: Any, command_str: bytes) -> Any:
        """Run the command in a line of a client."""


class LegacyActor(ClickParser, BaseLegacyActor):
    """A legacy actor that parses commands with click."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
