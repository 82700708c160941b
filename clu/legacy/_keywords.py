"""The keywords of an actor behind a hub, for those who watch them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clu._watch.names import KnownKeywords
from clu.legacy.types.types import Bool, ByName, Enum, String

if TYPE_CHECKING:
    from clu.legacy._model import TronKey, TronModel

__all__ = ["known_keywords"]

_TEXTS = (String, Enum, Bool, ByName)


def known_keywords(model: TronModel) -> KnownKeywords:
    """Return the keywords in a model, which are all that there are."""
    return KnownKeywords({name: {"type": _type_of(key)} for name, key in model.items()}, True)


def _type_of(key: TronKey) -> str:
    """Return the type of a keyword: a list, unless there are no numbers in it."""
    kinds = [getattr(kind, "vtype", kind) for kind in key.key.typedValues.vtypes]
    return "string" if kinds and all(isinstance(kind, _TEXTS) for kind in kinds) else "array"
