"""The connection to a hub. The opscore transport is not part of this release yet."""

from __future__ import annotations

from typing import Any

from clu._property import CluModel, Property
from clu.base import BaseClient
from clu.exceptions import CluNotImplemented
from clu.legacy.actor import MISSING

__all__ = ["TronConnection", "TronKey", "TronModel"]


class TronKey(Property):
    """A keyword of an actor behind a hub."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise CluNotImplemented(MISSING)


class TronModel(CluModel[TronKey]):
    """The keywords of an actor behind a hub."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise CluNotImplemented(MISSING)


class TronConnection(BaseClient):
    """The connection to a hub."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise CluNotImplemented(MISSING)

    async def start(self, get_keys: bool = True) -> Any:
        """Connect to the hub."""
