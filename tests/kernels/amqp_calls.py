"""Calls everything in a build of the AMQP codec with what it is not made for: amqp_calls.py BUILD.

It prints what came of each call. That it gets to its end is what a test wants to know.
"""

from __future__ import annotations

import datetime
import gc
import importlib
import inspect
import itertools
import json
import re
import sys
from typing import Any

#: A heartbeat, which is forwarded, and the end of a channel, which is told.
STREAM = bytes.fromhex("08000000000000ce 0100010000000400140029ce")


class Odd:
    """An object that can do nothing."""

    def __repr__(self) -> str:
        return "Odd()"


class Index:
    def __index__(self) -> int:
        raise KeyError("index")


def odd_values() -> list[Any]:
    return [
        *(None, Odd(), Odd, Index(), True, 0, 1, -1, 2**16, 2**31, 2**63, 2**64, -(2**70), 1.5),
        *("", "x", "\ud800", "ä" * 200, b"", b"x", b"A", b"\x01" * 20, bytearray(b"x")),
        *(memoryview(b"x"), [], {}, {1: 2}, {"k": Odd()}, {b"t": None}, (), int, print, ValueError),
    ]


def deep() -> dict[str, Any]:
    table: dict[str, Any] = {}
    for _ in range(100):
        table = {"t": [table]}
    return table


class Calls:
    """Makes calls, and notes what came of them."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.outcomes: list[str] = []

    def call(self, name: str, function: Any, *arguments: Any) -> Any:
        try:
            value = function(*arguments)
        except Exception as error:
            outcome = type(error).__name__
            value = None
        else:
            outcome = "done"
        shown = re.sub("<.*?>", "<object>", repr(arguments))
        self.outcomes.append(f"{name}{shown:.200}: {outcome}")
        return value

    def vary(self, name: str, function: Any, valid: list[Any]) -> None:
        """Call a function with odd values in every place, and too few and too many of them."""
        self.call(name, function, *valid)
        for place, odd in itertools.product(range(len(valid)), odd_values()):
            self.call(name, function, *valid[:place], odd, *valid[place + 1 :])
        for odd in odd_values():
            self.call(name, function, *[odd] * len(valid))
        self.call(name, function)
        self.call(name, function, *valid[:-1])
        self.call(name, function, *valid, None)


def nothing(*arguments: Any) -> None:
    pass


def splitter_arguments(kernel: Any) -> list[Any]:
    return [nothing, kernel.Delivery, {b"ours": nothing}, nothing, nothing, nothing]


def message(encoded: bytes) -> bytes:
    """Return a delivery, from what publishes it."""
    method = bytes.fromhex("003c003c") + b"\x04ours" + bytes(8) + b"\x00\x01e\x01k"
    skip = 8 + int.from_bytes(encoded[3:7], "big")
    return b"\x01\x00\x01" + len(method).to_bytes(4, "big") + method + b"\xce" + encoded[skip:]


FILL = [1, "e", "k", b"{}", {"a": "b"}, "t", 1, "m", "c", "r", 5]
ENCODE = [1, 4096, "k", b"{}", {"a": "b", "c": [1, {"d": None}]}, "m", "c", "r", 5, False]


def everything(kernel: Any, calls: Calls) -> None:
    encoded = kernel.Publisher("e", "t").encode(*ENCODE)
    delivery = message(encoded)
    valid = {
        "Delivery": [],
        "FrameError": ["reason"],
        "PropertiesError": ["reason"],
        "Publisher": ["e", "t"],
        "Splitter": splitter_arguments(kernel),
        "encode_ack": [1, 5],
        "has_long_number": [b"1" * 19],
    }
    methods = {"Publisher": {"encode": ENCODE}, "Splitter": {"feed": [delivery]}}
    # They set attributes, which are not checked in the interpreted build.
    setters = {"Delivery": {"_fill": FILL, "_address": [1, 5, False, "ours"]}}
    found = {
        name: value
        for name, value in vars(kernel).items()
        if callable(value) and getattr(value, "__module__", None) == kernel.__name__
    }
    public = {name for name in found if not name.startswith("_")}
    assert public == set(valid), public ^ set(valid)
    for name in sorted(valid):
        calls.vary(name, found[name], valid[name])
    for name in sorted(set(found) - public):  # what is nobody's is safe as well
        for odd in odd_values():
            function(found[name], odd)
    for name, value in sorted(found.items()):
        if not inspect.isclass(value) or issubclass(value, Exception):
            continue
        noted = calls if name in public else Calls(kernel)  # the builds differ in what is private
        calls_of_class(noted, name, value, valid.get(name, []), methods.get(name, {}))
        calls_of_class(Calls(kernel), name, value, valid.get(name, []), setters.get(name, {}))
    for name, own in methods.items():
        has = {each for each in dir(found[name]) if not each.startswith("_")}
        has = {each for each in has if callable(getattr(found[name], each))}
        assert has == set(own), has


def function(value: Any, odd: Any) -> None:
    for arguments in ((), (odd,), (odd, odd), (odd, odd, odd)):
        try:
            value(*arguments)
        except Exception:
            continue


def calls_of_class(
    calls: Calls, name: str, value: Any, valid: list[Any], methods: dict[str, list[Any]]
) -> None:
    empty = calls.call(f"{name}.__new__", value.__new__, value)
    for method, arguments in methods.items():
        if empty is not None:
            calls.call(f"{name}.{method}", getattr(value, method), empty, *arguments)
        for odd in odd_values():
            calls.call(f"unbound {name}.{method}", getattr(value, method), odd, *arguments)
        calls.vary(f"{name}.{method}", _on_new(value, valid, method), arguments)
        used = value(*valid)
        calls.vary(f"the same {name}.{method}", getattr(used, method), arguments)
    # Dunder methods too: pickling, copying and comparing make objects past the constructor.
    # Attributes are not checked in the interpreted build: that it goes on is enough.
    for attribute in dir(value):
        if attribute in ("__class__", "__doc__", "__init_subclass__", "__subclasshook__"):
            continue
        for odd in odd_values():
            try:
                used = value(*valid)
                own = getattr(used, attribute)
                if attribute.startswith("__"):
                    function(own, odd)
                else:
                    setattr(used, attribute, odd)
            except Exception:
                pass
            else:
                after(used, methods)
        try:
            used = value(*valid)
            delattr(used, attribute)
        except Exception:
            continue
        after(used, methods)


def _on_new(value: Any, valid: list[Any], method: str) -> Any:
    return lambda *arguments: getattr(value(*valid), method)(*arguments)


def after(used: Any, methods: dict[str, list[Any]]) -> None:
    """Use an object that somebody has changed."""
    for each in dir(used):
        try:
            repr(getattr(used, each))
        except Exception:
            continue
    for method, arguments in methods.items():
        for _ in range(2):
            try:
                getattr(used, method)(*arguments)
            except Exception:
                continue


def classes_of_others(kernel: Any, calls: Calls) -> None:
    """Use what users derive from the classes, and what calls back in the middle."""
    encoded = kernel.Publisher("e", "t").encode(*ENCODE)
    delivery = message(encoded)

    def split(name: str, made: Any) -> None:
        class Message(kernel.Delivery):  # type: ignore[misc, name-defined]
            def __new__(cls) -> Any:
                return made(cls)

        arguments = splitter_arguments(kernel)
        arguments[1] = Message
        nonlocal splitter
        splitter = kernel.Splitter(*arguments)
        calls.call(name, splitter.feed, delivery)
        calls.call(name, splitter.feed, b"")

    splitter: Any = None
    split("no message", lambda cls: None)
    split("another object", lambda cls: Odd())
    split("a message", lambda cls: kernel.Delivery.__new__(cls))
    split("fed by a class", lambda cls: splitter.feed(delivery))

    def again(*rest: Any) -> None:
        splitter.feed(delivery)

    for place in (0, 2, 3, 4, 5):
        arguments = splitter_arguments(kernel)
        arguments[place] = {b"ours": again} if place == 2 else again
        splitter = kernel.Splitter(*arguments)
        calls.call("fed by a function", splitter.feed, STREAM + delivery)

    publisher = kernel.Publisher("e", "t")

    class Table(dict[str, Any]):
        def items(self) -> Any:
            for number in range(3):
                publisher.encode(1, 0, "k" * 200, b"x" * 5000, {"a": "b" * 5000}, *[None] * 4, 1)
                yield f"key {number}", "v" * number

    class Time(datetime.datetime):
        def timestamp(self) -> float:
            publisher.encode(1, 0, "k", b"", {"a": "b" * 50000}, *[None] * 4, 1)
            return 5.0

    class Growing(dict[str, Any]):
        def items(self) -> Any:
            return [("a",), (1, 2, 3), None]

    for headers in (Table(), {"t": Table()}, {"t": Time(2024, 5, 6)}, Growing(), deep()):
        encode = publisher.encode
        frames = calls.call(
            f"called back by {type(headers).__name__}",
            encode,
            1,
            0,
            "k",
            b"",
            headers,
            *[None] * 4,
            1,
        )
        if frames is not None:
            calls.outcomes.append(frames.hex())


def main(build: str) -> None:
    kernel = importlib.import_module(f"clu._speedups.amqp_{build}")
    calls = Calls(kernel)
    everything(kernel, calls)
    classes_of_others(kernel, calls)
    gc.collect()
    print(json.dumps(calls.outcomes))


if __name__ == "__main__":
    main(sys.argv[1])
