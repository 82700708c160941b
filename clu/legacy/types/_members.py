"""The members that are added to the classes of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_repr(self: Any) -> str:
    """Format a value with its type and units."""
    cls = type(self)
    text = cls.reprFmt % self.native if cls.reprFmt else cls.baseType.__repr__(self)
    return f"{cls.__name__}({text} {cls.units})" if cls.units else f"{cls.__name__}({text})"


def write_str(self: Any) -> str:
    """Format a value in the format of its type."""
    cls = type(self)
    fmt = cls.strFmt or cls.reprFmt
    return str(fmt % self.native if fmt else cls.baseType.__str__(self))


def binary(value: int, width: int) -> str:
    """Format the lowest `width` bits of a number."""
    return "".join(str(value >> bit & 1) for bit in reversed(range(width)))


def enum_members(args: Sequence[Any]) -> dict[str, Any]:
    """Return the members of the class of an enumeration with these labels."""
    labels = [str(label) for label in args]
    indices = {label: index for index, label in reversed(list(enumerate(labels)))}

    def equal(self: str, other: object) -> bool:
        return str.lower(self) == str(other).lower()

    def unequal(self: str, other: object) -> bool:
        return str.lower(self) != str(other).lower()

    def storageValue(self: str) -> int:
        """Return the position of the label."""
        return indices[str.__str__(self)]

    return {
        "enumLabels": labels,
        "enumValues": {label: index for index, label in enumerate(args)},
        "storageValue": storageValue,
        "__eq__": equal,
        "__ne__": unequal,
        "__hash__": str.__hash__,
    }


def bits_members(specs: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return the members of a class with bit fields, given as names (may be empty) and widths."""
    width = 0
    fields: dict[str, tuple[int, int]] = {}
    for name, size in specs:
        if name:
            fields[name] = (width, (1 << size) - 1)
        width += size
    named = [(name, size) for name, size in specs if name]

    def find(name: str) -> tuple[int, int]:
        if name not in fields:
            raise AttributeError(f'no such bitfield "{name}"')
        return fields[name]

    def get(self: int, name: str) -> int:
        offset, mask = find(name)
        return int(self) >> offset & mask

    def change(self: Any, name: str, value: int) -> Any:
        """Return a value with one field changed."""
        offset, mask = find(name)
        return type(self)(int(self) & ~(mask << offset) | (value & mask) << offset)

    def bitsString(self: int) -> str:
        """Format all bits."""
        return binary(self, width)

    def write(self: int) -> str:
        return f"({','.join(f'{name}={binary(get(self, name), size)}' for name, size in named)})"

    return {
        "width": width,
        "fieldSpecs": named,
        "bitFields": fields,
        "bitsString": bitsString,
        "set": change,
        "__getattr__": get,
        "__repr__": write,
    }
