"""The keywords in the schema of an actor, and those that are missing from it."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from clu._core.schema import DEFAULT_SCHEMA
from clu.cli.watch.selection import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KnownKeywords", "known_keywords"]

_MOST_NEAREST = 3


class KnownKeywords(NamedTuple):
    """The keywords in a schema, and whether the actor can have no others."""

    names: list[str]
    closed: bool

    def missing(self, words: Iterable[str]) -> list[str]:
        """Return the names and patterns that stand for no keyword."""
        return [
            word for word in words if not any(Target.is_named(name, word) for name in self.names)
        ]

    def problem(self, actor: str, words: Iterable[str]) -> str | None:
        """Return a sentence on the names that are missing, with those that are nearest."""
        missing = self.missing(words)
        if not missing:
            return None
        text = f"{actor} has no keyword {' or '.join(map(repr, missing))}."
        lower = {name.lower(): name for name in self.names}
        near = {
            lower[item]: None
            for word in missing
            for item in difflib.get_close_matches(word.lower(), lower, _MOST_NEAREST)
        }
        if near:
            return f"{text} Did you mean {' or '.join(near)}?"
        own = [name for name in self.names if name not in DEFAULT_SCHEMA]
        return f"{text} It has {', '.join(own)}." if own else text


def known_keywords(schema: Any) -> KnownKeywords | None:
    """Return the keywords in a schema, as the command get_schema reports it."""
    try:
        decoded = json.loads(schema or "null") if isinstance(schema, str | None) else schema
        return KnownKeywords(
            list(decoded["properties"]), decoded.get("additionalProperties", True) is False
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
