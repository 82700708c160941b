"""The project that the chapter on the filter wheel makes is one that its reader can build on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.new.project import assert_clean, new

from .pages import DOCS, blocks, caption, included

if TYPE_CHECKING:
    import pathlib


@pytest.mark.timeout(180)  # mypy reads all of clu and what it imports
def test_its_code_is_clean(tmp_path: pathlib.Path) -> None:
    new("filterwheel", folder=tmp_path)
    page = DOCS / "tutorial-filter-wheel.md"
    for block in blocks(page):
        source, saved = included(page, block), caption(block)
        if source is not None and saved is not None:
            shutil.copy(source, tmp_path / saved)
    assert_clean(tmp_path / "filterwheel", tmp_path / "mypy")
