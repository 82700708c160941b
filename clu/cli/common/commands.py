"""The commands of an actor, as its command model describes them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CommandHelp", "Parameter", "commands_of"]

#: The commands that actors have from clu.
_USUAL = frozenset(
    (
        "ping",
        "version",
        "get_schema",
        "get-schema",
        "help",
        "get_command_model",
        "get-command-model",
        "keyword",
        "multiline",
    )
)
#: How deep groups in groups are described.
_DEPTH = 10


class Parameter(NamedTuple):
    """An argument or an option of a command.

    Attributes
    ----------
    name
        How it is written.
    type
        The type of its value; empty for a flag.
    required
        Whether it must be given.
    help
        What it means.
    """

    name: str
    type: str
    required: bool
    help: str


class CommandHelp(NamedTuple):
    """A command.

    Attributes
    ----------
    name
        Its name, with those of its groups before it.
    usage
        How it is written, with its parameters.
    help
        What it does.
    parameters
        Its parameters.
    usual
        Whether every actor has it.
    hidden
        Whether the actor does not show it in its help.
    """

    name: str
    usage: str
    help: str
    parameters: list[Parameter]
    usual: bool
    hidden: bool


def commands_of(model: dict[str, Any]) -> list[CommandHelp]:
    """Return the commands in a command model, as unclick describes it."""
    return list(_commands("", model, _DEPTH))


def _commands(prefix: str, group: dict[str, Any], depth: int) -> Iterator[CommandHelp]:
    commands = group.get("commands")
    for key, command in sorted(commands.items()) if isinstance(commands, dict) else ():
        if not isinstance(command, dict):
            continue
        name = f"{prefix}{key}"
        inner = ["COMMAND"] if command.get("commands") else []
        parameters = [
            (item, _parameter(item))
            for item in command.get("params") or ()
            if isinstance(item, dict) and not item.get("hidden") and "--help" not in _names(item)
        ]
        yield CommandHelp(
            name,
            " ".join([name, *(_usage(item, found) for item, found in parameters), *inner]),
            inspect.cleandoc(str(command.get("help") or command.get("short_help") or "")),
            [found for _, found in parameters],
            not prefix and key in _USUAL,
            bool(command.get("hidden")),
        )
        if depth:
            yield from _commands(f"{name} ", command, depth - 1)


def _names(item: dict[str, Any]) -> list[str]:
    return [str(name) for name in (*(item.get("opts") or ()), *(item.get("secondary_opts") or ()))]


def _is_flag(item: dict[str, Any]) -> bool:
    return bool(item.get("is_flag") or item.get("count"))


def _parameter(item: dict[str, Any]) -> Parameter:
    is_argument = item.get("param_type_name") == "argument"
    names = [name.upper() for name in _names(item)] if is_argument else _names(item)
    return Parameter(
        (" " if is_argument else ", ").join(names),
        "" if _is_flag(item) else _type(item.get("type")),
        bool(item.get("required")),
        inspect.cleandoc(str(item.get("help") or "")),
    )


def _usage(item: dict[str, Any], parameter: Parameter) -> str:
    many = "..." if item.get("nargs") == -1 or item.get("multiple") else ""
    if item.get("param_type_name") == "argument":
        text = f"{parameter.name}{many}"
    elif _is_flag(item):
        text = "/".join(_longest(item.get(kind)) for kind in ("opts", "secondary_opts")).strip("/")
    else:
        text = f"{_longest(item.get('opts'))} {_short_type(item.get('type'))}{many}"
    return text if parameter.required else f"[{text}]"


def _longest(names: Any) -> str:
    return max(map(str, names or ()), key=len, default="")


def _short_type(kind: Any) -> str:
    if isinstance(kind, dict) and isinstance(choices := kind.get("choices"), list):
        return "|".join(map(str, choices))
    return _type(kind).partition(" ")[0].upper() or "VALUE"


def _type(kind: Any) -> str:
    if not isinstance(kind, dict):
        return ""
    if isinstance(choices := kind.get("choices"), list):
        return "|".join(map(str, choices))
    if isinstance(types := kind.get("types"), list):
        return " ".join(map(_type, types))
    name = str(kind.get("name", ""))
    low, high = kind.get("min"), kind.get("max")
    if low is None and high is None:
        return name
    name = name.removesuffix(" range")
    if low is None:
        return f"{name} {'<' if kind.get('max_open') else '≤'} {high}"
    if high is None:
        return f"{name} {'>' if kind.get('min_open') else '≥'} {low}"
    return f"{name} {low} to {high}"
