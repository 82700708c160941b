"""Replies as JSON: who is to blame when one cannot be encoded, and JSON for human eyes."""

from __future__ import annotations

import json
from typing import Any

from clu._speedups.reply import encode_json
from clu.exceptions import EncodingError

#: What encoding raises: a type or a value that has no JSON, or too deep a nesting.
ENCODING_ERRORS = (TypeError, ValueError, RecursionError)


def blame_keyword(message: dict[str, Any], error: Exception) -> EncodingError:
    """Return an error that names the keyword because of which a message cannot be encoded."""
    for keyword, value in message.items():
        try:
            encode_json({keyword: value})
        except ENCODING_ERRORS as reason:
            return EncodingError(f"Keyword {keyword!r} cannot be sent: {reason}.", str(keyword))
    return EncodingError(f"The reply cannot be sent: {error}.")


def indent_line(line: bytes) -> bytes:
    """Return a line of JSON as several lines for human eyes."""
    return json.dumps(json.loads(line), indent=4).encode() + b"\n"
