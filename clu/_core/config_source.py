"""Where a configuration comes from, and what is wrong with its arguments for a class."""

from __future__ import annotations

import difflib
import inspect
import os
import pathlib
import re
from typing import TYPE_CHECKING, Any

from clu._core.signature import class_signature
from clu.exceptions import ConfigurationError, also

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ChangedConfig", "ConfigSource"]

_UNEXPECTED = re.compile(r"__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"__init__\(\) missing \d+ required [\w\s-]*arguments?: (.*)")
_HIGHEST_PORT = 65535


class ChangedConfig(dict[str, Any]):
    """A configuration that was read from a file, and then changed.

    Attributes
    ----------
    path
        The path of the file, or another name for errors.
    """

    path: str = ""


class ConfigSource:
    """What a configuration was read from.

    Parameters
    ----------
    source
        The path of a file, or a dictionary.
    """

    def __init__(self, source: Any) -> None:
        if isinstance(source, ChangedConfig):
            source = source.path
        self._path = source if isinstance(source, (str, os.PathLike)) else None

    def __str__(self) -> str:
        return "The configuration" if self._path is None else str(self._path)

    def of(self, *keys: Any) -> str:
        """Return where a key is: the file, and the line if it is in there."""
        line = self._line(list(keys))
        return str(self) if line is None else f"{self}, line {line}"

    def _line(self, keys: list[Any]) -> int | None:
        """Return the line of a key: the file is read again, as its values have none."""
        import yaml

        try:
            assert self._path is not None
            node: Any = yaml.compose(pathlib.Path(self._path).expanduser().read_text())
            for key in keys:
                node, line = next(
                    (value, name.start_mark.line + 1)
                    for name, value in node.value
                    if name.value == str(key)
                )
        except Exception:  # there is no such file or key: it is of the command line, or included
            return None
        return line if keys else None

    def explain(
        self, cls: Any, error: TypeError, section: Mapping[str, Any], prefix: list[str]
    ) -> str | None:
        """Return what is wrong with the arguments for a class, or None if it is something else.

        Parameters
        ----------
        cls
            The class.
        error
            The error that calling it raised.
        section
            The arguments that come from the configuration.
        prefix
            The keys that lead to them.
        """
        name = cls.__name__
        known = _names(cls)
        if found := _UNEXPECTED.search(str(error)):
            key = found[1]
            if key not in section:
                return None
            return f"{self.of(*prefix, key)}: {name} has no argument {key!r}.{_hint(key, known)}"
        if found := _MISSING.search(str(error)):
            missing = re.findall(r"'(\w+)'", found[1])
            if not missing or not set(missing) <= set(known):
                return None
            text = f"{self}: {name} needs {_listed(missing)}."
            unknown = [key for key in section if key not in known]
            return " ".join([text, *self.misspelt(cls, unknown, prefix)])
        return None

    def misspelt(self, cls: Any, unknown: Iterable[str], prefix: list[str]) -> list[str]:
        """Return what to say about keys that are nearly those of arguments."""
        known = _names(cls)
        return [
            f"{self.of(*prefix, key)}: {cls.__name__} has no argument {key!r}.{hint}"
            for key in unknown
            if (hint := _hint(str(key), known, 0.75))
        ]

    def check_port(self, cls: type, arguments: Mapping[str, Any], prefix: list[str]) -> None:
        """Refuse a port that is none, if the argument ``port`` is that of a class of clu.

        Raises
        ------
        ConfigurationError
            If it is not a number from 0 to 65535.
        """
        port = arguments.get("port")
        if port is None or arguments.get("url") or not _is_ours(cls, "port"):
            return
        number = int(port) if isinstance(port, str) and port.isdigit() else port
        if type(number) is int and 0 <= number <= _HIGHEST_PORT:
            return
        raise also(ConfigurationError, TypeError)(
            f"{self.of(*prefix, 'port')}: port {port!r} is not a number from 0 to {_HIGHEST_PORT}."
        )


def _is_ours(cls: type, name: str) -> bool:
    """Whether the first class with an argument of this name is one of clu."""
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is not None and name in inspect.signature(init).parameters:
            return base.__module__.partition(".")[0] == "clu"
    return False


def _names(cls: Any) -> list[str]:
    return [each for each in class_signature(cls).parameters if each not in ("kwargs", "loop")]


def _hint(key: str, known: list[str], cutoff: float = 0.6) -> str:
    close = difflib.get_close_matches(key, known, 1, cutoff)
    return f" Did you mean {close[0]!r}?" if close else ""


def _listed(names: list[str]) -> str:
    quoted = [repr(name) for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
