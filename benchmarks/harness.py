"""Cases, and how they are timed."""

from __future__ import annotations

import asyncio
import statistics
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from timeit import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    Timed = Callable[[int], Awaitable[float]]  # runs n operations, gives the seconds they took

REPEATS = 7


@dataclass
class Case:
    """A workload; with ``single``, a repeat is one operation and not as many as the time allows."""

    make: Callable[[], AbstractAsyncContextManager[Timed]]
    on_uvloop: bool = False
    single: bool = False

    def run(self, seconds: float) -> dict[str, Any]:
        if not self.on_uvloop:
            return asyncio.run(self.measure(seconds))
        import uvloop

        return uvloop.run(self.measure(seconds))

    async def measure(self, seconds: float) -> dict[str, Any]:
        async with self.make() as timed:
            number = 1 if self.single else await calibrate(timed, seconds / REPEATS)
            samples = sorted([await timed(number) / number for _ in range(REPEATS)])
        median = statistics.median(samples)
        return {
            "microseconds": median * 1e6,
            "per_second": 1 / median,
            "fastest": samples[0] * 1e6,
            "slowest": samples[-1] * 1e6,
            "number": number,
            "repeats": REPEATS,
        }


CASES: dict[str, Case] = {}


def workload(**named: Any) -> Callable[[Callable[..., AsyncIterator[Timed]]], Any]:
    """Register a workload once for each name, with the arguments given for that name."""

    def register(function: Callable[..., AsyncIterator[Timed]]) -> Any:
        for name, arguments in named.items():
            make = partial(asynccontextmanager(function), *arguments)
            CASES[name] = Case(make, name.endswith("_uvloop"), name.startswith("import_"))
        return function

    return register


async def calibrate(timed: Timed, seconds: float) -> int:
    """How many operations take this long; the first runs also warm the code up."""
    number, spent = 16, 0.0
    while (spent := await timed(number)) < seconds / 4:
        number *= 2
    return max(1, round(number * seconds / spent))


def timed_statement(statement: str, **names: Any) -> Timed:
    timer = Timer(statement, setup="import gc; gc.enable()", globals=names)

    async def timed(number: int) -> float:
        return timer.timeit(number)

    return timed


def check(truth: bool, what: str) -> None:
    if not truth:
        raise AssertionError(what)


class NullTransport:
    """What `actor.transports` holds for a client, without a network; keeps the last data only."""

    def __init__(self, user_id: int | str) -> None:
        self.user_id = user_id
        self.multiline = False
        self.last = b""

    def write(self, data: bytes) -> None:
        self.last = data

    def writelines(self, lines: list[bytes]) -> None:
        self.last = b"".join(lines)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def last_line(self) -> str:
        return bytes(self.last).splitlines()[-1].decode()
