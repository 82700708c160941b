"""Names of a module that are looked up when somebody asks for them.

Programs import them from there, and tests replace them there, but the module itself does without
them, or they are slow to import.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def lazy_names(module: str, **names: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the functions ``__getattr__`` and ``__dir__`` of a module.

    Parameters
    ----------
    module
        The name of the module.
    names
        Where each name is found: a module, or a module and a name in it, with a colon between.
    """

    def find(name: str) -> Any:
        place = names.get(name)
        if place is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, attribute = place.partition(":")
        found = importlib.import_module(home)
        return getattr(found, attribute) if attribute else found

    def known() -> list[str]:
        return sorted({*vars(sys.modules[module]), *names})

    return find, known
