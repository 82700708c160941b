"""A stub module: the classes of an actor, of its commands and of its keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clu._remote.commands import OWN_PARAMETERS, CommandSpec
from clu._remote.names import python_name
from clu.cli.stubs.keywords import keyword_classes

if TYPE_CHECKING:
    import inspect
    from collections.abc import Iterator

__all__ = ["module_of"]

#: The names that the classes must not have.
_IMPORTED = (
    *("Any", "BaseCommand", "Callable", "CommandResult", "Keywords", "Literal", "Reply"),
    *("Retries", "Running", "Sequence", "TypedDict", "bool", "datetime", "dict", "float", "int"),
    *("list", "os", "overload", "str", "tuple", "uuid"),
)
_HEADER = '''\
"""The actor {actor}, as clu stubs has found it."""

{modules}from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict, overload

from clu.base import Reply
from clu.command import BaseCommand
from clu.remote import CommandResult, Retries, Running
'''
_OWN = {
    "timeout": "float | None",
    "retries": "int | Retries",
    "on_reply": "Callable[[Reply], Any] | None",
    "command": "BaseCommand[Any, Any] | None",
}


def module_of(actor: str, model: dict[str, Any], schema: dict[str, Any] | None) -> str:
    """Return the stub module of an actor.

    Parameters
    ----------
    actor
        Its name.
    model
        Its command model.
    schema
        The schema of its keywords, if it has told it.
    """
    classes = _Classes(actor, CommandSpec(actor, model))
    text = "".join(f"\n\n{item}" for item in [*keyword_classes(schema), *classes.written])
    modules = "".join(
        f"import {name}\n" for name in ("datetime", "os", "uuid") if f"{name}." in text
    )
    return _HEADER.format(actor=_escaped(actor), modules=modules) + text


class _Classes:
    """The classes of an actor and of its commands.

    Attributes
    ----------
    written
        The classes, each after those that it names.
    """

    def __init__(self, actor: str, spec: CommandSpec) -> None:
        self.written: list[str] = []
        self._taken = set(_IMPORTED)
        members = list(self._members(spec, ""))
        lines = [
            f"class {self._name_of('', actor)}:",
            *_docstring(f"The actor {actor}.", 1),
            *members,
            *_call(["self", "text: str", "/", "*", *_own()]),
        ]
        self.written.append(_joined(lines))

    def _name_of(self, prefix: str, path: str) -> str:
        words = python_name(path).split("_")
        name = prefix + "".join(word[:1].upper() + word[1:] for word in words)
        name = python_name(name or "_", self._taken)
        self._taken.add(name)
        return name

    def _members(self, spec: CommandSpec, path: str) -> Iterator[str]:
        """Write the classes of the commands of a group, and return the lines that name them."""
        for attribute, name in sorted(spec.names.items()):
            command = spec.subcommands[name]
            if not command.hidden:
                yield f"    {attribute}: {self._write(command, f'{path}_{attribute}')}"
        yield "    def __getitem__(self, name: str) -> Any: ..."

    def _write(self, spec: CommandSpec, path: str) -> str:
        members = list(self._members(spec, path)) if spec.names else []
        name = self._name_of("_", path)
        call = _call(_parameters(spec.signature, OWN_PARAMETERS), spec.doc)
        if spec.stop is not None and "stop" in spec.signature.parameters:
            # Then it needs no others.
            stopping = ["self", "*", "stop: Literal[True]", *_own()]
            call = ["    @overload", *call, "    @overload", *_call(stopping)]
        started = _list(_parameters(spec.signature, ("timeout", "command")))
        lines = [
            f"class {name}:",
            *members,
            *call,
            f"    def started({started}) -> Running: ...",
        ]
        self.written.append(_joined(lines))
        return name


def _call(parameters: list[str], doc: str | None = None) -> list[str]:
    head = f"    async def __call__({_list(parameters)}) -> CommandResult:"
    return [f"{head} ..."] if doc is None else [head, *_docstring(doc, 2)]


def _parameters(signature: inspect.Signature, own: tuple[str, ...]) -> list[str]:
    """Return the parameters of a call as they are written."""
    names = signature.parameters
    found = ["self_" if "self" in names else "self"]
    is_marked = False
    for each in names.values():
        if each.name in OWN_PARAMETERS:
            continue
        if each.kind is each.KEYWORD_ONLY and not is_marked:
            is_marked = True
            found.append("*")
        star = "*" if each.kind is each.VAR_POSITIONAL else ""
        is_marked = is_marked or bool(star)
        default = "" if each.default is each.empty else " = ..."
        found.append(f"{star}{each.name}: {each.annotation}{default}")
    if not is_marked:
        found.append("*")
    return [*found, *_own(own)]


def _own(names: tuple[str, ...] = OWN_PARAMETERS) -> list[str]:
    return [f"{name}: {_OWN[name]} = ..." for name in names]


def _list(parameters: list[str]) -> str:
    """Return parameters, in one line if they are few."""
    line = ", ".join(parameters)
    if len(line) < 60:
        return line
    return "".join(f"\n        {each}," for each in parameters) + "\n    "


def _docstring(text: str, depth: int) -> list[str]:
    indent = "    " * depth
    lines = _escaped(text).splitlines()
    if len(lines) == 1 and not lines[0].endswith('"'):
        return [f'{indent}"""{lines[0]}"""']
    inner = [f"{indent}{line}".rstrip() for line in lines[1:]]
    return [f'{indent}"""{lines[0]}', *inner, f'{indent}"""']


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text
    )


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
