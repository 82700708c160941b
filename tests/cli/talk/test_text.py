"""What comes over a connection, as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu.cli.talk.text import ReceivedText


def shown(*pieces: bytes) -> str:
    text = ReceivedText()
    return "".join(map(text.feed, pieces)) + text.finish()


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"POS 1\r\nOK\rPOS 2\n\n", "POS 1\nOK\nPOS 2\n\n"),
        ("20 °C\tλ\n".encode(), "20 °C\tλ\n"),
        (b"\xff\xfe 20 \xb0C", r"\xff\xfe 20 \xb0C"),
        (b"\xe2\x82", r"\xe2\x82"),
        (b"\x1b[2J\x00\x07\x9b", r"\x1b[2J\x00\x07\x9b"),
        ("\x9b31m\u202e".encode(), r"\x9b31m\u202e"),
    ],
)
def test_it_is_shown_as_it_is_as_far_as_that_is_safe(received: bytes, expected: str) -> None:
    assert shown(received) == expected


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\xc2", b"\xb0", b"\xe2", b"\x82", b"\xff"])))
def test_it_does_not_matter_how_it_is_cut(pieces: list[bytes]) -> None:
    assert shown(*pieces) == shown(b"".join(pieces))


def test_a_line_end_is_not_waited_for() -> None:
    text = ReceivedText()
    assert text.feed(b"OK\r") == "OK\n"
    assert text.feed(b"\nPOS") == "POS"
    assert not text.is_incomplete


def test_a_character_that_is_never_completed_is_shown_as_bytes() -> None:
    text = ReceivedText()
    assert text.feed(b"20 \xc2") == "20 "
    assert text.is_incomplete
    assert text.finish() == r"\xc2"
    assert text.feed(b"\xb0") == r"\xb0"
