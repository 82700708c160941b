"""The parameters of commands: what they take, and the words that this becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._remote.values import ValueType, as_bool, shown, value_type
from clu._speedups.call import BOOLEAN, UsualParameter, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Argument", "Option", "Parameter", "Switch", "parameters_of"]


class Parameter:
    """A parameter of a command.

    Parameters
    ----------
    info
        What the command model says about it.

    Attributes
    ----------
    name
        Its name in the command model.
    required
        Whether it must be given.
    default
        What the actor takes if it is not given.
    help
        What it means.
    hidden
        Whether the actor does not show it.
    source
        How Python writes the type of its value.
    limits
        What its values are limited to, in words.
    """

    def __init__(self, info: Mapping[str, Any]) -> None:
        self.name = str(info.get("name"))
        self.default = info.get("default")
        # The default value does for a required parameter.
        self.required = bool(info.get("required")) and self.default is None
        self.help = " ".join(str(info.get("help") or "").split())
        self.hidden = bool(info.get("hidden"))
        self.nargs = _whole(info.get("nargs"), 1)
        self._types = _types(info.get("type"), self.nargs)
        self.source = _tuple_source(self._types) if self.nargs > 1 else self._types[0].source
        self.limits = self._types[0].limits if self.nargs == 1 else ""

    def usual(self, name: str) -> UsualParameter:
        """Return what the parameter adds to a command string for usual values.

        Parameters
        ----------
        name
            The identifier of the parameter.
        """
        return UsualParameter(name, self.required, "", 0)  # no value is usual

    def _words_of(self, value: Any) -> list[str]:
        """Return the words for one value, which has several parts if ``nargs`` says so."""
        if self.nargs == 1:
            return [self._types[0].word(value)]
        parts = _items(value, f"must be a sequence of {self.nargs}")
        if len(parts) != self.nargs:
            raise ValueError(f"must be a sequence of {self.nargs}, not {shown(value)}")
        return [each.word(part) for each, part in zip(self._types, parts, strict=True)]


class Argument(Parameter):
    """A positional parameter.

    Attributes
    ----------
    takes_all
        Whether it takes all values that no other takes.
    words
        A function that returns the words for a value. It raises a ``TypeError`` or a
        ``ValueError`` whose message says what the value must be.
    """

    def __init__(self, info: Mapping[str, Any]) -> None:
        super().__init__(info)
        self.takes_all = self.nargs < 0
        if self.takes_all:
            self.nargs = 1
        self.words = self._all_words if self.takes_all else self._words_of
        if self.nargs == 1 and not self.takes_all:
            word = self._types[0].word
            self.words = lambda value: [word(value)]

    def usual(self, name: str) -> UsualParameter:
        return self._types[0].usual(name, self.required, " ")

    def _all_words(self, value: Any) -> list[str]:
        word = self._types[0].word
        return [word(item) for item in _items(value, "must be a sequence of values")]


class Option(Parameter):
    """A parameter with a name on the command line.

    Attributes
    ----------
    may_lack_value
        Whether it can be given without a value, so that the next word could be taken for it.
    words
        A function that returns the words for a value, the option among them. It raises a
        ``TypeError`` or a ``ValueError`` whose message says what the value must be.
    """

    def __init__(self, info: Mapping[str, Any]) -> None:
        super().__init__(info)
        self.opts = [str(item) for item in info.get("opts") or ()]
        self.secondary_opts = [str(item) for item in info.get("secondary_opts") or ()]
        self.flag_value = info.get("flag_value")
        self.is_flag = bool(info.get("is_flag"))
        self.multiple = bool(info.get("multiple"))
        self.count = bool(info.get("count"))
        self._opt = next((item for item in self.opts if item.startswith("--")), self.opts[0])
        self._no_opt = next(
            (item for item in self.secondary_opts if item.startswith("--")),
            self.secondary_opts[0] if self.secondary_opts else "",
        )
        self._is_long = len(self._opt) > 2
        # Older releases of click have a boolean there for all options.
        self.may_lack_value = not (
            self.is_flag or self.count or isinstance(self.flag_value, (bool, type(None)))
        )
        self.words: Callable[[Any], list[str]] = self._writer()
        if self.count:
            self.source = "int"
        elif self.is_flag and self.flag_value in (None, True, False):
            self.source = "bool"
        elif self.is_flag:
            self.source = f"bool | Literal[{self.flag_value!r}]"
        elif self.may_lack_value:
            self.source += " | Literal[True]"
        if self.multiple:
            self.source = f"Sequence[{self.source}]"

    def _writer(self) -> Callable[[Any], list[str]]:
        if self.count:
            return self._count_words
        one: Callable[[Any], list[str]] = self._value_words
        if self.is_flag:
            one = self._flag_words
        if not self.multiple:
            return one

        def several(value: Any) -> list[str]:
            items = _items(value, "must be a sequence of values")
            if not items and self.default:
                raise ValueError(f"cannot be empty, as {self.default!r} would be taken then")
            return [word for item in items for word in one(item)]

        return several

    def usual(self, name: str) -> UsualParameter:
        if self.count or self.nargs != 1 or self.may_lack_value:
            return super().usual(name)
        opt = quoted(self._opt)
        if not self.is_flag:
            return self._types[0].usual(name, self.required, f" {opt} ", self.multiple)
        is_plain = self.flag_value is True and not self.secondary_opts and not self.multiple
        if not is_plain or self.default or self.required:
            return super().usual(name)
        texts = {True: f" {opt}", False: ""}
        return UsualParameter(name, False, "", BOOLEAN, texts=texts)

    def _value_words(self, value: Any) -> list[str]:
        if self.may_lack_value and value is True:
            return [self._opt]
        words = self._words_of(value)
        if self.nargs > 1:
            return [self._opt, *words]
        word = words[0]
        if self.may_lack_value and word[:1] == "-" and len(word) > 1:
            raise ValueError(f"cannot begin with '-', as {self._opt} needs none: {shown(value)}")
        if self._is_long and (self.may_lack_value or word[:1] == "-"):
            return [f"{self._opt}={word}"]
        # Words such as --help mean something else wherever they stand.
        return [self._opt + word] if word[:2] == "--" else [self._opt, word]

    def _count_words(self, value: Any) -> list[str]:
        is_number = isinstance(value, int) and value >= 0
        if not is_number or (value == 0 and self.default):
            raise ValueError(f"must be how often {self._opt} is given, not {shown(value)}")
        return [self._opt] * value

    def _flag_words(self, value: Any) -> list[str]:
        if self.secondary_opts:
            return [self._opt if as_bool(value) else self._no_opt]
        given = self.flag_value if self.flag_value is not None else True
        if isinstance(given, bool):
            value = as_bool(value)
        elif value is True:
            value = given
        if value == given:
            return [self._opt]
        if value is False and (not self.default or self.default != given):
            return []
        if isinstance(given, bool) and value == self.default:
            return []
        expected = f"{given!r} or left out"
        raise ValueError(f"must be {expected}, as there is only {self._opt}; not {shown(value)}")


class Switch(Option):
    """Several options for one parameter, such as ``--fast`` and ``--slow``.

    Parameters
    ----------
    options
        The options.
    """

    def __init__(self, options: Sequence[Option]) -> None:
        first = options[0]
        self.name, self.nargs = first.name, first.nargs
        # Each of the flags may have another one, but only one of their values can be taken.
        known = [each.flag_value for each in options if each.is_flag]
        found = [each.default for each in options if each.default in known or not each.is_flag]
        self.default = next((default for default in found if default is not None), None)
        self.required = any(each.required for each in options)
        self.help = " ".join(each.help for each in options if each.help)
        self.hidden = all(each.hidden for each in options)
        self.opts = [opt for each in options for opt in each.opts]
        self.secondary_opts = [opt for each in options for opt in each.secondary_opts]
        self._options = options
        self.words = self._switch_words
        self.may_lack_value = any(each.may_lack_value for each in options)
        self.multiple, self.count, self.is_flag = False, False, False
        self.flag_value, self.limits = None, ""
        flags = [repr(each.flag_value) for each in options if each.is_flag]
        others = [each.source for each in options if not each.is_flag]
        self.source = " | ".join([f"Literal[{', '.join(flags)}]"] * bool(flags) + others)

    def usual(self, name: str) -> UsualParameter:
        return Parameter.usual(self, name)

    def _switch_words(self, value: Any) -> list[str]:
        for option in self._options:
            if option.is_flag and option.flag_value == value:
                return option.words(True)
        for option in self._options:
            if not option.is_flag:
                return option.words(value)
        expected = ", ".join(repr(option.flag_value) for option in self._options)
        raise ValueError(f"must be one of {expected}, not {shown(value)}")


def parameters_of(command: Mapping[str, Any]) -> list[Argument | Option]:
    """Return the parameters of a command in a command model, without ``--help``."""
    infos = [item for item in command.get("params") or () if isinstance(item, dict)]
    found: list[Argument | Option] = []
    options: dict[str, list[Option]] = {}
    for info in infos:
        if info.get("param_type_name") == "argument":
            found.append(Argument(info))
        elif info.get("opts") and "--help" not in info["opts"]:
            options.setdefault(str(info.get("name")), []).append(Option(info))
    found.extend(each[0] if len(each) == 1 else Switch(each) for each in options.values())
    return found


def _types(info: Any, nargs: int) -> list[ValueType]:
    several = info.get("types") if isinstance(info, dict) else None
    if isinstance(several, list) and len(several) == nargs:
        return [value_type(item) for item in several]
    return [value_type(info)] * max(nargs, 1)


def _tuple_source(types: Sequence[ValueType]) -> str:
    return f"tuple[{', '.join(each.source for each in types)}]"


def _items(value: Any, expected: str) -> list[Any]:
    if isinstance(value, (str, bytes, dict)):
        raise TypeError(f"{expected}, not {shown(value)}")
    try:
        return list(value)
    except TypeError:
        raise TypeError(f"{expected}, not {shown(value)}") from None


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value else default
