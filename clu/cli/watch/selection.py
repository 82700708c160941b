"""Which keywords of which actors to follow: names and patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clu.cli.common.actor_address import ActorAddress

__all__ = ["Target", "is_pattern", "targets"]

_PATTERN = re.compile(r"[*?\[]")


def is_pattern(word: str) -> bool:
    """Whether a word stands for several names."""
    return _PATTERN.search(word) is not None


@dataclass
class Target:
    """An actor, or a pattern of the names of actors, and the keywords to follow.

    Attributes
    ----------
    actor
        The name of an actor, a pattern, or the address of a TCP actor. With a dot in it, it may
        also be ACTOR.KEYWORD.
    tcp
        The host and the port of a TCP actor.
    keywords
        The names and patterns of the keywords; if empty, all.
    """

    actor: str
    tcp: tuple[str, int] | None = None
    keywords: list[str] = field(default_factory=list)

    def wants(self, actor: str, keyword: str) -> bool:
        """Whether to follow a keyword of an actor."""
        if self.tcp is not None or fnmatchcase(actor, self.actor):
            return not self.keywords or any(self.is_named(keyword, word) for word in self.keywords)
        return "." in self.actor and self.is_named(f"{actor}.{keyword}", self.actor)

    @staticmethod
    def is_named(keyword: str, word: str) -> bool:
        """Whether a word stands for a keyword, ignoring case."""
        return fnmatchcase(keyword.lower(), word.lower())


def targets(words: Iterable[ActorAddress]) -> list[Target]:
    """Return what the words of a command line stand for.

    The first is an actor. A word after it is a keyword of the actor before it, unless it has a
    dot or is the address of a TCP actor.
    """
    found: list[Target] = []
    for name, tcp in words:
        if not found or tcp is not None or "." in name:
            found.append(Target(name, tcp))
        else:
            found[-1].keywords.append(name)
    return found
