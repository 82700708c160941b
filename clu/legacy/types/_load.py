"""Reads the files of the ``actorkeys`` package."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Any


class DictionaryNotFound(Exception):
    """The file of a dictionary does not exist."""


def read_dictionary(name: str, scope: dict[str, Any]) -> tuple[Any, str]:
    """Evaluate the file of a dictionary.

    Parameters
    ----------
    name
        The name of the module in the ``actorkeys`` package. It is not imported: the file is one
        expression.
    scope
        The names that the expression can use, besides the builtins.

    Returns
    -------
    value, checksum
        The value of the expression, and the MD5 checksum of the file.

    Raises
    ------
    DictionaryNotFound
        If the file does not exist. Any other exception is raised by the expression.
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
    # Bytes can declare their encoding; blanks before an expression would be indentation.
    code = compile(content.lstrip(b" \t"), spec.origin, "eval")
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return eval(code, scope), checksum
