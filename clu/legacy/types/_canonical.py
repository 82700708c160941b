"""The canonical strings of values, which the parser reads as the same values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clu._speedups.opscore import quoted_end
from clu.legacy.types import types

if TYPE_CHECKING:
    from collections.abc import Iterator

UNQUOTED = re.compile(r"""[^\s"'=,;]+$""")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*$")


def canonical_strings(value: object) -> Iterator[str]:
    """Yield the string of a value, or several for a compound value."""
    native = getattr(value, "native", value)
    if isinstance(native, tuple):
        for part in native:
            yield from canonical_strings("nan" if part is None else part)
    elif isinstance(value, types.Invalid):
        yield "?"  # the string that its type declares invalid is not known
    elif isinstance(type(value), (types.Bool, types.Hex)):
        yield quoted(str(value))
    else:
        yield quoted(str(native))


def quoted(text: str) -> str:
    """Quote a string if needed; the parser leaves backslashes in values unchanged."""
    if UNQUOTED.fullmatch(text) and text.lower() != "raw":
        return text
    for quote in "\"'":
        whole = f"{quote}{text}{quote}"
        if quoted_end(whole, 0, len(whole)) == len(whole) - 1:
            return whole
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
