"""The names of keywords, and what to say of one that does not exist."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from clu._core.schema import DEFAULT_SCHEMA
from clu.exceptions import CluTypeError, CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["KnownKeywords", "known_keywords", "split_name"]

_MOST_NEAREST = 3
_MOST_NAMED = 20
_NUMERIC = {"number", "integer", "array", "object"}


def split_name(name: Any) -> tuple[str, str]:
    """Return the actor and the keyword in ``ACTOR.KEYWORD``; the actor is empty if there is none.

    Raises
    ------
    CluValueError, CluTypeError
        If it is not the name of a keyword.
    """
    if not isinstance(name, str):
        raise CluTypeError(f"A keyword is named ACTOR.KEYWORD, not {name!r}.")
    actor, dot, keyword = name.rpartition(".")
    if not keyword or (dot and not actor) or any(map(str.isspace, name)):
        raise CluValueError(f"A keyword is named ACTOR.KEYWORD, not {name!r}.")
    return actor, keyword


def nearest(names: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the names that are nearest to those that are wanted, ignoring case."""
    lower = {name.lower(): name for name in names}
    found = {
        lower[item]: None
        for name in wanted
        for item in difflib.get_close_matches(name.lower(), lower, _MOST_NEAREST)
    }
    return list(found)


class KnownKeywords(NamedTuple):
    """The keywords of an actor, and whether it can have no others.

    Attributes
    ----------
    definitions
        The definitions in the schema, by name; None for one that is not known.
    closed
        Whether there can be no others.
    """

    definitions: dict[str, Any]
    closed: bool

    def missing(
        self, words: Iterable[str], is_named: Callable[[str, str], bool] | None = None
    ) -> list[str]:
        """Return the words that stand for no keyword."""
        named = is_named or _is_same
        return [
            word
            for word in words  # one as it is written is found at once among thousands
            if word not in self.definitions
            and not any(named(name, word) for name in self.definitions)
        ]

    def problem(
        self,
        actor: str,
        words: Iterable[str],
        is_named: Callable[[str, str], bool] | None = None,
    ) -> str | None:
        """Return a sentence on the words that stand for no keyword, with the nearest ones."""
        missing = self.missing(words, is_named)
        if not missing:
            return None
        text = f"{actor} has no keyword {' or '.join(map(repr, missing))}."
        if near := nearest(self.definitions, missing):
            return f"{text} Did you mean {' or '.join(near)}?"
        own = [name for name in self.definitions if name not in DEFAULT_SCHEMA]
        if len(own) > _MOST_NAMED:
            own[_MOST_NAMED:] = [f"and {len(own) - _MOST_NAMED} others"]
        return f"{text} It has {', '.join(own)}." if own else text

    def is_numeric(self, keyword: str) -> bool:
        """Whether there can be numbers in the values of a keyword."""
        known = self.definitions
        same = (
            [keyword] if keyword in known else [name for name in known if _is_same(name, keyword)]
        )
        for name in same:
            definition = known[name]
            kinds = definition.get("type") if isinstance(definition, dict) else None
            if isinstance(kinds, str):
                return kinds in _NUMERIC
            if isinstance(kinds, list):
                return any(kind in _NUMERIC for kind in kinds)
        return True


def _is_same(name: str, word: str) -> bool:
    return name.lower() == word.lower()


def known_keywords(schema: Any) -> KnownKeywords | None:
    """Return the keywords in a schema, a dictionary or the JSON that get_schema reports."""
    try:
        decoded = json.loads(schema) if isinstance(schema, str) else schema
        is_closed = decoded.get("additionalProperties", True) is False
        definitions = decoded["properties"]
        return KnownKeywords(definitions, is_closed) if isinstance(definitions, dict) else None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
