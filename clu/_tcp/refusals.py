"""What a TCP JSON actor with a token says to clients that it does not admit."""

from __future__ import annotations

__all__ = ["NEEDED", "NOT_RECEIVED", "TOKEN_TIMEOUT", "WRONG"]

#: How long to wait for the token of a client, in seconds.
TOKEN_TIMEOUT = 10.0
NEEDED = "This actor needs a token: send token <token>."
WRONG = "The token is wrong."
NOT_RECEIVED = f"No token was received within {TOKEN_TIMEOUT:g} s."
