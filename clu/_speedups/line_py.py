"""Line kernel: the text of a line, which grows piece by piece; the interpreted build."""

from __future__ import annotations

import orjson

_dumps = orjson.dumps


class Line(list[str]):
    """A line that is being written. It holds pieces of text here, and bytes in the other build."""

    __slots__ = ()

    add = list.append
    """Add a text."""

    def add_plain(self, text: str) -> bool:
        """Add a text in which nothing has a meaning for readers of lines, else return False.

        It also returns False for some in which nothing has, to be fast.
        """
        if text.isalnum():
            self.append(text)
            return True
        return False

    def add_whole(self, number: int) -> None:
        """Add a whole number."""
        self.append(str(number))

    def add_short(self, number: float) -> bool:
        """Add a number as ``str`` writes it if it has but a few decimals, else return False.

        Many measurements have. Looking for it is of use only when it is compiled.
        """
        return False

    def add_float(self, number: float) -> None:
        """Add a number as ``str`` writes it."""
        if is_common(number):
            self.append(_dumps(number).decode("ascii"))
        else:
            self.append(str(number))

    def cut(self, length: int) -> None:
        """Take back what was added since ``len()`` was this."""
        del self[length:]

    def cut_last(self) -> None:
        """Take back the last character."""
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
