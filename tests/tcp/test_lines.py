"""Lines out of a stream of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clu._tcp.lines import HEAD, LineSplitter, OverlongLine

chunks = st.lists(st.text(alphabet="ab\n", max_size=12).map(str.encode), max_size=12)


@given(chunks)
def test_lines_do_not_depend_on_how_the_stream_is_cut(pieces: list[bytes]) -> None:
    splitter = LineSplitter(1000)
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    assert b"".join(lines) + splitter.flush() == b"".join(pieces)  # type: ignore[arg-type]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)  # type: ignore[union-attr]


@given(chunks, st.integers(1, 6))
def test_a_line_over_the_limit_is_reported_once_and_the_others_come_through(
    pieces: list[bytes], limit: int
) -> None:
    splitter = LineSplitter(limit)
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    *complete, rest = b"".join(pieces).split(b"\n")
    expected = [line + b"\n" if len(line) <= limit else OverlongLine for line in complete] + (
        [OverlongLine] if len(rest) > limit else []
    )
    kinds = [line if isinstance(line, bytes) else OverlongLine for line in lines]
    assert kinds == expected
    assert splitter.flush() == (rest if len(rest) <= limit else b"")


def test_the_head_of_an_overlong_line_is_kept() -> None:
    splitter = LineSplitter(1000)
    (line,) = splitter.feed(b"5 echo " + b"x" * 2000)
    assert isinstance(line, OverlongLine)
    assert line.limit == 1000
    assert line.head.startswith(b"5 echo x")
    assert len(line.head) == HEAD


def test_an_endless_line_takes_no_memory() -> None:
    splitter = LineSplitter(1000)
    for _ in range(100):
        splitter.feed(b"x" * 100_000)
    assert len(splitter._partial) == 0
