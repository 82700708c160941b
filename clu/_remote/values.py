"""Values of parameters: checked as their click types do, and written as words of a command."""

from __future__ import annotations

import datetime
import enum
import operator
import os
import uuid
from typing import TYPE_CHECKING, Any

from clu._remote.names import did_you_mean
from clu._speedups.call import BOOLEAN, FLOAT, INTEGER, STRING, UsualParameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ValueType", "as_bool", "shown", "value_type"]

#: The most characters of a value that an error shows.
_EXCERPT = 60
#: Integers up to this one are floats without a loss.
_EXACT = 2**53


def shown(value: object) -> str:
    """Return a value as an error shows it."""
    text = repr(value)
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


class ValueType:
    """The type of a value.

    Parameters
    ----------
    source
        How Python writes the type.
    word
        A function that returns a value as a word. It raises a ``TypeError`` or a ``ValueError``
        whose message says what the value must be.
    limits
        What a description of the parameter says about values.
    kinds
        The types of usual values, for which `clu._speedups.call` makes command strings.
    closed_range
        The lowest and the highest of usual numbers; the word is what `repr` returns.
    choices
        The usual strings, if they are few.
    """

    def __init__(
        self,
        source: str,
        word: Callable[[Any], str],
        limits: str = "",
        *,
        kinds: int = STRING + INTEGER + FLOAT + BOOLEAN,
        closed_range: tuple[Any, Any] | None = None,
        choices: frozenset[str] | None = None,
    ) -> None:
        self.source = source
        self.word = word
        self.limits = limits
        self._kinds = kinds
        self._closed_range = closed_range
        self._choices = choices

    def usual(
        self, name: str, required: bool, before: str, multiple: bool = False
    ) -> UsualParameter:
        """Return what a parameter of this type adds to a command string for usual values.

        Parameters
        ----------
        name
            The identifier of the parameter.
        required
            Whether it must be given.
        before
            What comes before the word: a space, and the option if there is one.
        multiple
            Whether it takes several values.
        """
        texts = None
        if self._choices is not None:
            one = UsualParameter(name, required, before, STRING)
            added = {choice: one.added("", choice) for choice in self._choices}
            texts = {choice: text for choice, text in added.items() if text is not None}
        return UsualParameter(
            name,
            required,
            before,
            self._kinds,
            texts=texts,
            limits=self._closed_range,
            word=None if self._kinds == STRING else self.word,
            multiple=multiple,
        )


def as_bool(value: Any) -> bool:
    """Return a value as a boolean, if it is one, maybe of numpy.

    Raises
    ------
    TypeError
        If it is not.
    """
    if value is True or value is False:
        return bool(value)
    if getattr(getattr(value, "dtype", None), "kind", None) == "b" and not value.shape:
        return bool(value)
    raise TypeError(f"must be True or False, not {shown(value)}")


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", None) == "b"


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    if not isinstance(value, str):
        raise TypeError(f"must be a string, not {shown(value)}")
    return str.__str__(value)


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    if not _is_bool(value):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"must be an integer, not {shown(value)}")


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int and -_EXACT <= value <= _EXACT:
        return value  # a range is compared with it all the same
    if isinstance(value, (str, bytes)) or _is_bool(value) or not hasattr(value, "__float__"):
        if hasattr(value, "__index__") and not _is_bool(value):
            return float(operator.index(value))
        raise TypeError(f"must be a number, not {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"is too large: {shown(value)}") from None
    except TypeError:  # an array
        raise TypeError(f"must be a number, not {shown(value)}") from None


def _path(value: Any) -> str:
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str):
        raise TypeError(f"must be a path, not {shown(value)}")
    return str.__str__(path)


def _uuid(value: Any) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    text = _string(value)
    try:
        uuid.UUID(text)
    except ValueError:
        raise ValueError(f"must be a UUID, not {shown(value)}") from None
    return text


def _anything(value: Any) -> str:
    """Return the word for a type that only the actor knows."""
    if isinstance(value, (str, os.PathLike)):
        return _path(value)
    if not _is_bool(value):
        if hasattr(value, "__index__"):
            return str(operator.index(value))
        if hasattr(value, "__float__"):
            return repr(float(value))
    raise TypeError(f"must be a string or a number, not {shown(value)}")


def _ranged(info: Mapping[str, Any], convert: Callable[[Any], Any]) -> tuple[Any, str]:
    """Return a function that checks the range of a number, and a description of the range."""
    low, high = info.get("min"), info.get("max")
    low_open, high_open = bool(info.get("min_open")), bool(info.get("max_open"))
    parts = []
    if low is not None:
        parts.append(f"{'greater than' if low_open else 'at least'} {low}")
    if high is not None:
        parts.append(f"{'less than' if high_open else 'at most'} {high}")
    limits = " and ".join(parts)
    if info.get("clamp"):  # the actor takes what is outside for the limit
        return convert, ""

    def check(value: Any) -> Any:
        number = convert(value)
        if (low is not None and (number <= low if low_open else number < low)) or (
            high is not None and (number >= high if high_open else number > high)
        ):
            raise ValueError(f"must be {limits}, not {shown(value)}")
        return number

    return check, limits


def _number_type(
    source: str, info: Mapping[str, Any], convert: Callable[[Any], Any], kinds: int
) -> ValueType:
    """Return the type of a number.

    Parameters
    ----------
    source
        How Python writes it.
    info
        What the command model says about it.
    convert
        A function that returns a value as a number, if it is one.
    kinds
        The types of values that need not be converted.
    """
    check, limits = _ranged(info, convert)
    low, high = info.get("min"), info.get("max")

    def word(value: Any) -> str:
        number = check(value)
        return str(value) if type(value) is int else repr(number)

    is_open = info.get("min_open") or info.get("max_open")
    if limits and low is not None and high is not None and not is_open:
        return ValueType(source, word, limits, kinds=kinds, closed_range=(low, high))
    return ValueType(source, word, limits)


def _integer_type(info: Mapping[str, Any]) -> ValueType:
    return _number_type("int", info, _integer, INTEGER)


def _float_type(info: Mapping[str, Any]) -> ValueType:
    return _number_type("float", info, _float, INTEGER + FLOAT)


def _choice_type(info: Mapping[str, Any]) -> ValueType:
    choices = [str(choice) for choice in info.get("choices") or ()]
    folds = info.get("case_sensitive") is False
    known = frozenset(choice.casefold() if folds else choice for choice in choices)

    def word(value: Any) -> str:
        if type(value) is str and value in known:
            return value
        is_text = isinstance(value, str)
        if is_text:
            text = str.__str__(value)
        else:  # numbers and members of enumerations can be choices, too
            text = value.name if isinstance(value, enum.Enum) else str(value)
        if _is_bool(value) or (text.casefold() if folds else text) not in known:
            expected = ", ".join(map(repr, choices))
            hint = did_you_mean(text, choices) if is_text else ""
            raise ValueError(f"must be one of {expected}, not {shown(value)}.{hint}")
        return text

    source = f"Literal[{', '.join(map(repr, choices))}]" if choices else "str"
    return ValueType(source, word, kinds=STRING, choices=known)


def _date_type(info: Mapping[str, Any]) -> ValueType:
    formats = [str(item) for item in info.get("formats") or ()]

    def parsed(text: str) -> datetime.datetime | None:
        for item in formats:
            try:
                return datetime.datetime.strptime(text, item)
            except ValueError:
                continue
        return None

    def word(value: Any) -> str:
        if isinstance(value, datetime.date):
            when = value
            if not isinstance(when, datetime.datetime):
                when = datetime.datetime.combine(when, datetime.time())
            for item in formats:
                text = when.strftime(item)
                if parsed(text) == when:
                    return text
            raise ValueError(f"cannot be written as {' or '.join(formats)}: {shown(value)}")
        text = _string(value)
        if parsed(text) is None:
            raise ValueError(f"must be a date such as {' or '.join(formats)}, not {shown(value)}")
        return text

    return ValueType("datetime.date | str", word, " or ".join(formats))


def _simple(source: str, word: Callable[[Any], str]) -> Callable[[Mapping[str, Any]], ValueType]:
    return lambda info: ValueType(source, word)


_TYPES: dict[str, Callable[[Mapping[str, Any]], ValueType]] = {
    "string": lambda info: ValueType("str", _string, kinds=STRING),
    "int": _integer_type,
    "intrange": _integer_type,
    "float": _float_type,
    "floatrange": _float_type,
    "bool": _simple("bool", lambda value: str(as_bool(value)).lower()),
    "choice": _choice_type,
    "datetime": _date_type,
    "uuid": _simple("uuid.UUID | str", _uuid),
    "path": _simple("str | os.PathLike[str]", _path),
    "file": _simple("str | os.PathLike[str]", _path),
}
_OTHER = _simple("str | float", _anything)


def value_type(info: Any) -> ValueType:
    """Return a type, as click describes it in a command model.

    A type that click does not have takes strings and numbers.
    """
    if not isinstance(info, dict):
        return _OTHER({})
    return _TYPES.get(str(info.get("param_type")).lower(), _OTHER)(info)
