"""The model kernel: what a message says ends up in the properties, and who listens hears of it."""

from __future__ import annotations

import functools
from collections import OrderedDict
from time import time
from typing import Any

import pytest


def make_model(kernel: Any, **keywords: Any) -> Any:
    """Return a model whose properties are of the kernel's kind."""

    class Keyword(KeywordMethods, kernel.PropertyFields):  # type: ignore[misc, name-defined]
        pass

    return Keywords(Keyword, keywords)


class KeywordMethods:
    def __init__(self, value: Any = None) -> None:
        self._value = value
        self.last_seen: float | None = None
        self._callbacks: list[Any] = []
        self.notified: list[Any] = []

    def copy(self) -> Any:
        return ("copy", self._value)

    def notify(self, *args: Any) -> None:
        self.notified.append(args)


class Keywords(dict[str, Any]):
    def __init__(self, kind: type[Any], keywords: dict[str, Any]) -> None:
        super().__init__({name: kind(value) for name, value in keywords.items()})
        self.kind = kind
        self.last_seen: float | None = None
        self._callbacks: list[Any] = []
        self._known: dict[str, Any] = {}
        self.notified: list[Any] = []

    def _find(self, name: str) -> Any:
        return self.setdefault(name.lower(), self.kind())

    def flatten(self) -> dict[str, Any]:
        return {name: keyword._value for name, keyword in self.items()}

    def notify(self, *args: Any) -> None:
        self.notified.append(args)


def test_values_and_times_are_stored(kernel: Any) -> None:
    model = make_model(kernel, a=1, b=2)
    before = time()
    kernel.update_properties(model, OrderedDict(a=[1], NEW="x"))
    assert model.flatten() == {"a": [1], "b": 2, "new": "x"}
    assert before <= model.last_seen <= time()
    seen = model.last_seen
    assert [keyword.last_seen for keyword in model.values()] == [seen, None, seen]


def test_dictionaries_are_merged_into_new_ones(kernel: Any) -> None:
    old, new = {"x": 1, "y": 2}, {"y": 3}
    model = make_model(kernel, a=old, b=None, c=4)
    kernel.update_properties(model, {"a": new, "b": new, "c": OrderedDict(z=1)})
    assert model.flatten() == {"a": {"x": 1, "y": 3}, "b": {"y": 3}, "c": {"z": 1}}
    assert (old, new) == ({"x": 1, "y": 2}, {"y": 3})
    assert model["b"]._value is not new


def test_only_who_listens_is_notified_and_of_each_keyword(kernel: Any) -> None:
    model = make_model(kernel, a=1, b=2)
    kernel.update_properties(model, {"a": 3})
    assert not model.notified
    assert not model["a"].notified
    model._callbacks = model["b"]._callbacks = [print]
    kernel.update_properties(model, {"a": 4, "b": 5})
    assert model.notified == [
        ({"a": 4, "b": 2}, ("copy", 4)),
        ({"a": 4, "b": 5}, ("copy", 5)),
    ]
    assert not model["a"].notified
    assert model["b"].notified == [(("copy", 5),)]


def test_values_are_those_that_properties_show(kernel: Any) -> None:
    model = make_model(kernel, a=1, b=[2])
    model["c"] = type("Own", (model.kind,), {"value": "shown"})()
    assert kernel.values_of(model, model.kind) == {"a": 1, "b": [2], "c": "shown"}
    assert list(kernel.values_of(model, model.kind)) == ["a", "b", "c"]


def test_a_copy_has_the_fields_but_not_the_callbacks(kernel: Any) -> None:
    class Keyword(kernel.PropertyFields):  # type: ignore[misc, name-defined]
        pass

    keyword, value = Keyword(), [1]
    keyword.name, keyword._value, keyword.last_seen = "a", value, 5.0
    keyword.model, keyword.in_schema = "model", False
    keyword._callbacks, keyword._running = [print], [None]
    twin = keyword._copied(Keyword)
    assert type(twin) is Keyword
    assert (twin.name, twin.last_seen, twin.model, twin.in_schema) == ("a", 5.0, "model", False)
    assert twin._value is value
    assert twin._callbacks == twin._running == []
    twin._callbacks.append(None)
    assert keyword._callbacks == [print]


# -- callbacks ------------------------------------------------------------------------------


class Takers:
    def none(self) -> tuple[Any, ...]:
        return ()

    def one(self, first: Any) -> tuple[Any, ...]:
        return (first,)

    def optional(self, first: Any, second: Any = 0, *, third: Any = 0) -> tuple[Any, ...]:
        return first, second, third

    def any_number(self, *args: Any) -> tuple[Any, ...]:
        return args

    @staticmethod
    def static(first: Any) -> tuple[Any, ...]:
        return (first,)


def caller(kernel: Any, capacity: int | None = None) -> tuple[Any, list[Any]]:
    reported: list[Any] = []
    made = kernel.Caller(lambda callback: capacity, lambda *what: reported.append(what))
    return made, reported


def test_a_function_gets_as_many_arguments_as_it_accepts(kernel: Any) -> None:
    takers, (made, reported) = Takers(), caller(kernel, capacity=0)
    for callback, result in (
        *((takers.none, ()), (takers.one, (1,)), (takers.optional, (1, 2, 0))),
        *((takers.any_number, (1, 2, 3)), (Takers.static, (1,)), (takers.static, (1,))),
        *((lambda: (), ()), (lambda a, b=7: (a, b), (1, 2))),
    ):
        assert made.call(callback, (1, 2, 3)) == result
    assert made.call(takers.optional, (1,)) == (1, 0, 0)
    assert made.call(takers.any_number, ()) == ()
    assert reported == []


def test_what_is_no_plain_function_is_looked_at_by_others(kernel: Any) -> None:
    def marked(*args: Any) -> Any:
        return args

    marked.note = "it may have another signature"  # type: ignore[attr-defined]
    for callback in (functools.partial(Takers().any_number), marked, Takers().any_number.__call__):
        for capacity in (0, 2):
            assert caller(kernel, capacity)[0].call(callback, (1, 2, 3)) == (1, 2, 3)[:capacity]
        assert caller(kernel)[0].call(callback, (1, 2, 3)) == (1, 2, 3)


def test_an_error_is_reported_and_an_interruption_is_not(kernel: Any) -> None:
    def fail(error: BaseException) -> None:
        raise error

    made, reported = caller(kernel)
    for error in (ValueError("no"), SystemExit(1), TypeError("another")):
        assert made.call(fail, (error, "not taken")) is None
        assert reported.pop() == (fail, error)
    assert made.call(Takers().one, ()) is None
    assert isinstance(reported.pop()[1], TypeError)
    with pytest.raises(KeyboardInterrupt):
        made.call(fail, (KeyboardInterrupt(),))
    assert reported == []
