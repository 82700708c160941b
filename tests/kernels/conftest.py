"""Runs every test that takes a `kernel` against both builds of the kernel it is named after."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from clu._speedups import NO_EXTENSIONS


class Missing:
    """Stands for a build that cannot be imported: it fails the test that uses it."""

    def __init__(self, error: ImportError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


def builds(name: str) -> list[Any]:
    """Return the interpreted and, unless switched off, the compiled build of a kernel."""
    suffixes = ("py",) if NO_EXTENSIONS else ("py", "c")
    return [pytest.param(_load(f"clu._speedups.{name}_{each}"), id=each) for each in suffixes]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kernel" in metafunc.fixturenames:
        name = metafunc.module.__name__.rpartition("test_")[2]
        metafunc.parametrize("kernel", builds(name))


def _load(path: str) -> Any:
    try:
        return importlib.import_module(path)
    except ImportError as error:
        return Missing(error)
