"""The fixture of the two builds itself."""

from __future__ import annotations

import clu.legacy.types.parser


def test_each_build_has_modules_of_its_own(lib):
    assert lib.parser.ReplyParser is not clu.legacy.types.parser.ReplyParser
    assert lib.parser.Scanner.__module__ == f"clu._speedups.opscore_{lib.build}"
