"""Compare the two builds of each kernel in one run of the benchmarks: check_kernel_ratios.py JSON.

Times depend on the machine; how many times faster the compiled build is hardly does.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

#: The least geometric mean of all ratios.
MEAN = 2.0
#: The least ratio of a benchmark, by how its name begins; far below what is usual.
LEAST = {
    "test_opscore_hub_reply": 3.0,
    "test_schema_is_valid": 3.0,
    "test_reply_holds_exception": 2.0,
}
#: The least ratio of any other: libraries do some of the work in both builds.
LEAST_OF_OTHERS = 0.8


def ratios(report: dict[str, list[dict[str, object]]]) -> dict[str, float]:
    """Return how many times faster the compiled build is, by the name of the benchmark."""
    medians = {str(item["name"]): item["stats"]["median"] for item in report["benchmarks"]}  # type: ignore[index]
    return {
        name: medians[interpreted] / median
        for name, median in medians.items()
        if (interpreted := name.replace("compiled", "interpreted")) != name
        and interpreted in medians
    }


def main(path: str) -> int:
    """Print the ratios, and return 1 if one is too small."""
    found = ratios(json.loads(Path(path).read_text()))
    if not found:
        print(f"{path} has no benchmark of both builds.")
        return 1
    too_small = 0
    for name, ratio in found.items():
        least = next((r for start, r in LEAST.items() if name.startswith(start)), LEAST_OF_OTHERS)
        is_too_small = ratio < least
        print(f"{ratio:7.2f}  {name}" + (f"  TOO SMALL, must be {least}" * is_too_small))
        too_small += is_too_small
    mean = statistics.geometric_mean(found.values())
    print(f"{mean:7.2f}  geometric mean" + (f"  TOO SMALL, must be {MEAN}" * (mean < MEAN)))
    return int(too_small > 0 or mean < MEAN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
