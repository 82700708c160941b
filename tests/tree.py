"""The source tree of the tests, which may test an installed distribution instead."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: For tests of the sources, which are not there when an installed distribution is tested.
needs_sources = pytest.mark.skipif(
    not (ROOT / "clu").is_dir(), reason="an installed distribution is tested"
)
