"""Replies as JSON: indented lines, and errors for replies that cannot be encoded."""

from __future__ import annotations

import json
from typing import Any

from clu._speedups.reply import encode_json
from clu.exceptions import EncodingError

#: Raised by encoding: for types and values without a JSON equivalent, and for deep nesting.
ENCODING_ERRORS = (TypeError, ValueError, RecursionError)


def find_bad_keyword(message: dict[str, Any], error: Exception) -> EncodingError:
    """Return an error that names the keyword that cannot be encoded."""
    for keyword, value in message.items():
        try:
            encode_json({keyword: value})
        except ENCODING_ERRORS as reason:
            return EncodingError(f"Keyword {keyword!r} cannot be sent: {reason}.", str(keyword))
    return EncodingError(f"The reply cannot be sent: {error}.")


def indent_line(line: bytes) -> bytes:
    """Return a line of JSON as indented lines."""
    return json.dumps(json.loads(line), indent=4).encode() + b"\n"
