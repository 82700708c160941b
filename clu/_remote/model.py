"""The command model of an actor, in its replies."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["MODEL_REQUESTS", "decoded_model"]

#: click names the command after its function; older releases of click keep the underscores.
MODEL_REQUESTS = ("get-command-model", "get_command_model")


def decoded_model(value: Any) -> dict[str, Any] | None:
    """Return the command model in the keyword ``command_model``, or None if it is not one.

    A hub gives a list with one string, in which quotes are escaped as legacy actors write them.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        value = _loaded(value) or _loaded(_loaded(f'"{value}"'))
    return value if isinstance(value, dict) else None


def _loaded(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
