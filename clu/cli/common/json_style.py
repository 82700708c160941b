"""The colours of JSON on a terminal: those of the palette, as pygments takes them."""

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
        Punctuation: "#808080",  # GREY
        Name.Tag: "bold #0087d7",  # BLUE
        String: "#00875f",  # SEA
        Number: "#00875f",
        Keyword: "bold #00875f",
    }


_lexer = JsonLexer()
_formatter = Terminal256Formatter(style=_Style)


def colored_json(text: str) -> str:
    """Return JSON with escape sequences for colours."""
    return str(highlight(text, _lexer, _formatter)).rstrip("\n")
