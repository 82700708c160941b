"""Requests for the values that an actor wrote before anybody listened."""

from __future__ import annotations

import enum
import fnmatch
import json
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from clu._core.schema import DEFAULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

__all__ = [
    "ANSWER_TIMEOUT",
    "VALUES",
    "Answer",
    "Ended",
    "last_values",
    "request_values",
    "values_in",
]

#: The keyword with the values of others: ``{KEYWORD: {"value": VALUE, "when": UNIX_TIME}}``.
VALUES = "keyword_values"
#: How long to wait for the answer to a request, in seconds.
ANSWER_TIMEOUT = 5.0
#: The command that reports the state of an actor, by a convention of actors.
STATUS = "status"
#: click names the command after its function; older releases of click keep the underscores.
_MODEL_REQUESTS = ("get-command-model", "get_command_model")
#: The number of keywords that are asked for one by one; of more, all values are asked for.
_MOST_REQUESTS = 3


class Ended(enum.Enum):
    """How a request has ended."""

    DONE = "done"
    FAILED = "failed"
    SILENT = "silent"
    ABSENT = "absent"


class Answer(NamedTuple):
    """The answer of an actor to a request.

    Attributes
    ----------
    ended
        How the request has ended.
    keywords
        The keywords of the replies, with their last values.
    reason
        Why there is no answer.
    """

    ended: Ended
    keywords: dict[str, Any]
    reason: str = ""


def last_values(model: Any, keyword: str) -> dict[str, dict[str, Any]]:
    """Return the last values in a model, as actors answer with them.

    Parameters
    ----------
    model
        The model.
    keyword
        A keyword, or a pattern with ``*`` and ``?``. A pattern does not stand for the keywords that
        every actor has, such as ``text``.
    """
    if "*" not in keyword and "?" not in keyword:
        prop = model.get(keyword)
        found = [] if prop is None else [prop]
    else:
        found = [
            prop
            for name, prop in model.items()
            if name not in DEFAULT_SCHEMA and fnmatch.fnmatchcase(name.lower(), keyword.lower())
        ]
    return {
        prop.name: {"value": prop.value, "when": prop.last_seen}
        for prop in found
        if prop.last_seen is not None
    }


def values_in(keywords: dict[str, Any]) -> Iterator[tuple[str, Any, float]]:
    """Iterate over the names, the values and their times in an answer, or in any reply."""
    values = keywords.get(VALUES)
    if isinstance(values, dict):
        for name, item in values.items():
            if isinstance(item, dict) and "value" in item:
                when = item.get("when")
                if isinstance(when, (int, float)) and not isinstance(when, bool):
                    yield name, item["value"], when


async def request_values(
    ask: Callable[[str, bool], Awaitable[Answer]],
    keywords: Sequence[str],
    is_known: Callable[[], bool],
    take: Callable[[dict[str, Any]], None] | None = None,
) -> str:
    """Ask an actor for the last values of its keywords.

    It is asked by its command ``keyword``. If that is not enough, as with actors of sdss-clu, which
    have no such option, its command ``status`` is sent if there is one without arguments.

    Parameters
    ----------
    ask
        A coroutine function that sends a command and returns the answer. Its second argument tells
        whether the command is a request of the program itself.
    keywords
        The names of the keywords, or patterns.
    is_known
        A function that tells whether there are values now, so that no more needs to be sent.
    take
        A function that is called with the keywords of an answer to ``keyword``, or None if all
        replies are received elsewhere.

    Returns
    -------
    reason
        Why there may be no values, or an empty string.
    """
    for word in _words(keywords):
        answer = await ask(f"keyword --value {shlex.quote(word)}", True)
        if answer.ended not in (Ended.DONE, Ended.FAILED):
            return answer.reason
        if take is not None:
            take(answer.keywords)
        if answer.ended is Ended.FAILED:
            break
    if is_known() or not await _has_status(ask):
        return ""
    answer = await ask(STATUS, False)
    if answer.ended is Ended.DONE:
        return ""
    return answer.reason or f"The command {STATUS} failed."


def _words(keywords: Sequence[str]) -> Iterable[str]:
    if len(keywords) <= _MOST_REQUESTS:
        return keywords
    return ["*", *(name for name in keywords if name in DEFAULT_SCHEMA)]


async def _has_status(ask: Callable[[str, bool], Awaitable[Answer]]) -> bool:
    """Whether an actor has a command status that needs no arguments."""
    for text in _MODEL_REQUESTS:
        answer = await ask(text, True)
        if answer.ended is Ended.DONE:
            return _tells_status(answer.keywords.get("command_model"))
        if answer.ended is not Ended.FAILED:
            return False
    return False


def _tells_status(model: Any) -> bool:
    try:
        decoded = json.loads(model) if isinstance(model, str) else model
        command = decoded["commands"][STATUS]
        return not any(item.get("required") for item in command.get("params", ()))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return False
