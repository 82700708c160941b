"""The colours of JSON on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pygments.formatters import Terminal256Formatter
from pygments.lexers import JsonLexer
from pygments.style import Style
from pygments.token import Keyword, Name, Number, Punctuation, String, Token

if TYPE_CHECKING:
    from collections.abc import Mapping

from pygments import highlight

__all__ = ["colored_json"]


class _Style(Style):  # type: ignore[misc]
    styles: ClassVar[Mapping[object, str]] = {
        Token: "",
        Punctuation: "#8a8a8a",
        Name.Tag: "bold #0087d7",
        String: "#00af87",
        Number: "#00af87",
        Keyword: "bold #00af87",
    }


_lexer = JsonLexer()
_formatter = Terminal256Formatter(style=_Style)


def colored_json(text: str) -> str:
    """Return JSON with escape sequences for colours."""
    return str(highlight(text, _lexer, _formatter)).rstrip("\n")
