"""Passwords in addresses of brokers, which are not shown."""

from __future__ import annotations

import re

__all__ = ["has_password", "without_password"]

#: Between two of several addresses.
_BETWEEN = re.compile(r"[,\s]+(?=amqps?://)", re.IGNORECASE)
#: A user and a password in an address.
_PASSWORD = re.compile(r"(//[^:@/]*):.*@", re.DOTALL)


def has_password(url: str) -> bool:
    """Whether there is a password in an address."""
    return _PASSWORD.search(url) is not None


def without_password(url: str) -> str:
    """Return an address, or several, without the passwords."""
    return ",".join(_PASSWORD.sub(r"\1:******@", item) for item in _BETWEEN.split(url))
