"""The part of the changelog that a release shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import clu

if TYPE_CHECKING:
    from .conftest import Run


def test_the_changelog_has_this_version(run_tool: Run) -> None:
    result = run_tool("release_notes.py", clu.__version__)
    assert result.returncode == 0
    assert result.stdout.startswith("### Added\n")
    assert "\n## " not in result.stdout


def test_a_version_that_it_does_not_have_is_an_error(run_tool: Run) -> None:
    result = run_tool("release_notes.py", "2.6.1")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "CHANGELOG.md has no section [2.6.1].\n"
