"""Formatting replies for a terminal, and as lines for scripts."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from clu.cli.common.palette import AMBER, CORAL, GREEN, GREY, MAGENTA, RED, TEAL

if TYPE_CHECKING:
    from clu.cli.common.connection import Received

__all__ = ["Renderer", "compact", "json_line", "keyword_line", "printable", "reply_lines"]

_CODE_COLORS = {
    ">": TEAL,
    "i": TEAL,
    "d": GREY,
    "w": AMBER,
    "e": CORAL,
    "f": RED,
    "!": RED,
    ":": GREEN,
}
#: Longer strings are shown without colours, which would be slow.
_LONGEST_COLORED = 100_000
#: Characters that would control the terminal, or change the direction of the text.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BARE = re.compile(r"[^\s\"'={}\[\]]+")


def printable(text: str) -> str:
    """Replace control characters in a string with escapes."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def compact(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON."""
    # Not all terminals support all characters.
    ascii_only = "utf" not in (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    return printable(json.dumps(value, indent=indent, ensure_ascii=ascii_only))


def now() -> datetime.datetime:
    """Return the time, in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


class Renderer:
    """Formats replies for a terminal, as the shell shows them.

    Parameters
    ----------
    color
        Whether to use colours.
    indent
        Whether to use a line for each keyword.
    time
        Whether to start with the time, in UTC.
    """

    def __init__(self, color: bool = True, indent: bool = True, time: bool = True) -> None:
        self.color = color
        self.indent = indent
        self.time = time

    @classmethod
    def of_environment(cls, indent: bool = True, time: bool = True) -> Renderer:
        """Return one that uses colours unless the environment says not to."""
        color = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        return cls(color, indent, time)

    def reply(self, received: Received) -> str:
        """Format a reply."""
        parts = []
        if self.time:
            parts.append(self._colored(now().strftime("%H:%M:%S.%f")[:-3], GREY))
        parts.append(self._colored(printable(received.actor), MAGENTA))
        code = received.code
        parts.append(self._colored(printable(code), _CODE_COLORS.get(code, RED)))
        if received.keywords:
            parts.append(self._json(compact(received.keywords, 4 if self.indent else None)))
        return " ".join(parts)

    def notice(self, text: str) -> str:
        """Format a notice."""
        return self._colored(printable(text), AMBER)

    def error(self, text: str) -> str:
        """Format an error."""
        return self._colored(printable(text), RED)

    def _colored(self, text: str, color: int) -> str:
        return f"\x1b[38;5;{color}m{text}\x1b[39m" if self.color else text

    def _json(self, text: str) -> str:
        if not self.color or len(text) > _LONGEST_COLORED:
            return text
        from clu.cli.common.json_style import colored_json

        return colored_json(text)


def json_line(**parts: Any) -> str:
    """Return a line with a JSON object, which starts with the time."""
    from clu._speedups.reply import json_text

    return json_text({"time": now().isoformat(timespec="milliseconds"), **parts})


def plain_value(value: Any) -> str:
    """Format a value for a line: without quotes if it is a word or a number."""
    if isinstance(value, str) and _BARE.fullmatch(value):
        return printable(value)
    return compact(value)


def keyword_line(actor: str, keyword: str, value: Any) -> str:
    """Return a line with the new value of a keyword."""
    time = now().strftime("%H:%M:%S.%f")[:-3]
    return f"{time} {printable(actor)} {printable(keyword)}={plain_value(value)}"


def reply_lines(received: Received) -> str:
    """Format a reply as ``CODE KEYWORD=VALUE ...``, followed by any lines of help."""
    parts = [printable(received.code)]
    lines: list[str] = []
    for keyword, value in received.keywords.items():
        if keyword == "help" and isinstance(value, list):
            parts.append("help=")
            lines.extend(f"  {printable(str(line))}".rstrip() for line in value)
        else:
            parts.append(f"{printable(keyword)}={plain_value(value)}")
    return "\n".join([" ".join(parts), *lines])
