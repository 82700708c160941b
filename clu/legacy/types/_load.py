"""Reads the files of the ``actorkeys`` package."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Any


class DictionaryNotFound(Exception):
    """There is no file of a dictionary."""


def read_dictionary(name: str, scope: dict[str, Any]) -> tuple[Any, str]:
    """Evaluate the file of a dictionary.

    Parameters
    ----------
    name
        The name of the module in the ``actorkeys`` package. It is not imported: the file is one
        expression.
    scope
        What the expression can use, besides the builtins.

    Returns
    -------
    value, checksum
        What the expression makes, and the MD5 checksum of the file.

    Raises
    ------
    DictionaryNotFound
        If there is no such file. Any other exception comes from the expression.
    """
    importlib.invalidate_caches()
    try:
        importlib.import_module("actorkeys")
    except ImportError:
        raise DictionaryNotFound("no actorkeys package found") from None
    # With a dot in the name, the part before it would be imported.
    spec = None if "." in str(name) else importlib.util.find_spec(f"actorkeys.{name}")
    if spec is None or spec.origin is None:
        raise DictionaryNotFound(f"no keys dictionary found for {name}")
    content = Path(spec.origin).read_bytes()
    # As bytes it may declare its encoding; blanks before an expression are an indentation.
    code = compile(content.lstrip(b" \t"), spec.origin, "eval")
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return eval(code, scope), checksum
