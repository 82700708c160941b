"""Keys, which define the values of keywords, and dictionaries of the keys of an actor.

It is over 400 lines since the recorded API has all these classes in one module.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from clu.legacy.types import types
from clu.legacy.types._describe import as_html, as_text
from clu.legacy.types._load import DictionaryNotFound, read_dictionary
from clu.legacy.types._plan import make_plan
from clu.legacy.types.messages import Keyword, RawKeyword

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from clu._speedups.opscore import Plan
    from clu.legacy.types._describe import Row

__all__ = [
    "CmdKey",
    "Consumer",
    "Key",
    "KeysDictionary",
    "KeysDictionaryError",
    "KeysError",
    "KeysManager",
    "RawKey",
    "TypedValues",
]


class KeysError(Exception):
    """A key that is not well defined, or does not match."""


class KeysDictionaryError(KeysError):
    """A dictionary of keys that is not well defined, or cannot be loaded."""


class Consumer:
    """An object that matches a part of a message, and traces it if ``debug`` is set."""

    debug = False
    indent = 0

    def trace(self, what: object) -> None:
        """Print the object to be matched."""
        if Consumer.debug:
            print(f"{' ' * Consumer.indent}{self!r} << {what!r}")
            Consumer.indent += 1

    def passed(self, what: object) -> bool:
        """Print a match; return True."""
        if Consumer.debug:
            Consumer.indent -= 1
            print(f"{' ' * Consumer.indent}PASS >> {what!r}")
        return True

    def failed(self, reason: str) -> bool:
        """Print why there is no match; return False."""
        if Consumer.debug:
            Consumer.indent -= 1
            print(f"{' ' * Consumer.indent}FAIL: {reason}")
        return False

    def consume(self, what: Any) -> bool:
        """Match this against a part of a message."""
        raise NotImplementedError


class TypedValues(Consumer):
    """The types of the values of a keyword.

    Parameters
    ----------
    vtypes
        The types; only the last may be repeated a variable number of times.
    """

    def __init__(self, vtypes: Iterable[Any]) -> None:
        self.vtypes = list(vtypes)
        self.index = 0
        self.resolve({})

    def resolve(self, named: dict[str, Any]) -> None:
        """Replace the types given by name, and count the values."""
        least = most = 0
        unlimited = False
        for index, vtype in enumerate(self.vtypes):
            if isinstance(vtype, types.ByName) and vtype.name in named:
                vtype = self.vtypes[index] = named[vtype.name]
            if unlimited or most > least:
                raise KeysError("Repetition range only allowed for last value type")
            if isinstance(vtype, types.RepeatedValueType):
                least += vtype.minRepeat
                most += vtype.maxRepeat or 0
                unlimited = vtype.maxRepeat is None
            elif isinstance(vtype, types.CompoundValueType):
                least += len(vtype.vtypes)
                most += len(vtype.vtypes)
            elif isinstance(vtype, types.ValueType):
                least += 1
                most += 1
            elif not isinstance(vtype, types.ByName):
                raise KeysError(f"Invalid value type: {vtype!r}")
        self.minVals = least
        self.maxVals = None if unlimited else most
        self.descriptor: int | str
        if self.maxVals is None:
            self.descriptor = f"{least} or more"
        elif most == least:
            self.descriptor = least or "none"
        else:
            self.descriptor = f"{least}-{most}"
        self.__dict__.pop("plan", None)

    def __repr__(self) -> str:
        return f"Types{self.vtypes!r}"

    @functools.cached_property
    def plan(self) -> Plan:
        """How the values are converted."""
        for vtype in self.vtypes:
            if isinstance(vtype, types.ByName):
                raise KeysError(f"Unexpected typeToConsume: {vtype!r}")
        return make_plan(self.vtypes)

    def consume(self, values: Any) -> bool:
        """Convert a list of raw values in place; return whether they match.

        If they do not match, they are not changed.
        """
        if Consumer.debug:
            return self._consume_traced(values)
        typed = self.plan.convert(values)
        if typed is None:
            return False
        values[:] = typed
        return True

    def consumeNextValue(self, valueType: Any, values: Any) -> bool:
        """Convert the values of one type, starting at ``index``; return whether they match."""
        only = TypedValues([valueType])
        rest = values[self.index : None if only.maxVals is None else self.index + only.maxVals]
        while True:
            typed = only.plan.convert(rest)
            if typed is not None:
                values[self.index : self.index + len(rest)] = typed
                self.index += len(typed)
                return True
            if len(rest) <= only.minVals:
                return False
            rest = rest[:-1]

    def _consume_traced(self, values: Any) -> bool:
        self.trace(values)
        self.index = 0
        typed = list(values)
        for vtype in self.vtypes:
            if not self.consumeNextValue(vtype, typed):
                kind = {types.RepeatedValueType: "repeated ", types.CompoundValueType: "compound "}
                prefix = next((kind[cls] for cls in type(vtype).__mro__ if cls in kind), "")
                return self.failed(f"expected {prefix}value type {vtype!r}")
        if self.index < len(typed):
            return self.failed(f"not all values consumed: {typed[self.index :]!r}")
        values[:] = typed
        return self.passed(values)

    def _rows(self) -> list[Row]:
        return [("Values", str(self.descriptor))]

    def describe(self) -> str:
        """Return a description in plain text."""
        text = as_text(self._rows()) + "\n"
        for vtype in self.vtypes:
            text += "\n" + "".join(f"    {line}\n" for line in vtype.describe().splitlines())
        return text

    def describeAsHTML(self) -> str:
        """Return a description as HTML tables."""
        return as_html(self._rows(), "values") + "".join(
            vtype.describeAsHTML() for vtype in self.vtypes
        )


class Key(Consumer):
    """The name of a keyword, and the types of its values.

    Parameters
    ----------
    name
        The name.
    *vtypes
        The types of the values.
    **metadata
        ``help``, a description; ``refreshCmd``, a command that makes the actor send the keyword;
        ``doCache``, whether the hub keeps it (by default if it has values and no such command).

    Attributes
    ----------
    metadata
        Further arguments, which are for other programs.
    """

    def __init__(self, name: str, *vtypes: Any, **metadata: Any) -> None:
        self.name = name
        self.typedValues = TypedValues(vtypes)
        self.help = metadata.pop("help", None)
        self.refreshCmd = metadata.pop("refreshCmd", None)
        has_values = self.typedValues.maxVals != 0
        self.doCache = bool(metadata.pop("doCache", has_values and not self.refreshCmd))
        self.metadata = metadata

    def __repr__(self) -> str:
        return f"Key({self.name})"

    def consume(self, keyword: Any) -> bool:
        """Convert the values of a keyword in place; return whether it matches.

        A keyword that matches is marked as ``matched``; otherwise it is not changed.
        """
        if Consumer.debug:
            return self._consume_traced(keyword)
        return self.typedValues.plan.consume(keyword, self.name)

    def _consume_traced(self, keyword: Any) -> bool:
        self.trace(keyword)
        if keyword.name.lower() != self.name.lower():
            return self.failed("keyword has wrong name")
        if not self.typedValues.consume(keyword.values):
            return self.failed("no match for keyword values")
        keyword.matched = True
        return self.passed(keyword)

    def create(self, *values: Any) -> Keyword:
        """Create a keyword from this key.

        Parameters
        ----------
        *values
            The values, or a single list of them.

        Raises
        ------
        KeysError
            If the values do not match.
        """
        given = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        keyword = Keyword(self.name, given)
        if not self.consume(keyword):
            raise KeysError(f"value types do not match for keyword {self.name}: {given}")
        return keyword

    def _rows(self) -> list[Row]:
        rows = [("Keyword", self.name)]
        if self.help:
            rows.append(("Description", self.help))
        return rows

    def describe(self) -> str:
        """Return a description in plain text."""
        return f"{as_text(self._rows())}\n{self.typedValues.describe()}"

    def describeAsHTML(self) -> str:
        """Return a description as HTML tables."""
        return as_html(self._rows(), "key") + self.typedValues.describeAsHTML()


class KeysDictionary:
    """The keys of an actor.

    Parameters
    ----------
    name
        The name of the actor, in lower case.
    version
        The major and the minor version.
    *keys
        The keys.
    """

    registry: ClassVar[dict[str, KeysDictionary]] = {}
    """The existing dictionaries, by name."""

    def __init__(self, name: str, version: tuple[int, int], *keys: Key) -> None:
        if name != name.lower():
            raise KeysDictionaryError(f"Invalid name: must be lower case: {name}")
        if not (
            isinstance(version, (tuple, list))
            and len(version) == 2
            and all(isinstance(number, int) for number in version)
        ):
            raise KeysDictionaryError(
                f"Invalid version: expected (major,minor) tuple of integers, got {version!r}"
            )
        self.name = name
        self.version = version
        self.keys: dict[str, Key] = {}
        self.namedTypes: dict[str, Any] = {}
        for key in keys:
            self.add(key)
        KeysDictionary.registry[name] = self

    def add(self, key: Key) -> None:
        """Add a key; the types that it names can be used by later keys."""
        if not isinstance(key, Key):
            raise KeysDictionaryError("KeysDictionary can only contain Keys")
        if key.name.lower() in self.keys:
            raise KeysDictionaryError(f"KeysDictionary name is not unique: {key.name}")
        named: dict[str, Any] = {}
        for vtype in key.typedValues.vtypes:
            if isinstance(vtype, types.ByName):
                if vtype.name not in self.namedTypes and vtype.name not in named:
                    raise KeysDictionaryError(f'Unresolved type ByName("{vtype.name}")')
            elif getattr(vtype, "name", None):
                named[vtype.name] = vtype
        self.namedTypes |= named
        key.typedValues.resolve(self.namedTypes)
        self.keys[key.name.lower()] = key

    def extend(self, keyList: list[Key] | tuple[Key, ...]) -> None:
        """Add keys."""
        if not isinstance(keyList, (list, tuple)):
            raise AssertionError("keyList must be a list or tuple")
        for key in keyList:
            self.add(key)

    def __getitem__(self, name: str) -> Key:
        return self.keys[name.lower()]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.keys

    def describe(self) -> str:
        """Return a description in plain text."""
        title = f'Keys Dictionary for "{self.name}" version {self.version!r}\n'
        return title + "".join(f"\n{self.keys[name].describe()}" for name in sorted(self.keys))

    def describeAsHTML(self) -> str:
        """Return a description as HTML tables."""
        rows = [("Keys Dictionary", self.name), ("Version", str(self.version))]
        return as_html(rows, "dictionary") + "".join(
            self.keys[name].describeAsHTML() for name in sorted(self.keys)
        )

    @staticmethod
    def load(dictname: str, forceReload: bool = False) -> KeysDictionary:
        """Return a dictionary from the ``actorkeys`` package.

        Parameters
        ----------
        dictname
            The name of the dictionary and of its file, without ``.py``. The file is a
            single expression that creates the dictionary.
        forceReload
            Whether to read the file again if the dictionary exists.

        Raises
        ------
        KeysDictionaryError
            If the file does not exist, or does not create a dictionary with that name.
        """
        registry = KeysDictionary.registry
        if not forceReload and dictname in registry:
            return registry[dictname]
        before = dict(registry)
        scope = {name: getattr(types, name) for name in _TYPE_NAMES}
        try:
            kdict, checksum = read_dictionary(dictname, scope | _KEY_NAMES)
            if not isinstance(kdict, KeysDictionary):
                raise KeysDictionaryError(f"not a KeysDictionary: {kdict!r}")
            if kdict.name != dictname:
                files = f"actorkeys.{dictname}, {kdict.name}"
                raise KeysDictionaryError(f"dictionary filename and name are different: {files}")
        except DictionaryNotFound as error:
            raise KeysDictionaryError(str(error)) from None
        except Exception as error:
            registry.clear()
            registry.update(before)
            raise KeysDictionaryError(
                f"badly formatted keys dictionary in {dictname}:\n >> {error}"
            ) from error
        kdict.checksum = checksum
        return kdict

    checksum: str
    """The MD5 checksum of the file that the dictionary was loaded from."""


_KEY_NAMES = {"Key": Key, "KeysDictionary": KeysDictionary}
_TYPE_NAMES = (
    "Bits",
    "Bool",
    "ByName",
    "CompoundValueType",
    "Double",
    "Enum",
    "Float",
    "Hex",
    "Int",
    "Long",
    "PVT",
    "String",
    "UInt",
    "ValueType",
)


class KeysManager:
    """The dictionaries in which the keys of commands are looked up."""

    keys: ClassVar[dict[str, KeysDictionary]] = {}

    @classmethod
    def setKeys(cls, kdict: KeysDictionary) -> None:
        """Set the only dictionary in which keys are looked up."""
        cls.keys = {}
        cls.addKeys(kdict)

    @classmethod
    def addKeys(cls, kdict: KeysDictionary) -> None:
        """Add a dictionary in which keys are looked up, after the others."""
        if not isinstance(kdict, KeysDictionary):
            raise KeysError("Cmd keys must be provided as a KeysDictionary")
        cls.keys[kdict.name] = kdict

    @classmethod
    def getKey(cls, name: str) -> Key:
        """Return the first key with a name."""
        for kdict in cls.keys.values():
            if name in kdict:
                return kdict[name]
        raise KeysError(f"No such registered keyword <{name}>")


class CmdKey(Consumer, KeysManager):
    """A key that the next keyword of a command must match.

    Parameters
    ----------
    key
        The key, or the name of a key that `KeysManager` can find.
    """

    def __init__(self, key: Key | str) -> None:
        self.key = self.getKey(key) if isinstance(key, str) else key

    def __repr__(self) -> str:
        return f"CmdKey({self.key.name})"

    def consume(self, where: Any) -> bool:
        """Match the current ``keyword()`` of a cursor, and ``advance()`` it."""
        self.trace(where)
        keyword = where.keyword()
        if not keyword:
            return self.failed("no keywords available to consume")
        if not self.key.consume(keyword):
            return self.failed("no match for command keyword")
        where.advance()
        return self.passed(where)


class RawKey(Consumer):
    """Matches the rest of a command line."""

    def consume(self, where: Any) -> bool:
        """Match the current ``keyword()`` of a cursor, and ``advance()`` it."""
        self.trace(where)
        keyword = where.keyword()
        if not keyword:
            return self.failed("no keywords available to consume")
        if not isinstance(keyword, RawKeyword):
            return self.failed("no match for raw keyword")
        where.advance()
        return self.passed(where)
