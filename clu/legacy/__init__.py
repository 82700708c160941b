"""Actors that use the opscore protocol, and the connection to their hub."""

from clu.legacy.actor import BaseLegacyActor, LegacyActor
from clu.legacy.tron import TronConnection, TronKey, TronModel

__all__ = ["BaseLegacyActor", "LegacyActor", "TronConnection", "TronKey", "TronModel"]
