"""The canonical texts of values: what the parser reads back as the same value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clu._speedups.opscore import quoted_end
from clu.legacy.types import types

if TYPE_CHECKING:
    from collections.abc import Iterator

UNQUOTED = re.compile(r"""[^\s"'=,;]+$""")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*$")


def texts(value: object) -> Iterator[str]:
    """Write a value; a compound one is several."""
    native = getattr(value, "native", value)
    if isinstance(native, tuple):
        for part in native:
            yield from texts("nan" if part is None else part)
    elif isinstance(value, types.Invalid):
        yield "?"  # which text its type calls invalid is not known
    elif isinstance(type(value), (types.Bool, types.Hex)):
        yield quoted(str(value))
    else:
        yield quoted(str(native))


def quoted(text: str) -> str:
    """Quote a text where it must be; the parser leaves backslashes in a value as they are."""
    if UNQUOTED.fullmatch(text) and text.lower() != "raw":
        return text
    for quote in "\"'":
        whole = f"{quote}{text}{quote}"
        if quoted_end(whole, 0, len(whole)) == len(whole) - 1:
            return whole
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
