"""Comparing what a page shows with what was seen: only ids and times may differ."""

from __future__ import annotations

import re

_VARYING = [
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\bclu:[0-9a-f]{17,24}\b|\b[0-9a-f]{20,32}\b"), "<hex>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "<clock>"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in <seconds>"),
    (re.compile(r"^(E  )? {3,7}\d+\.\d{3}  "), "<seconds>"),  # in the log of a bus
    (re.compile(r"\b\d+\.\d s old\b"), "<seconds> old"),
]
ANYTHING = "..."


def plain(line: str) -> str:
    """Return a line with placeholders for what differs from run to run."""
    for pattern, placeholder in _VARYING:
        line = pattern.sub(placeholder, line)
    return line.rstrip()


def matches(shown: list[str], seen: list[str]) -> bool:
    """Whether the lines are the same; a line ``...`` stands for any number of lines."""
    if not shown:
        return not seen
    if shown[0] == ANYTHING:
        return any(matches(shown[1:], seen[start:]) for start in range(len(seen) + 1))
    return bool(seen) and plain(shown[0]) == plain(seen[0]) and matches(shown[1:], seen[1:])
