"""Replies as text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clu.cli.common.connection import Received
from clu.cli.common.json_style import colored_json
from clu.cli.common.rendering import Renderer, json_line, plain_value, printable, reply_lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("idle", "idle"),
        ("two words", '"two words"'),
        ("", '""'),
        ("a=b", '"a=b"'),
        ('"', r'"\""'),
        (1.5, "1.5"),
        (None, "null"),
        (["a", 1], '["a", 1]'),
    ],
)
def test_value_is_bare_where_it_is_a_word(value: Any, text: str) -> None:
    assert plain_value(value) == text


def test_reply_without_keywords_is_its_code() -> None:
    assert reply_lines(Received("camera", ":", {})) == ":"
    assert Renderer(color=False, time=False).reply(Received("camera", ":", {})) == "camera :"


def test_lines_of_help_are_lines() -> None:
    reply = Received("camera", ":", {"help": ["Usage:", "", "  --help"], "text": "x"})
    assert reply_lines(reply) == ": help= text=x\n  Usage:\n\n    --help"


def test_nothing_acts_on_the_terminal() -> None:
    text = "\x1b]0;title\x07 \x9b2J \ud800 \u202e \r"
    assert printable(text) == r"\u001b]0;title\u0007 \u009b2J \ud800 \u202e \u000d"
    reply = Received(text, text, {text: text})
    for shown in (Renderer(color=False).reply(reply), reply_lines(reply)):
        assert shown.isprintable() or set(shown) <= set(map(chr, range(32, 127))) | {"\n"}
        shown.encode("ascii")


def test_colours_change_nothing_else() -> None:
    value = {"a": [1, -2.5e3, None, True, {"b": 'x\\" \u00e9'}], "": {}}
    text = json.dumps(value, indent=4)
    colored = colored_json(text)
    assert "\x1b[" in colored
    import re

    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == text


def test_json_line_is_ascii_in_one_line() -> None:
    line = json_line(actor="\u00e9\n", value=float("inf"))
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["actor"] == "\u00e9\n"
