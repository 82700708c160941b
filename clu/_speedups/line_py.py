"""Line kernel: a line that is written piece by piece; the interpreted build."""

from __future__ import annotations

import orjson

_dumps = orjson.dumps


class Line(list[str]):
    """A line that is being written. It holds pieces of text here, and bytes in the other build."""

    __slots__ = ()

    add = list.append
    """Add a string."""

    def add_plain(self, text: str) -> bool:
        """Add a string without special characters, or return False.

        To be fast, it also returns False for some strings without special characters.
        """
        if text.isalnum():
            self.append(text)
            return True
        return False

    def add_whole(self, number: int) -> None:
        """Add a whole number."""
        self.append(str(number))

    def add_short(self, number: float) -> bool:
        """Add a number as ``str`` writes it if it has only a few decimals, or return False.

        Many measurements have few. The check pays off only when it is compiled.
        """
        return False

    def add_float(self, number: float) -> None:
        """Add a number as ``str`` writes it."""
        if is_common(number):
            self.append(_dumps(number).decode("ascii"))
        else:
            self.append(str(number))

    def cut(self, length: int) -> None:
        """Remove what was added since ``len()`` had this value."""
        if not 0 <= length <= len(self):
            raise ValueError(f"the line has {len(self)} pieces, not {length}")
        del self[length:]

    def cut_last(self) -> None:
        """Remove the last character."""
        self[-1] = self[-1][:-1]

    def to_bytes(self) -> bytes:
        """Return the line in UTF-8; surrogates without their other half are escaped."""
        text = "".join(self)
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            return text.encode("utf-8", "backslashreplace")


def is_common(number: float) -> bool:
    """Whether orjson writes a number as ``str`` does, but in a third of the time or less.

    They differ where one of them uses an exponent.
    """
    return number == 0 or 1e-4 <= number < 1e16 or -1e16 < number <= -1e-4


def spaced(encoded: bytes, start: bytes, end: bytes) -> bytes:
    """Return JSON, between two other pieces, with the spaces that ``json.dumps`` writes.

    They follow each comma and colon outside strings, which stay as they are.

    Parameters
    ----------
    encoded
        JSON without spaces, as orjson writes it.
    start, end
        What goes before and after it, unchanged.
    """
    is_escaped = b"\\" in encoded
    if is_escaped:  # neither of these two bytes occurs in JSON
        encoded = encoded.replace(b"\\\\", b"\0").replace(b'\\"', b"\1")
    pieces = encoded.split(b'"')  # every second one is a string
    outside = b'"'.join(pieces[::2]).replace(b",", b", ").replace(b":", b": ")
    pieces[::2] = outside.split(b'"')
    text = b'"'.join(pieces)
    if is_escaped:
        text = text.replace(b"\1", b'\\"').replace(b"\0", b"\\\\")
    return b"".join((start, text, end))


def spaced_if_plain(encoded: bytes, start: bytes, end: bytes) -> bytes | None:
    """Return what `spaced` does, or None if there is ``null`` or what is not ASCII in the JSON."""
    if not encoded.isascii() or encoded.count(b"null"):
        return None
    return spaced(encoded, start, end)


def is_ascii(encoded: bytes) -> bool:
    """Whether all bytes are ASCII."""
    return encoded.isascii()


class Depth:
    """Tells which values are nested too deeply for orjson.

    It limits how deep lists and dictionaries may be nested, but not tuples: some thousands of
    them within each other make it write to foreign memory.

    Parameters
    ----------
    limit
        How deep a container may be within others.
    """

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def admits(self, value: object) -> bool:
        """Whether the containers within a value are not nested too deeply."""
        within = [(value, 0)]
        while within:
            container, depth = within.pop()
            if not isinstance(container, (dict, list, tuple)):
                continue
            if depth > self.limit:
                return False
            items = container.values() if isinstance(container, dict) else container
            within.extend([(item, depth + 1) for item in items])
        return True
