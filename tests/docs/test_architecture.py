"""What the documentation says about modules is so: the rooms, their order, and where things are."""

from __future__ import annotations

import ast
import importlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.tree import needs_sources

from .pages import DOCS, ROOT

if TYPE_CHECKING:
    import pathlib

ARCHITECTURE = DOCS / "architecture.md"
PAGES = [ARCHITECTURE, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "README.md"]

_NAME_IN_FILE = re.compile(r"`([A-Za-z_][\w.]*)`(?:\s+in|\s+of)\s+`(clu/[\w/]+)\.py`")
_PATH = re.compile(r"`((?:clu|tests|tools|benchmarks|examples)/[\w./-]*)`")
#: In the place of the name of a kernel.
_PLACEHOLDER = re.compile(r"(?<![a-z])x(?![a-z])")
_IN_THE_PICTURE = re.compile(r"(?<![\w/])(_?[a-z]+(?:/_?[a-z]+)+)\b")


def test_the_table_of_rooms_has_the_layers_of_the_contract_in_their_order() -> None:
    contract = (ROOT / "pyproject.toml").read_text().partition("\nlayers = ")[2]
    layers = ast.literal_eval(contract.partition("\n]")[0] + "]")
    page = ARCHITECTURE.read_text()
    _, _, table = page.partition("| layer |")
    rows = [line for line in table.partition("\n\n")[0].splitlines() if line.startswith("| `")]
    shown = [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in rows]
    assert shown == [{*re.findall(r"\w+", layer)} for layer in reversed(layers)]


def test_every_name_is_in_the_module_where_a_page_says_it_is() -> None:
    found = [each for page in PAGES for each in _NAME_IN_FILE.findall(page.read_text())]
    assert len(found) > 30
    for name, path in found:
        target: Any = importlib.import_module(path.replace("/", "."))
        for part in name.split("."):
            assert hasattr(target, part), f"{name} is not in {path}.py"
            target = getattr(target, part)


@needs_sources
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_on_a_page_is_there(page: pathlib.Path) -> None:
    paths = [path for path in _PATH.findall(page.read_text()) if not _PLACEHOLDER.search(path)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@needs_sources
def test_every_module_in_the_picture_is_there() -> None:
    picture = (DOCS / "_static" / "message.svg").read_text()
    texts = " ".join(re.findall(r'class="small">([^<]*)<', picture))
    named = set(_IN_THE_PICTURE.findall(texts))
    assert len(named) > 10
    assert [path for path in named if not (ROOT / f"clu/{path}.py").is_file()] == []
