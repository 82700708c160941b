"""The scenarios by name."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Scenario = Callable[..., Any]

SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str, /, **parameters: Any) -> Callable[[Scenario], Scenario]:
    """Add a function as a scenario, with these keyword arguments."""

    def add(function: Scenario) -> Scenario:
        if name in SCENARIOS:
            raise ValueError(f"there are two scenarios {name!r}")
        SCENARIOS[name] = functools.partial(function, **parameters) if parameters else function
        return function

    return add


def table(prefix: str, rows: dict[str, dict[str, Any]]) -> Callable[[Scenario], Scenario]:
    """Add a function as one scenario for each row, with the row as keyword arguments."""

    def add(function: Scenario) -> Scenario:
        for name, parameters in rows.items():
            scenario(f"{prefix}.{name}", **parameters)(function)
        return function

    return add


def load() -> dict[str, Scenario]:
    """Import all modules of scenarios."""
    from . import scenarios

    for module in pkgutil.iter_modules(scenarios.__path__):
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
    return SCENARIOS
