"""What pickle and copy make of objects whose attributes are in compiled classes."""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["reduced"]


def reduced(instance: Any, names: Iterable[str]) -> tuple[Any, ...]:
    """Return what ``__reduce__`` of an object returns.

    Compiled classes have no state that pickle and copy can find. It is given apart from the
    arguments, so that an object may refer to itself.

    Parameters
    ----------
    instance
        The object.
    names
        Its attributes that are not in its ``__dict__``.
    """
    state = {name: getattr(instance, name) for name in names}
    new = copyreg.__newobj__  # type: ignore[attr-defined] # documented with __reduce_ex__
    return new, (type(instance),), (getattr(instance, "__dict__", None), state)
