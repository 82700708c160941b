"""Feed streams with mistakes to the AMQP codec: python -m tests.kernels.fuzz_amqp [COUNT [SEED]].

Both builds must do the same. What a compiled one must not do at all is found where it is built
with AddressSanitizer: see ``make asan``.
"""

from __future__ import annotations

import importlib
import random
import sys
from typing import TYPE_CHECKING

from .amqp_streams import cut_places, events, mutated

if TYPE_CHECKING:
    from collections.abc import Iterable


def compare(count: int, seed: int, builds: Iterable[str] = ("py", "c")) -> list[str]:
    """Return the streams of which the builds do not make the same, with where they are cut."""
    kernels = [importlib.import_module(f"clu._speedups.amqp_{build}") for build in builds]
    chance = random.Random(seed)
    different = []
    for _ in range(count):
        data = mutated(chance)
        cuts = cut_places(chance, len(data))
        is_failing = chance.random() < 0.1
        outcomes = [events(kernel, data, cuts, is_failing) for kernel in kernels]
        if outcomes != outcomes[:1] * len(kernels):
            different.append(f"{data.hex()} {cuts} {is_failing}")
    return different


def main(count: int = 140_000, seed: int = 1) -> int:
    """Compare, and return how many streams differ, at most 1."""
    kernel = importlib.import_module("clu._speedups.amqp_c")
    print(f"{count} streams with mistakes, seed {seed}, through {kernel.__file__}", flush=True)
    different = compare(count, seed)
    print("\n".join([*different, f"{len(different)} of {count} make a difference"]))
    return min(len(different), 1)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
