"""The record of the keywords that an actor has output."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from clu import MessageCode
from clu.store import KeywordOutput, KeywordStore

from .test_base import Collector


@pytest.fixture
def actor() -> Collector:
    return Collector(additional_properties=True, store=True)


def values(outputs: list[KeywordOutput]) -> list[Any]:
    return [output.value for output in outputs]


def test_each_output_of_a_keyword_is_kept(actor: Collector) -> None:
    before = datetime.datetime.now()
    actor.write("i", a=1, b="x")
    actor.write("w", a=2)
    assert isinstance(actor.store, KeywordStore)
    assert actor.store.name == "collector"
    assert actor.store.actor is actor
    assert [values(actor.store["a"]), values(actor.store["b"])] == [[1, 2], ["x"]]
    first, second = actor.store["a"]
    assert (first.name, first.message_code) == ("a", MessageCode.INFO)
    assert second.message_code is MessageCode.WARNING
    assert before <= first.date <= second.date <= datetime.datetime.now()


def test_head_and_tail_are_the_first_and_last_outputs(actor: Collector) -> None:
    for number in range(5):
        actor.write("i", a=number)
    store = actor.store
    assert store is not None
    assert values(store.head("a")) == [0]
    assert values(store.head("a", 3)) == [0, 1, 2]
    assert values(store.tail("a")) == [4]
    assert values(store.tail("a", 2)) == [3, 4]
    assert values(store.tail("a", 10)) == values(store.head("a", 10)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("number", [0, -1])
def test_no_outputs_are_none(actor: Collector, number: int) -> None:
    actor.write("i", a=1)
    assert actor.store is not None
    assert actor.store.head("a", number) == actor.store.tail("a", number) == []


def test_a_question_about_an_unknown_keyword_leaves_no_trace(actor: Collector) -> None:
    store = actor.store
    assert store is not None
    assert store.head("a") == store.tail("a") == []
    assert "a" not in store
    assert store["a"] == []


def test_only_the_keywords_asked_for_are_kept() -> None:
    actor = Collector(additional_properties=True, store=["b"])
    actor.write("i", a=1, b=2)
    assert actor.store is not None
    assert set(actor.store) == {"b"}
    assert actor.store.filter == ["b"]


@pytest.mark.parametrize(("store", "kept"), [(None, ["a", "b"]), ([], []), (("a",), ["a"])])
def test_all_but_false_and_nothing_to_keep_make_a_store(store: Any, kept: list[str]) -> None:
    actor = Collector(additional_properties=True, store=store)
    assert isinstance(actor.store, KeywordStore)
    assert actor.store.filter is store
    actor.write("i", a=1, b=2)
    assert list(actor.store) == kept


@pytest.mark.parametrize("store", [False, 0])
def test_nothing_to_keep_is_no_store(store: Any) -> None:
    assert Collector(store=store).store is None
