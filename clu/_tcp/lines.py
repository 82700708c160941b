"""Splitting a stream of bytes into lines, without I/O."""

from __future__ import annotations

from typing import NamedTuple

#: How many bytes of an overlong line are kept: enough for its command id and its first words.
HEAD = 256


class OverlongLine(NamedTuple):
    """A line that exceeded the limit: its first bytes, and the limit."""

    head: bytes
    limit: int


class LineSplitter:
    """Splits a stream into lines.

    Parameters
    ----------
    limit
        The maximum length of a line in bytes. A longer line is discarded, and an `OverlongLine`
        is returned instead.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._partial = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | OverlongLine]:
        """Add bytes, and return the complete lines with their newlines."""
        is_one = 0 <= data.find(b"\n") == len(data) - 1 < self.limit
        if is_one and not self._partial and not self._skipping:
            return [data]  # the usual one
        first, newline, rest = data.partition(b"\n")
        lines: list[bytes | OverlongLine] = []
        if not newline:
            self._grow(data, lines)
            return lines
        if self._skipping:
            self._skipping = False
        elif self._partial:
            self._grow(first, lines)
            if not self._skipping:
                lines.append(bytes(self._partial) + newline)
            self._skipping = False
            self._partial.clear()
        else:
            rest = data
        pieces = rest.split(b"\n")
        last = pieces.pop()
        lines.extend(
            piece + b"\n" if len(piece) <= self.limit else OverlongLine(piece[:HEAD], self.limit)
            for piece in pieces
        )
        if last:
            self._grow(last, lines)
        return lines

    def _grow(self, data: bytes, lines: list[bytes | OverlongLine]) -> None:
        if self._skipping:
            return
        self._partial += data
        if len(self._partial) > self.limit:
            lines.append(OverlongLine(bytes(self._partial[:HEAD]), self.limit))
            self._partial.clear()
            self._skipping = True

    def flush(self) -> bytes:
        """Return the bytes after the last newline."""
        rest = bytes(self._partial)
        self._partial.clear()
        return rest
