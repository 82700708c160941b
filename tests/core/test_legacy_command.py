"""The header of commands that legacy actors receive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu import parse_legacy_command
from clu.exceptions import CommandError


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("ping", (None, 0, "ping")),
        ("5 ping", (None, 5, "ping")),
        ("5 7 ping", (None, 5, "ping")),
        ("APO.john ping", ("APO.john", 0, "ping")),
        ("APO.john 5 ping", ("APO.john", 5, "ping")),
        ("apo.john.sop 5 status --now", ("apo.john.sop", 5, "status --now")),
        ("a.b 1 2 c d", ("a.b", 1, "c d")),
        ("a-b.c_d 1 x", ("a-b.c_d", 1, "x")),
        ("--help", (None, 0, "--help")),
        ("5 --help", (None, 5, "--help")),
        ("_x", (None, 0, "_x")),
        ("5 pïng", (None, 5, "pïng")),
        ('5 set a="b c"', (None, 5, 'set a="b c"')),
        ("goto 1 -2.5", (None, 0, "goto 1 -2.5")),
        ("5 ping  a  b  \n", (None, 5, "ping  a  b")),
        ("5\tping", (None, 5, "ping")),
        # What could be a commander or an id, but is not followed by a command, is the command.
        ("APO 5 ping", (None, 0, "APO 5 ping")),
        ("APO.john", (None, 0, "APO.john")),
        ("APO.john 94 9", (None, 0, "APO.john 94 9")),
        ("a.b ping.x", ("a.b", 0, "ping.x")),
    ],
)
def test_a_line_is_split_into_commander_id_and_body(
    line: str, parsed: tuple[str | None, int, str]
) -> None:
    assert parse_legacy_command(line) == parsed


@pytest.mark.parametrize(
    "line",
    [
        *("", " ping", "5", "5 7", "71 ", "-h", "5 9x", "1 2 3 ping", "a.b ", "a.b 5 ", "\n"),
        "\u0661 ping",  # a digit, but not of ours
        pytest.param("9" * 5000 + " ping", id="an absurd id"),
    ],
)
def test_a_line_without_a_command_is_a_command_error(line: str) -> None:
    with pytest.raises(CommandError):
        parse_legacy_command(line)


@given(st.lists(st.sampled_from(["a.b", "APO", "5", "ping", "--help", " ", ".", "é", "\n", "-"])))
def test_any_line_is_parsed_or_refused(parts: list[str]) -> None:
    for line in ("".join(parts), " ".join(parts)):
        try:
            commander, command_id, body = parse_legacy_command(line)
        except CommandError:
            continue
        assert commander is None or "." in commander
        assert command_id >= 0
        assert body
        assert body in line
