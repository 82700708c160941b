"""Imports the opscore modules once for each build of the kernel, so that every test uses both."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

SELECTOR = "clu._speedups.opscore"
PACKAGE = "clu.legacy.types"
MODULES = ("keys", "messages", "parser", "pvt", "types")
BUILDS = ("py",) if NO_EXTENSIONS else ("py", "c")


def load(build: str) -> Any:
    """Import the modules with one build of the kernel behind them."""
    selector = ModuleType(SELECTOR)
    vars(selector).update(vars(importlib.import_module(f"{SELECTOR}_{build}")))
    importlib.import_module(PACKAGE)
    parent = sys.modules["clu.legacy"]
    package = parent.types
    hidden = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name in (SELECTOR, PACKAGE) or name.startswith(f"{PACKAGE}.")
    }
    sys.modules[SELECTOR] = selector
    try:
        found = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES}
    finally:
        for name in [PACKAGE, *(n for n in sys.modules if n.startswith(f"{PACKAGE}."))]:
            sys.modules.pop(name, None)
        sys.modules.pop(SELECTOR)
        sys.modules.update(hidden)
        parent.types = package
    return SimpleNamespace(build=build, **found)


@pytest.fixture(scope="session", params=BUILDS)
def lib(request: pytest.FixtureRequest) -> Any:
    return load(request.param)


@pytest.fixture(autouse=True)
def clean_registry(lib: Any) -> Iterator[None]:
    yield
    lib.keys.KeysDictionary.registry.clear()
    lib.keys.KeysManager.keys = {}
    lib.keys.Consumer.debug = False
    lib.types.CompoundValueType.WrapEnable = True


@pytest.fixture
def actorkeys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(__file__).parents[1] / "dictionaries"
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("actorkeys", None)
    yield folder / "actorkeys"
    sys.modules.pop("actorkeys", None)
