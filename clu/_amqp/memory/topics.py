"""The patterns of topic exchanges: words between dots, ``*`` for one and ``#`` for any number."""

from __future__ import annotations

__all__ = ["matches"]


def words_of(text: str) -> list[str]:
    """Return the words of a routing key or a pattern; an empty one has none."""
    return text.split(".") if text else []


def matches(pattern: str, key: str) -> bool:
    """Whether a topic exchange sends messages with a routing key to a queue.

    Parameters
    ----------
    pattern
        The routing key of the binding.
    key
        The routing key of the message.
    """
    parts, words = words_of(pattern), words_of(key)
    if "#" not in parts:
        return len(parts) == len(words) and all(
            part in ("*", word) for part, word in zip(parts, words, strict=True)
        )
    # Which numbers of words the parts so far can stand for.
    counts = {0}
    for part in parts:
        if part == "#":
            counts = set(range(min(counts), len(words) + 1))
        else:
            counts = {n + 1 for n in counts if n < len(words) and part in ("*", words[n])}
        if not counts:
            return False
    return len(words) in counts
