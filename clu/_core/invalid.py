"""Why keywords do not match a schema, in one line."""

from __future__ import annotations

import difflib
from typing import Any

__all__ = ["why_invalid"]

#: How much of a value is shown, in characters.
_EXCERPT = 200


def why_invalid(message: dict[str, Any], error: Any, known: list[str]) -> str:
    """Return the keyword and the reason.

    Parameters
    ----------
    message
        The keywords and their values.
    error
        The ``ValidationError`` of jsonschema, or what else a model returns.
    known
        The keywords of the schema.
    """
    if not hasattr(error, "absolute_path"):  # of a model that validates in its own way
        return str(error)
    path = list(error.absolute_path)
    if not path and error.validator == "additionalProperties":
        unknown = [keyword for keyword in message if keyword not in known]
        return " ".join(_unknown(keyword, known) for keyword in unknown) or error.message
    reason = error.message
    if len(reason) > _EXCERPT:  # it begins with the value, which may be anything
        reason = f"{reason[:_EXCERPT]}…"
    where = ".".join(map(str, path))
    return f"{where}: {reason}." if where else f"{reason}."


def _unknown(keyword: str, known: list[str]) -> str:
    close = difflib.get_close_matches(str(keyword), known, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"the keyword {keyword!r} is not in it.{hint}"
