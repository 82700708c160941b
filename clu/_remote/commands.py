"""Commands of an actor, from its command model: the signature of a call, and its command string.

The command model is what unclick makes of click commands. unclick also has a function that builds
command strings. It is not used, since its strings are JSON, which the parser of actors does not
read: a newline, a backslash or a letter with an accent would arrive as something else, and what
begins with a hyphen as an option.

It is just over 400 lines: a signature and a command string are two views of the same parameters.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from clu._remote.names import did_you_mean, python_name, python_names
from clu._remote.parameters import Argument, Option, parameters_of
from clu._speedups.call import UsualCall, quoted
from clu.exceptions import InvalidArguments, InvalidCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from clu._remote.parameters import Parameter

__all__ = ["OWN_PARAMETERS", "CommandSpec", "Source"]

#: The parameters that all calls have. One of the command with such a name gets ``_`` after it.
OWN_PARAMETERS = ("timeout", "retries", "on_reply", "command")
#: The types of most values.
_PLAIN_TYPES = frozenset({str, int, float, bool, list, tuple})
#: The names that a command has besides those of its subcommands.
_OWN_NAMES = ("started",)


class Source:
    """An annotation or a default value that is shown as it is written."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class CommandSpec:
    """A command, a group of commands, or all commands of an actor.

    Parameters
    ----------
    actor
        The name of the actor.
    info
        The command in a command model.
    name
        The name of the command; empty for all commands of an actor.
    parent
        The group that the command is in.

    Attributes
    ----------
    path
        The name, with those of the groups before it.
    names
        The names of the subcommands, by the identifiers for them.
    parameters
        The parameters, those of the groups included, by the identifiers for them.
    help
        What the command does.
    hidden
        Whether the actor does not show it.
    """

    def __init__(
        self, actor: str, info: Mapping[str, Any], name: str = "", parent: CommandSpec | None = None
    ) -> None:
        self.actor = actor
        self.name = name
        self.parent = parent
        self.path = " ".join(each.name for each in [*_groups(parent), self] if each.name)
        self.hidden = bool(info.get("hidden"))
        self.help = _cleaned(info.get("help"))
        self._info = info
        commands = info.get("commands")
        self._commands: Mapping[str, Any] = commands if isinstance(commands, dict) else {}
        self.names = python_names(
            [key for key, item in self._commands.items() if isinstance(item, dict)], _OWN_NAMES
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self.actor} {self.path})>"

    @functools.cached_property
    def subcommands(self) -> dict[str, CommandSpec]:
        """The subcommands, by their names."""
        return {
            name: CommandSpec(self.actor, self._commands[name], name, self)
            for name in sorted(self.names.values())
        }

    # -- the signature --------------------------------------------------------------------

    @functools.cached_property
    def _own(self) -> list[Argument | Option]:
        return parameters_of(self._info)

    @functools.cached_property
    def parameters(self) -> dict[str, Argument | Option]:
        """The parameters, those of the groups included, by the identifiers for them."""
        found: dict[str, Argument | Option] = {}
        for each in self._own:
            found[python_name(each.name, {*OWN_PARAMETERS, *found})] = each
        for group in reversed(_groups(self.parent)):
            for each in group._own:
                name = python_name(each.name, OWN_PARAMETERS)
                if name in found:
                    name = python_name(f"{group.name}_{each.name}", {*OWN_PARAMETERS, *found})
                found[name] = each
        return found

    @functools.cached_property
    def _identifiers(self) -> dict[int, str]:
        return {id(each): name for name, each in self.parameters.items()}

    @functools.cached_property
    def _positional(self) -> tuple[list[str], str | None]:
        """The parameters that may be given without a name, and the one that takes all others."""
        names: list[str] = []
        has_optional = False
        for each in self._own:
            if not isinstance(each, Argument):
                continue
            name = self._identifiers[id(each)]
            if each.takes_all:
                return names, name
            if each.required and has_optional:
                break
            has_optional = has_optional or not each.required
            names.append(name)
        return names, None

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The signature of a call."""
        parameter = inspect.Parameter
        names, rest = self._positional
        found = []
        for name, each in self.parameters.items():
            annotation = Source(each.source)
            if name == rest:
                found.append(parameter(name, parameter.VAR_POSITIONAL, annotation=annotation))
                continue
            source = each.source
            if isinstance(each, Argument) and each.takes_all:
                source = f"Sequence[{source}]"
            default = parameter.empty if each.required else _default(each)
            if default is None:
                source = f"{source} | None"
            kind = parameter.POSITIONAL_OR_KEYWORD if name in names else parameter.KEYWORD_ONLY
            found.append(parameter(name, kind, default=default, annotation=Source(source)))
        found.extend(_own_parameters())
        return inspect.Signature(
            sorted(found, key=lambda each: each.kind), return_annotation=Source("CommandResult")
        )

    @functools.cached_property
    def doc(self) -> str:
        """The docstring of a call."""
        lines = [self.help or f"Send the command {self.path} to {self.actor}."]
        described = []
        for name, each in self.parameters.items():
            if each.hidden:
                continue
            parameter = self.signature.parameters[name]
            described.append(str(parameter))
            about = [each.help, each.limits and f"It is {each.limits}."]
            described += [f"    {line}" for line in about if line]
        if described:
            lines += ["", "Parameters", "----------", *described]
        shown = [name for name, item in self.names.items() if not self.subcommands[item].hidden]
        if shown:
            lines += ["", f"Commands: {', '.join(sorted(shown))}"]
        return "\n".join(lines)

    # -- the command string ---------------------------------------------------------------

    def command_string(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], forbidden: str = ""
    ) -> str:
        """Return the command string for the arguments of a call.

        Parameters
        ----------
        args, kwargs
            The arguments. A parameter that is None is not given.
        forbidden
            The characters that cannot be sent.

        Raises
        ------
        InvalidCommand
            If they are not valid. It names the parameter and the reason.
        """
        usual = self._usual
        if usual is not None:
            text = usual.command_string(args, kwargs)
            if text is not None and (not forbidden or _has_none(text, forbidden)):
                return text
        return self._checked_string(args, kwargs, forbidden)

    @functools.cached_property
    def _usual(self) -> UsualCall | None:
        """What makes the command strings of calls that need no closer look."""
        has_others = any(group._own for group in _groups(self.parent))
        if has_others or self._prefixes != {"-"} or self.stop is not None:
            return None
        path = " ".join(map(quoted, self.path.split(" "))) if self.path else ""
        if not path.isascii():
            return None
        options, arguments = [], []
        for name, each in self.parameters.items():
            if not isinstance(each, Argument):
                options.append(each.usual(name))
            elif each.takes_all or each.nargs != 1:
                return None
            else:
                arguments.append(each.usual(name))
        return UsualCall(path, options, arguments, len(self._positional[0]))

    def _checked_string(self, args: tuple[Any, ...], kwargs: dict[str, Any], forbidden: str) -> str:
        """Return the command string for any arguments, or say what is wrong with them."""
        given = self._bound(args, kwargs)
        words: list[str] = []
        for names, level in self._levels:
            words += names
            if level is not None:
                level._add_words(words, given, self, level is not self)
        if not self._reserved.isdisjoint(words):
            self._refuse(given, self._is_reserved)
        text = " ".join(map(quoted, words))
        if not text.isascii() and not _is_text(text):
            self._refuse(given, self._is_no_text)
        for character in forbidden:
            if character in text:
                self._refuse(given, functools.partial(self._has, character))
        return text

    @functools.cached_property
    def _levels(self) -> list[tuple[list[str], CommandSpec | None]]:
        """The names of groups and commands, and who has parameters after some of them."""
        found: list[tuple[list[str], CommandSpec | None]] = []
        names: list[str] = []
        for level in [*_groups(self.parent), self]:
            names += [level.name] * bool(level.name)
            if level._own:
                found.append((names, level))
                names = []
        return [*found, (names, None)] if names else found

    def _refuse(
        self, given: dict[Argument | Option, Any], problem: Callable[[str], str | None]
    ) -> None:
        """Raise an error for the first parameter with a word that has a problem."""
        for name, each in self.parameters.items():
            if each in given:
                words = each.words(given[each])
                for word in words if isinstance(each, Argument) else words[1:]:
                    if (reason := problem(word)) is not None:
                        raise self._error(f"{name} {reason}", name)

    def _is_reserved(self, word: str) -> str | None:
        return (
            f"cannot be {word!r}, which means something else." if word in self._reserved else None
        )

    def _is_no_text(self, word: str) -> str | None:
        return None if _is_text(word) else f"is no text: {word!a}."

    def _has(self, character: str, word: str) -> str | None:
        is_there = character in word
        return f"cannot have {character!r}: a command is one line here." if is_there else None

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[Argument | Option, Any]:
        """Return the values of a call, by their parameters."""
        parameters = self.parameters
        given: dict[Argument | Option, Any] = {}
        if args:
            names, rest = self._positional
            for name, value in zip(names, args, strict=False):
                if value is not None:
                    given[parameters[name]] = value
            if len(args) > len(names):
                if rest is None:
                    most = f"at most {len(names)} positional argument{'s' * (len(names) != 1)}"
                    raise self._error(f"takes {most}, not {len(args)}.", kind=InvalidArguments)
                given[parameters[rest]] = args[len(names) :]
        for name, value in kwargs.items():
            each = parameters.get(name)
            if each is None:
                known = [item for item in parameters if not parameters[item].hidden]
                hint = did_you_mean(name, known) or (
                    f" It has: {', '.join(known)}." if known else " It has none."
                )
                reason = f"has no parameter {name!r}.{hint}"
                raise self._error(reason, name, kind=InvalidArguments)
            if each in given:
                raise self._error(f"{name} is given twice.", name, kind=InvalidArguments)
            if value is not None:
                # What can be read only once may have to be read again, for the words of an error.
                is_once = type(value) not in _PLAIN_TYPES and hasattr(value, "__next__")
                given[each] = list(value) if is_once else value
        return given

    def _add_words(
        self,
        words: list[str],
        given: dict[Argument | Option, Any],
        called: CommandSpec,
        is_group: bool,
    ) -> None:
        """Add the words for the parameters of a command or of one of its groups."""
        values: list[str] = []
        needs_end = is_left_out = False
        for each in self._own:
            value = given.get(each)
            if value is None:
                if each.required and (self.stop is None or given.get(self.stop) is not True):
                    name = called._identifiers[id(each)]
                    raise called._error(f"{name} is missing.", name, kind=InvalidArguments)
                if isinstance(each, Argument):
                    is_left_out = True
                    if is_group:  # it would take the name of the command
                        called._refuse_gap(each)
                continue
            try:
                found = each.words(value)
            except (TypeError, ValueError) as error:
                raise called._unfit(each, error) from None
            if not found and each.required:
                name = called._identifiers[id(each)]
                raise called._error(f"{name} is empty.", name)
            if isinstance(each, Argument):
                values += found
            else:
                words += found
                needs_end = needs_end or each.may_lack_value
        if values:
            if is_left_out:
                called._check_places(self._own, given)
            for word in values:
                if word[:1] in self._prefixes and len(word) > 1:
                    needs_end = True
        if needs_end and (values or is_group):
            words.append("--")
        words += values

    def _unfit(self, each: Argument | Option, error: Exception) -> InvalidCommand:
        """Return the error for a value that a parameter does not take."""
        name = self._identifiers[id(each)]
        kind = InvalidArguments if isinstance(error, TypeError) else InvalidCommand
        return self._error(f"{name} {error}", name, kind)

    @functools.cached_property
    def stop(self) -> Option | None:
        """The option with which a cancellable command takes no others."""
        for each in self._own:
            if isinstance(each, Option) and each.is_flag and "--stop" in each.opts:
                return each
        return None

    @functools.cached_property
    def _reserved(self) -> frozenset[str]:
        """The words that mean something else wherever they stand."""
        return frozenset({"--help"} if self.stop is None else {"--help", "--stop"})

    @functools.cached_property
    def _prefixes(self) -> frozenset[str]:
        options = [each for each in self._own if isinstance(each, Option)]
        opts = [opt for each in options for opt in (*each.opts, *each.secondary_opts)]
        return frozenset({"-", *(opt[:1] for opt in opts)})

    def _check_places(
        self, own: list[Argument | Option], given: dict[Argument | Option, Any]
    ) -> None:
        """Check that the actor gives the values to the arguments that they are meant for."""
        arguments = [
            (each, len(each.words(given[each])) if each in given else 0)
            for each in own
            if isinstance(each, Argument)
        ]
        left = sum(count for _, count in arguments)
        rest = next((i for i, (each, _) in enumerate(arguments) if each.takes_all), len(arguments))
        # The values before the rest are taken from the left, those after it from the right.
        for each, count in [*arguments[:rest], *reversed(arguments[rest + 1 :])]:
            taken = min(each.nargs, left)
            if taken != count:
                self._refuse_gap(each)
            left -= taken

    def _refuse_gap(self, argument: Argument) -> None:
        name = self._identifiers[id(argument)]
        reason = f"{name} cannot be left out, as it would take what comes after it."
        raise self._error(reason, name, kind=InvalidArguments)

    def _error(
        self, reason: str, parameter: str | None = None, kind: type[InvalidCommand] = InvalidCommand
    ) -> InvalidCommand:
        reason = reason if reason.endswith((".", "?", "…")) else f"{reason}."
        return kind(self.actor, self.path, reason, parameter)


def _has_none(text: str, characters: str) -> bool:
    return not any(character in text for character in characters)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _groups(command: CommandSpec | None) -> list[CommandSpec]:
    """Return a group and those that it is in, the outermost first."""
    found: list[CommandSpec] = []
    while command is not None:
        found.insert(0, command)
        command = command.parent
    return found


def _default(each: Parameter) -> Any:
    default = each.default
    if isinstance(default, list):
        return tuple(default)
    return default


def _own_parameters() -> Iterator[inspect.Parameter]:
    sources = ("float | None", "int | Retries", "Callable | None", "BaseCommand | None")
    for name, source in zip(OWN_PARAMETERS, sources, strict=True):
        default = 0 if name == "retries" else None
        yield inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Source(source)
        )


def _cleaned(text: Any) -> str:
    """Return the help of a command without the marks that are for click."""
    cleaned = inspect.cleandoc(str(text or "").split("\f")[0])
    return cleaned.replace("\b\n", "").replace("\b", "")
