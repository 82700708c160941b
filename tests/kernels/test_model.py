"""The model kernel: what a message says ends up in the properties, and who listens hears of it."""

from __future__ import annotations

from collections import OrderedDict
from time import time
from typing import Any


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
