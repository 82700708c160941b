"""References of a schema to files beside it, which are put in their place."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from pathlib import Path

#: The keywords whose value is a dictionary of schemas by name, and those whose value is data.
_MAPS = ("properties", "patternProperties", "definitions", "$defs", "dependencies")
_DATA = ("enum", "const", "default", "examples")
_url = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def read_with_references(path: Path) -> Any:
    """Return the schema in a file, in which no reference is to another file.

    Raises
    ------
    OSError, ValueError
        If a file cannot be read or parsed, or a reference leads nowhere or to itself.
    """
    root = path.resolve()
    document = json.loads(root.read_text())
    return _Reader(root, document).resolve(document, root, ())


class _Reader:
    """Reads the files that a schema refers to, each once."""

    def __init__(self, root: Path, document: Any) -> None:
        self._root = root
        self._documents = {root: document}

    def resolve(self, schema: Any, file: Path, active: tuple[tuple[Path, str], ...]) -> Any:
        """Return a part of a file with what it refers to in the place of references.

        Parameters
        ----------
        schema
            The part.
        file
            The file.
        active
            The places that the part is the target of, directly or not.
        """
        if isinstance(schema, list):
            return [self.resolve(item, file, active) for item in schema]
        if not isinstance(schema, dict):
            return schema
        reference = schema.get("$ref")
        if isinstance(reference, str) and not _url.match(reference):
            return self._follow(reference, file, active)
        resolved = {}
        for key, value in schema.items():
            if key in _MAPS and isinstance(value, dict):
                value = {name: self.resolve(each, file, active) for name, each in value.items()}
            elif key not in _DATA:
                value = self.resolve(value, file, active)
            resolved[key] = value
        return resolved

    def _follow(self, reference: str, file: Path, active: tuple[tuple[Path, str], ...]) -> Any:
        name, _, pointer = reference.partition("#")
        target = (file.parent / unquote(name)).resolve() if name else file
        if target == self._root:  # jsonschema finds what is in the same file
            return {"$ref": f"#{pointer}"}
        place = (target, pointer)
        if place in active:
            raise CluValueError(f"The reference {reference!r} in {file} leads to itself.")
        if target not in self._documents:
            self._documents[target] = json.loads(target.read_text())
        part = _look_up(self._documents[target], unquote(pointer), reference)
        resolved = self.resolve(part, target, (*active, place))
        if isinstance(resolved, dict):  # which would be the base of references in it
            resolved.pop("$id", None)
            resolved.pop("$schema", None)
        return resolved


def _look_up(document: Any, pointer: str, reference: str) -> Any:
    """Return the part of a document that a JSON pointer leads to."""
    part = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        try:
            part = part[int(key) if isinstance(part, list) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise CluValueError(f"The reference {reference!r} leads nowhere.") from None
    return part
