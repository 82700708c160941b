"""Schemas, messages and hub lines, the same for every build.

Everything comes in ``VARIANTS`` versions that differ in their values, so that a build which
remembers its last answer does not become faster by it.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

VARIANTS = 64

_NUMBER = {"type": "number"}
_NUMBERS = {"type": "array", "items": _NUMBER}
_CONTROLLER = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "voltage": _NUMBER, "online": {"type": "boolean"}},
    "required": ["name"],
    "additionalProperties": False,
}

PROPERTIES: dict[str, dict[str, Any]] = {
    "temperature": _NUMBER,
    "frame": {"type": "integer", "minimum": 0},
    "exposure_state": {"type": "string", "enum": ["idle", "exposing", "reading", "failed"]},
    "position": {"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3},
    "controller": _CONTROLLER,
    "humidity": {"type": "number", "minimum": 0, "maximum": 100},
    "pressure": {"type": ["number", "null"]},
    "filename": {"type": "string", "maxLength": 256},
    "shutter": {"type": "boolean"},
    "alerts": {"type": "array", "items": {"type": "string"}},
    "pair": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]},
    "focus": {"oneOf": [_NUMBER, {"type": "string"}]},
    **{f"sensor_{index}": _NUMBER for index in range(6)},
    **{f"counter_{index}": {"type": "integer"} for index in range(4)},
    **{f"label_{index}": {"type": "string"} for index in range(4)},
    **{f"profile_{index}": _NUMBERS for index in range(2)},
    **{f"lamp_{index}": {"type": "boolean"} for index in range(2)},
}


def schema(keywords: int = 30) -> dict[str, Any]:
    """An actor schema with this many keywords; the first 30 are those of `PROPERTIES`."""
    extra = {f"extra_{index}": _NUMBER for index in range(keywords - len(PROPERTIES))}
    return {"type": "object", "properties": PROPERTIES | extra, "additionalProperties": False}


def bundle(keywords: int = 30) -> dict[str, Any]:
    """The same keywords in a schema of its own, which has an identity: no tree expresses that."""
    keywords_of_actor = {**schema(keywords), "$id": "https://example.org/keywords"}
    return {
        "$ref": "https://example.org/keywords",
        "definitions": {"keywords": keywords_of_actor},
    }


def message(index: int = 0) -> dict[str, Any]:
    """A reply of five keywords that `schema` accepts."""
    return {
        "temperature": -110.25 + index / 8,
        "frame": 20_000 + index,
        "exposure_state": ("idle", "exposing", "reading", "failed")[index % 4],
        "position": [index / 4, 640.5, -0.125],
        "controller": {"name": f"sp{index % 3}", "voltage": 3.25 + index, "online": index % 2 == 0},
    }


def message_text(index: int = 0) -> str:
    """What a legacy actor sends for `message`, after the header."""
    values = message(index)
    position = ",".join(str(value) for value in values["position"])
    controller = values["controller"]
    online = "T" if controller["online"] else "F"
    return (
        f"temperature={values['temperature']}; frame={values['frame']}; "
        f"exposure_state={values['exposure_state']}; position={position}; "
        f"controller={controller['name']},{controller['voltage']},{online}"
    )


def bad_message(index: int = 0) -> dict[str, Any]:
    """A reply that `schema` rejects at its last keyword."""
    return message(index) | {"controller": {"voltage": index}}


def long_line(index: int = 0) -> str:
    """A hub reply of 300 characters."""
    line = (
        f"APO.Jane_Doe.sop {100 + index} boss i exposureState=EXPOSING,{900 + index}.0,12.5; "
        f"exposureId={300000 + index}; SP1Temps=-98.125,-110.{100 + index},20.5,18.75; "
        "ionpump=1,-6.52,-6.48; BeginExposure=59123.25,2020-09-30T10:11:12.123; "
        'text="exposure started by the observer, 2 of 4"; nextExposure; cameras=b1,r1,b2,r2; '
        "checksum="
    )
    return line + "5" * (300 - len(line))


def short_line(index: int = 0) -> str:
    """A hub reply of 45 characters."""
    return f".mcp 0 mcp i axis_pos={100 + index}.5,33.25,0.0; fan=on"


def hub_line(index: int = 0, keys: int = 300) -> str:
    """A hub reply of five typed keywords spread over a dictionary of ``keys`` keys."""
    values = (f"{index}.5,2.25,-3.125", f'"state {index}"', str(index), "Moving", "T")
    names = (5 * round(step * (keys / 5 - 1) / 4) + step for step in range(5))
    keywords = "; ".join(f"key{name}={value}" for name, value in zip(names, values, strict=True))
    return f".bench 0 bench i {keywords}"


def rotate(make: Callable[[int], Any]) -> Callable[[], Any]:
    """Return a function that returns the variants of an input, one after the other."""
    return cycle([make(index) for index in range(VARIANTS)]).__next__
