"""What comes over a connection, as text that is safe to show."""

from __future__ import annotations

import codecs
import re

__all__ = ["ReceivedText"]

#: Characters that would control the terminal, or change the direction of the text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class ReceivedText:
    r"""Turns the bytes that come into text.

    A line ends with LF, CR LF or CR. Bytes that are not UTF-8 are shown as ``\xff``, and so are
    control characters other than tabs.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._after_cr = False

    @property
    def is_incomplete(self) -> bool:
        """Whether the rest of a character is missing."""
        return bool(self._decoder.getstate()[0])

    def feed(self, data: bytes) -> str:
        """Return the text of further bytes."""
        return self._clean(self._decoder.decode(data))

    def finish(self) -> str:
        """Return the text of the bytes of an incomplete character, of which no more comes."""
        return self._clean(self._decoder.decode(b"", final=True))

    def _clean(self, text: str) -> str:
        if not text:
            return ""
        if self._after_cr:  # the newline of the CR was shown already
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return _CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
