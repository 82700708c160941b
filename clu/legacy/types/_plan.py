"""Plans for the kernel to convert the values of a keyword."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from clu._speedups.opscore import CallConverter, Plan
from clu.legacy.types import types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clu._speedups.opscore import Converter


def make_plan(vtypes: Sequence[Any]) -> Plan:
    """Create a plan for types; only the last type may have a variable length."""
    heads: list[Converter] = []
    tail: Converter | None = None
    optional = 0
    groups: list[tuple[int, int, Any]] = []
    for vtype in vtypes:
        if isinstance(vtype, types.CompoundValueType):
            groups.append((len(heads), len(vtype.vtypes), vtype.wrapper))
            heads += [_part(part) for part in vtype.vtypes]
        elif isinstance(vtype, types.RepeatedValueType):
            converter = vtype.vtype._field_converter()
            heads += [converter] * vtype.minRepeat
            if vtype.maxRepeat != vtype.minRepeat:
                tail = converter
                optional = -1 if vtype.maxRepeat is None else vtype.maxRepeat - vtype.minRepeat
        else:
            heads.append(vtype._field_converter())
    most = -1 if optional < 0 else len(heads) + optional
    return Plan(heads, tail, most, groups, types.CompoundValueType)


def _part(vtype: Any) -> Converter:
    """Return the converter for a part of a compound type, which must be a single value."""
    if isinstance(vtype, types.ValueType):
        return vtype._field_converter()
    return CallConverter(object, None, None, _refuse)


def _refuse(value: object) -> NoReturn:
    raise ValueError(f"compound types have no repeated or compound parts: {value!r}")
