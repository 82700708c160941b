"""Names that a module has only for those who ask."""

from __future__ import annotations

import subprocess
import sys
from unittest import mock

import pytest

import clu.protocol  # noqa: F401
from clu._core.names import lazy_names


def test_names_are_modules_or_found_in_them() -> None:
    find, known = lazy_names(__name__, encoder="json:JSONEncoder", decoding="json.decoder")
    assert find("encoder").__name__ == "JSONEncoder"
    assert find("decoding").__name__ == "json.decoder"
    assert {"encoder", "decoding", "pytest"} <= set(known())
    with pytest.raises(AttributeError, match=f"module '{__name__}' has no attribute 'other'"):
        find("other")


@pytest.mark.parametrize("module", ["actor", "base", "client", "command", "model", "protocol"])
def test_each_name_can_be_imported_and_replaced(module: str) -> None:
    found = sys.modules[f"clu.{module}"]
    for name in dir(found):
        if name.startswith("__"):
            continue
        original = getattr(found, name)
        with mock.patch(f"clu.{module}.{name}", "other"):
            assert getattr(found, name) == "other"
        assert getattr(found, name) is original


def test_they_are_not_imported_before() -> None:
    script = "import sys, clu; print([m for m in ('aio_pika', 'jsonschema') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"
