"""Replies as JSON, and who is to blame when one cannot be encoded."""

from __future__ import annotations

import json
from typing import Any

from clu._speedups.reply import encode_json, encode_reply
from clu.exceptions import EncodingError

_ERRORS = (TypeError, ValueError, RecursionError)


def encode_reply_line(
    command_id: Any,
    commander_id: Any,
    message_code: str,
    internal: bool,
    sender: str,
    message: dict[str, Any],
) -> bytes:
    """Encode a reply as the line that a JSON actor sends.

    Raises
    ------
    EncodingError
        If a value cannot be sent. It names the keyword.
    """
    try:
        return encode_reply(command_id, commander_id, message_code, internal, sender, message)
    except _ERRORS as error:
        raise _blame_keyword(message, error) from error


def _blame_keyword(message: dict[str, Any], error: Exception) -> EncodingError:
    for keyword, value in message.items():
        try:
            encode_json({keyword: value})
        except _ERRORS as reason:
            return EncodingError(f"Keyword {keyword!r} cannot be sent: {reason}.", str(keyword))
    return EncodingError(f"The reply cannot be sent: {error}.")


def indent_line(line: bytes) -> bytes:
    """Return a line of JSON as several lines for human eyes."""
    return json.dumps(json.loads(line), indent=4).encode() + b"\n"
