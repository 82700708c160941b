"""The types of keyword values.

A type such as ``Float(units="deg")`` is a class, created by calling its metaclass `Float`. Its
instances are the values, here instances of a subclass of ``float`` with units::

    >>> Float(units="deg")("12.5")
    Float(12.5 deg)

It is over 400 lines since the recorded API has all types in one module.
"""

from __future__ import annotations

import re
import sys
import warnings
from typing import TYPE_CHECKING, Any

from clu._speedups.opscore import (
    BareConverter,
    BoolConverter,
    CallConverter,
    Converter,
    EnumConverter,
    FloatConverter,
    HexConverter,
    IntConverter,
    UIntConverter,
)
from clu.exceptions import CluWarning
from clu.legacy.types import pvt
from clu.legacy.types._describe import Descriptive
from clu.legacy.types._members import (
    binary,
    bits_members,
    enum_members,
    write_repr,
    write_str,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PVT",
    "Bits",
    "Bool",
    "ByName",
    "CompoundValueType",
    "Descriptive",
    "Double",
    "Enum",
    "Float",
    "Hex",
    "Int",
    "Invalid",
    "InvalidValue",
    "InvalidValueError",
    "Long",
    "RepeatedValueType",
    "String",
    "UInt",
    "ValueType",
    "ValueTypeError",
]


class ValueTypeError(Exception):
    """A type that is not well defined."""


class InvalidValueError(Exception):
    """The value that a type declares invalid."""


class Invalid:
    """Represents a value that its actor reports as invalid. It is equal to None."""

    units = ""
    native = None

    def __repr__(self) -> str:
        return "(invalid)"

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Invalid)

    def __hash__(self) -> int:
        return hash(None)


InvalidValue = Invalid()


class ValueType(type, Descriptive):
    """The base class of the types of single values.

    Parameters
    ----------
    reprFmt, strFmt
        ``%`` formats for ``repr`` and ``str``, other than ``%r`` and ``%s``.
    invalid
        The string that stands for no value, ignoring case.
    units, help, name
        The units, the description and the name of the values.

    Attributes
    ----------
    metadata
        Further arguments, with names in capitals: dictionaries have some for other programs
        (``FITS``, ``STS``).
    """

    _metaKeys = ("reprFmt", "strFmt", "invalid", "units", "help", "name")
    _nameSpec = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
    customKeys: str | tuple[str, ...] = ()

    baseType: type
    storage: str
    reprFmt: str | None = None
    strFmt: str | None
    invalid: str | None
    units: str | None
    help: str | None
    name: str | None
    metadata: dict[str, Any]
    _converter: Converter
    _is_plain: bool

    def __new__(mcs, *args: Any, **kwargs: Any) -> Any:
        """Create a type."""
        custom = (mcs.customKeys,) if isinstance(mcs.customKeys, str) else mcs.customKeys
        for key in kwargs:
            if key not in mcs._metaKeys and key not in custom and not key.isupper():
                raise ValueTypeError(f'invalid metadata key "{key}" for {mcs.__name__}')
        namespace: dict[str, Any] = {key: kwargs.get(key) for key in mcs._metaKeys}
        namespace["metadata"] = {key: value for key, value in kwargs.items() if key.isupper()}
        if namespace["reprFmt"] is None:
            namespace["reprFmt"] = getattr(mcs, "reprFmt", None)
        for key in ("reprFmt", "strFmt"):
            if namespace[key] and any(code in namespace[key] for code in ("%r", "%s")):
                raise ValueTypeError(f"{key} cannot contain %r or %s")
        name = namespace["name"]
        if name is not None and not mcs._nameSpec.fullmatch(name):
            raise ValueTypeError(f"invalid type name: {name}")
        if "invalid" in kwargs:
            namespace["invalid"] = str(namespace["invalid"]).lower()
        base = mcs.baseType
        namespace |= {
            "__module__": mcs.__module__,
            "__slots__": (),
            "__repr__": write_repr,
            "__str__": write_str,
            # str() itself would call __str__
            "native": property(str.__str__ if issubclass(base, str) else base),
        }
        mcs.init(namespace, *args, **kwargs)
        return type.__new__(mcs, mcs.__name__, (base,), namespace)

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        rows = [("Type", f"{cls.__name__} ({cls.baseType.__name__},{cls.storage})")]
        if cls.help:
            rows.insert(0, ("Description", cls.help))
        if cls.name:
            rows.insert(0, ("Name", cls.name))
        cls.descriptors = rows
        cls.addDescriptors()
        if cls.invalid:
            rows.append(("Invalid", cls.invalid))
        cls._converter = cls._make_converter()
        mcs = type(cls)
        cls._is_plain = mcs.new is ValueType.new and mcs.validate is ValueType.validate

    def __call__(cls, value: Any) -> Any:
        """Create a value; see `new`."""
        return cls._converter.make(value) if cls._is_plain and not cls.invalid else cls.new(value)

    def __mul__(self, amount: int | tuple[int, ...]) -> RepeatedValueType:
        if isinstance(amount, int):
            return RepeatedValueType(self, amount, amount)
        if not isinstance(amount, tuple):
            raise TypeError(f"Cannot multiply ValueType by type {type(amount)!r}")
        if len(amount) not in (1, 2):
            raise ValueTypeError("Repetions should be specified as *(min,) or *(min,max)")
        return RepeatedValueType(self, amount[0], amount[1] if len(amount) == 2 else None)

    def __repr__(self) -> str:
        return self.__name__

    @classmethod
    def init(mcs, dct: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """Complete the namespace of a type that is being created."""

    def addDescriptors(cls) -> None:
        """Add the specifics of the type to ``descriptors``."""
        if cls.units:
            cls.descriptors.append(("Units", cls.units))

    def validate(self, value: Any) -> Any:
        """Return the value, or raise `InvalidValueError` if it is the invalid value."""
        if self.invalid and str(value).lower() == self.invalid:
            raise InvalidValueError
        return value

    def new(cls, value: Any) -> Any:
        """Create a value.

        Raises
        ------
        ValueError, TypeError, OverflowError
            If the raw value cannot be converted to this type.
        InvalidValueError
            If it is the invalid value.
        """
        return cls._converter.make(cls.validate(value))

    def _make_converter(cls) -> Converter:
        return BareConverter(cls, cls.invalid or None, InvalidValue)

    def _field_converter(cls) -> Converter:
        """Return the converter for fields: that of the type, unless a subclass overrides it."""
        if cls._is_plain:
            return cls._converter

        def convert(value: Any) -> Any:
            try:
                return cls(value)
            except InvalidValueError:
                return InvalidValue

        return CallConverter(cls, None, InvalidValue, convert)


class Float(ValueType):
    """Numbers of single precision."""

    baseType = float
    storage = "flt4"

    def _make_converter(cls) -> Converter:
        return FloatConverter(cls, cls.invalid or None, InvalidValue, 3.4028234663852886e38)


class Double(ValueType):
    """Numbers of double precision."""

    baseType = float
    storage = "flt8"

    def _make_converter(cls) -> Converter:
        return FloatConverter(cls, cls.invalid or None, InvalidValue, sys.float_info.max)


class Int(ValueType):
    """Integers of 32 bits; a string may have a prefix such as ``0x``."""

    baseType = int
    storage = "int4"

    def _make_converter(cls) -> Converter:
        return IntConverter(cls, cls.invalid or None, InvalidValue, 0x80000000)


class Long(ValueType):
    """Integers of any size; a string may have a prefix such as ``0x``."""

    baseType = int
    storage = "int8"

    def _make_converter(cls) -> Converter:
        return IntConverter(cls, cls.invalid or None, InvalidValue, None)


class String(ValueType):
    """Strings."""

    baseType = str
    storage = "text"


class UInt(ValueType):
    """Unsigned integers of 32 bits; the sign of a negative one becomes the highest bit."""

    baseType = int
    storage = "int4"

    def _make_converter(cls) -> Converter:
        return UIntConverter(cls, cls.invalid or None, InvalidValue)


class Hex(UInt):
    """Integers in hexadecimal notation, with or without a prefix."""

    reprFmt = "0x%x"

    def _make_converter(cls) -> Converter:
        return HexConverter(cls, cls.invalid or None, InvalidValue)


class Enum(ValueType):
    """One of a set of labels, ignoring case; an integer is an index that starts at 0.

    A value is equal to its label, ignoring case. Its hash is that of the declared label.

    Parameters
    ----------
    *args
        The labels.
    labelHelp
        The meanings of the labels, one string for each.
    """

    baseType = str
    storage = "int2"
    customKeys = "labelHelp"

    enumLabels: list[str]
    enumValues: dict[Any, int]
    labelHelp: list[str] | None

    @classmethod
    def init(mcs, dct: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """Add the labels to the namespace."""
        if not args:
            raise ValueTypeError("missing enum labels in ctor")
        meanings = kwargs.get("labelHelp")
        if meanings and len(meanings) != len(args):
            raise ValueTypeError("wrong number of enum label help strings provided")
        dct |= enum_members(args)
        dct["labelHelp"] = meanings

    def addDescriptors(cls) -> None:
        """Describe the labels."""
        for index, label in enumerate(cls.enumLabels):
            text = f"{label} ({cls.labelHelp[index]})" if cls.labelHelp else label
            cls.descriptors.append((f"Value-{index}", text))

    def _make_converter(cls) -> Converter:
        # Values are immutable: one instance of each is enough.
        bare: Any = str.__new__
        members: list[Any] = [bare(cls, label) for label in cls.enumLabels]
        by_label = {str.lower(member): member for member in reversed(members)}
        first = [by_label[str.lower(member)] for member in members]
        return EnumConverter(cls, cls.invalid or None, InvalidValue, by_label, first)


class Bool(ValueType):
    """True or false, given as labels, or as ``True`` and ``False``.

    Parameters
    ----------
    *args
        The label of false, and that of true.
    """

    baseType = int
    storage = "int2"

    falseValue: str
    trueValue: str

    @classmethod
    def init(mcs, dct: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """Add the labels to the namespace."""
        if len(args) != 2:
            raise ValueTypeError("missing true/false labels in ctor")
        if dct["strFmt"]:
            warnings.warn("Bool: ignoring strFmt metadata", CluWarning, stacklevel=3)
        labels = [str(label) for label in args]
        dct |= {
            "falseValue": labels[0],
            "trueValue": labels[1],
            "native": property(bool),
            "__str__": lambda self: labels[bool(self)],
        }

    def addDescriptors(cls) -> None:
        """Describe the labels."""
        cls.descriptors += [("False", cls.falseValue), ("True", cls.trueValue)]

    def _make_converter(cls) -> Converter:
        bare: Any = int.__new__
        no, yes = bare(cls, 0), bare(cls, 1)
        values = {cls.falseValue: no, cls.trueValue: yes, False: no, True: yes}
        return BoolConverter(cls, cls.invalid or None, InvalidValue, values)


class Bits(UInt):
    """Bit fields in an integer; values have the fields as attributes.

    Parameters
    ----------
    *args
        The fields, starting with the lowest bit: ``name``, ``name:width``, or ``:width`` for bits
        without a name.
    """

    fieldSpec = re.compile(r"([a-zA-Z0-9_]+)?(?::([0-9]+))?$")

    width: int
    fieldSpecs: list[tuple[str, int]]
    bitFields: dict[str, tuple[int, int]]

    @staticmethod
    def binary(value: int, width: int) -> str:
        """Format the lowest `width` bits of a number."""
        return binary(value, width)

    @classmethod
    def init(mcs, dct: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """Add the fields to the namespace."""
        if not args:
            raise ValueTypeError("missing bitfield specs in ctor")
        specs: list[tuple[str, int]] = []
        for spec in args:
            parsed = mcs.fieldSpec.fullmatch(spec)
            if parsed is None:
                raise ValueTypeError(f"invalid bitfield spec: {spec}")
            if parsed[1] == "native":
                raise ValueTypeError(f"'{parsed[1]}' is not an allowed bitfield name")
            specs.append((parsed[1] or "", int(parsed[2] or 1)))
        if sum(size for _, size in specs) > 32:
            raise ValueTypeError("total bitfield length > 32")
        dct |= bits_members(specs)

    def addDescriptors(cls) -> None:
        """Describe the fields."""
        for index, (name, _) in enumerate(cls.fieldSpecs):
            offset, mask = cls.bitFields[name]
            bits = cls.binary(mask << offset, cls.width)
            cls.descriptors.append((f"Field-{index}", f"{bits} {name}"))


class RepeatedValueType(Descriptive):
    """A repeated type, created by multiplying a type.

    Parameters
    ----------
    vtype
        The type.
    minRepeat, maxRepeat
        The minimum and maximum number of values; None means no maximum.
    """

    def __init__(self, vtype: ValueType, minRepeat: int, maxRepeat: int | None) -> None:
        if not isinstance(vtype, ValueType):
            raise ValueTypeError("RepeatedValueType only works for a ValueType")
        if not (isinstance(minRepeat, int) and isinstance(maxRepeat, (int, type(None)))):
            raise ValueTypeError("Expected integer min/max repetitions for RepeatedValueType")
        if minRepeat < 0 or (maxRepeat is not None and minRepeat > maxRepeat):
            raise ValueTypeError("Expected min <= max for RepeatedValueType")
        self.vtype = vtype
        self.minRepeat = int(minRepeat)
        self.maxRepeat = None if maxRepeat is None else int(maxRepeat)
        least = "once" if self.minRepeat == 1 else f"{self.minRepeat} times"
        if self.maxRepeat is None:
            times = f"at least {least}"
        elif self.maxRepeat == self.minRepeat:
            times = least
        else:
            times = f"{self.minRepeat}-{self.maxRepeat} times"
        self.descriptors = [("Repeated", times), *vtype.descriptors]

    def __repr__(self) -> str:
        if self.maxRepeat is None:
            return f"{self.vtype!r}*({self.minRepeat},)"
        if self.maxRepeat == self.minRepeat:
            return f"{self.vtype!r}*{self.minRepeat}"
        return f"{self.vtype!r}*({self.minRepeat},{self.maxRepeat})"


class CompoundValueType(Descriptive):
    """A value that consists of several values.

    Parameters
    ----------
    *vtypes
        The types of the values.
    name, help
        The name and the description of the value.
    wrapper
        A function that is called with the values; by default they form a tuple.
    """

    WrapEnable = True
    """Whether values are wrapped."""

    def __init__(self, *vtypes: Any, **kwargs: Any) -> None:
        self.vtypes = vtypes
        self.name: str | None = kwargs.get("name")
        self.help: str | None = kwargs.get("help")
        self.wrapper: Callable[..., Any] | None = kwargs.get("wrapper")
        self.descriptors = []
        if self.name:
            self.descriptors.append(("Name", self.name))
        if self.help:
            self.descriptors.append(("Description", self.help))
        for index, vtype in enumerate(vtypes):
            self.descriptors += [(f"Subtype-{index}", "-" * 40), *vtype.descriptors]

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.vtypes!r}"


class PVT(CompoundValueType):
    """A position with its velocity and time, as a `clu.legacy.types.pvt.PVT`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Float(name="position", units="deg"),
            Float(name="velocity", units="deg/s"),
            Double(name="time", units="MJD-secs(TAI)"),
            **(kwargs | {"wrapper": pvt.PVT}),
        )


class ByName:
    """A reference to a type by name; a dictionary of keys replaces it with that type."""

    def __init__(self, name: str) -> None:
        self.name = name
