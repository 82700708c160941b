"""The gate on the ratios of compiled to interpreted kernels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


def report(path: Path, medians: dict[str, float]) -> Path:
    items = [{"name": name, "stats": {"median": median}} for name, median in medians.items()]
    path.write_text(json.dumps({"benchmarks": items}))
    return path


@pytest.mark.parametrize(
    ("compiled", "interpreted", "status"), [(1.0, 4.0, 0), (1.0, 2.9, 1), (4.0, 1.0, 1)]
)
def test_a_kernel_must_be_faster_by_its_ratio(
    run_tool: Run, tmp_path: Path, compiled: float, interpreted: float, status: int
) -> None:
    medians = {
        "test_schema_is_valid[compiled-30]": compiled,
        "test_schema_is_valid[interpreted-30]": interpreted,
        "test_case[json_write]": 1.0,
    }
    result = run_tool("check_kernel_ratios.py", report(tmp_path / "report.json", medians))
    assert result.returncode == status, result.stdout
    assert f"{interpreted / compiled:7.2f}  test_schema_is_valid[compiled-30]" in result.stdout


def test_the_mean_counts_too(run_tool: Run, tmp_path: Path) -> None:
    medians = {"test_reply[compiled]": 1.0, "test_reply[interpreted]": 1.5}
    result = run_tool("check_kernel_ratios.py", report(tmp_path / "report.json", medians))
    assert result.returncode == 1
    assert "1.50  geometric mean  TOO SMALL" in result.stdout


def test_a_report_without_both_builds_is_no_success(run_tool: Run, tmp_path: Path) -> None:
    path = report(tmp_path / "report.json", {"test_reply[compiled]": 1.0})
    assert run_tool("check_kernel_ratios.py", path).returncode == 1
