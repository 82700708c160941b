"""What differs between two transcripts, and what of it is accepted."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import json
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ACCEPTED = Path(__file__).with_name("accepted.toml")
NOTHING = "<nothing>"
#: What Python raises where a program does not see to a case.
SLIPS = ("AttributeError", "TypeError", "NameError", "UnboundLocalError", "IndexError")
#: The same, of classes that programs also raise on purpose.
SLIP_TEXTS = ("There is no active click context.", "Unknown format code ")
#: A reply over AMQP in the log of an actor.
AMQP_REPLY = ' REPLY: {"headers": '


@dataclasses.dataclass(frozen=True)
class Difference:
    """A place in a transcript at which the two say something else."""

    at: str
    recorded: Any
    ours: Any

    def __str__(self) -> str:
        return (
            f"{self.at}\n    recorded: {_short(self.recorded)}\n    ours:     {_short(self.ours)}"
        )


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def differences(recorded: dict[str, Any], ours: dict[str, Any]) -> list[Difference]:
    found: list[Difference] = []
    stopped = _events(recorded.get("events", []), ours.get("events", []), found)
    if not found and recorded.get("ordered") and ours.get("ordered"):
        _order(recorded["events"], ours["events"], found)
    streams = [(each, recorded.get(each, []), ours.get(each, [])) for each in ("warnings", "loop")]
    logs = zip(_logs(recorded.get("logs", [])), _logs(ours.get("logs", [])), strict=True)
    for stream, theirs, mine in (*(("logs", *each) for each in logs), *streams):
        _sequences(stream, theirs, mine, found, stopped)
    return found


def _logs(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the records other than AMQP replies, and those, which a task of its own may write."""
    return (
        [line for line in lines if AMQP_REPLY not in line],
        [line for line in lines if AMQP_REPLY in line],
    )


def _events(recorded: list[Any], ours: list[Any], found: list[Difference]) -> bool:
    """Compare the events of each label; return whether only one of them went on somewhere."""
    stopped = False
    for label in dict.fromkeys([label for label, _ in recorded] + [label for label, _ in ours]):
        theirs = [value for name, value in recorded if name == label]
        mine = [value for name, value in ours if name == label]
        if stopped and not (theirs and mine):
            continue  # follows from the error that only one of them has
        if len(theirs) == len(mine):
            for number, pair in enumerate(zip(theirs, mine, strict=True)):
                _values(label if len(theirs) == 1 else f"{label}#{number}", *pair, found)
        else:
            works = len(theirs) == 1 and not mine and _is_slip(theirs[0])
            if works:  # without a value to note, as calls are that are quiet
                _values(label, theirs[0], NOTHING, found)
            else:
                _sequences(label, theirs, mine, found, stopped)
            stopped = stopped or _is_error(theirs, mine) or _is_error(mine, theirs)
    return stopped or any(difference.at.endswith("/works") for difference in found)


def _order(recorded: list[Any], ours: list[Any], found: list[Difference]) -> None:
    # What begins with ~ comes through a socket, when it comes.
    orders = [[label for label, _ in each if label[0] != "~"] for each in (recorded, ours)]
    if orders[0] != orders[1]:
        found.append(Difference("order", *orders))


def _is_error(values: list[Any], others: list[Any]) -> bool:
    return not others and any(isinstance(value, dict) and "raised" in value for value in values)


def _values(at: str, recorded: Any, ours: Any, found: list[Difference]) -> None:
    both = isinstance(recorded, dict) and isinstance(ours, dict)
    if both and "raised" in recorded and "raised" in ours:
        _errors(at, recorded, ours, found)
    elif both and "raised" not in recorded and "raised" not in ours:
        for key in dict.fromkeys([*recorded, *ours]):
            if at.endswith("has") and key not in recorded:
                continue  # more is no difference
            _values(f"{at}/{key}", recorded.get(key, NOTHING), ours.get(key, NOTHING), found)
        if recorded == ours and list(recorded) != list(ours):
            found.append(Difference(f"{at}/order", list(recorded), list(ours)))
    elif isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
        for number, pair in enumerate(zip(recorded, ours, strict=True)):
            _values(f"{at}/{number}", *pair, found)
    elif _is_slip(recorded) and not (isinstance(ours, dict) and "raised" in ours):
        found.append(Difference(f"{at}/works", recorded, ours))
    elif recorded == "<no attribute>":
        pass  # more is no difference
    elif type(recorded) is not type(ours) or recorded != ours:
        found.append(Difference(at, recorded, ours))


def _is_slip(value: Any) -> bool:
    """Whether it is an error that nobody raised on purpose."""
    if not isinstance(value, dict) or "raised" not in value:
        return False
    if value["raised"] == "AssertionError" and not value["text"]:
        return True
    return value["raised"] in SLIPS or value["text"].startswith(SLIP_TEXTS)


def _errors(at: str, recorded: dict[str, Any], ours: dict[str, Any], found: list[Any]) -> None:
    """Compare errors: ours may be of more classes, which catches what was caught."""
    classes = {ours["raised"], *ours["bases"]}
    if _is_slip(recorded):
        if recorded["raised"] == ours["raised"]:
            return  # the text is Python's
        # A TypeError of ours can be on purpose.
        if recorded["raised"] not in classes and ours["raised"] not in set(SLIPS) - {"TypeError"}:
            found.append(Difference(f"{at}/refused", recorded, ours))
            return
    if not {recorded["raised"], *recorded["bases"]} <= classes:
        theirs = [recorded["raised"], *recorded["bases"]]
        found.append(Difference(f"{at}/class", theirs, [ours["raised"], *ours["bases"]]))
    if recorded["text"] and recorded["text"] != ours["text"]:
        found.append(Difference(f"{at}/error text", recorded["text"], ours["text"]))


def _sequences(
    at: str, recorded: list[Any], ours: list[Any], found: list[Difference], stopped: bool = False
) -> None:
    theirs, mine = [_short(item) for item in recorded], [_short(item) for item in ours]
    matcher = difflib.SequenceMatcher(None, theirs, mine, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            continue
        if k == m and all(map(_is_slip, recorded[i:j])):
            found.append(Difference(f"{at}/works", recorded[i:j], NOTHING))
        elif i == j or k == m or j - i != m - k:
            if stopped:
                continue  # follows from the error that only one of them has
            found.append(Difference(at, recorded[i:j] or NOTHING, ours[k:m] or NOTHING))
        else:
            for number in range(j - i):
                _values(f"{at}#{i + number}", recorded[i + number], ours[k + number], found)


@dataclasses.dataclass(frozen=True)
class Accepted:
    """A difference that is better: patterns of scenarios and of places, and why."""

    scenarios: str
    at: str
    reason: str
    migration: str

    def applies_to(self, scenario: str) -> bool:
        return _matches(scenario, self.scenarios)

    def covers(self, scenario: str, difference: Difference) -> bool:
        return self.applies_to(scenario) and _matches(difference.at, self.at)


def _matches(name: str, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split())


def accepted() -> list[Accepted]:
    lines = tomllib.loads(ACCEPTED.read_text())["accepted"] if ACCEPTED.exists() else []
    return [Accepted(**line) for line in lines]
