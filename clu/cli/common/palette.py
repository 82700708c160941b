"""The colours of the subcommands, which are legible on light and on dark terminals.

They are out of the 256 that terminals agree on, each with a contrast of 3 or more both to black and
to white. The first 16, such as yellow, are different on each terminal, and illegible on many.
"""

from __future__ import annotations

__all__ = ["AMBER", "BLUE", "CORAL", "GREEN", "GREY", "MAGENTA", "RED", "SEA", "TEAL"]

GREEN = 28
SEA = 29
TEAL = 31
BLUE = 32
AMBER = 136
CORAL = 167
RED = 196
MAGENTA = 201
GREY = 244
