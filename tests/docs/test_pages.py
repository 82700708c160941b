"""The files and commands on the pages work, and print what the pages show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .pages import DOCS, blocks, included, name, pages
from .session import Reader

if TYPE_CHECKING:
    import pathlib

RUN = [page for page in pages() if any(block.language == "console" for block in blocks(page))]
#: Languages of blocks that are not run. Python is always a file that is included.
SHOWN = {"{toctree}", "{eval-rst}", "{include}", "{literalinclude}", "{image}", "{figure}", "text"}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", RUN, ids=name)
def test_a_page_works_as_it_says(
    page: pathlib.Path, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    needs_broker = "rabbitmq" in page.read_text().lower()
    reader = Reader(page, tmp_path, request.getfixturevalue("broker") if needs_broker else None)
    try:
        for block in blocks(page):
            reader.take(block)
    finally:
        reader.close()


@pytest.mark.parametrize("page", pages(), ids=name)
def test_code_on_a_page_is_a_file_that_is_run_or_a_session(page: pathlib.Path) -> None:
    languages = {block.language for block in blocks(page)}
    assert languages - SHOWN <= {"console"}


def test_every_example_is_on_a_page() -> None:
    shown = {included(page, block) for page in pages() for block in blocks(page)}
    examples = {path for path in (DOCS / "examples").rglob("*") if path.is_file()}
    examples = {path for path in examples if "__pycache__" not in path.parts}
    assert examples <= shown
