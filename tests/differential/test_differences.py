"""What counts as a difference between two transcripts."""

from __future__ import annotations

from typing import Any

import pytest

from .differences import Accepted, Difference, differences


def transcript(*events: Any, ordered: bool = True, **streams: Any) -> dict[str, Any]:
    return {"events": [list(event) for event in events], "ordered": ordered, **streams}


def error(name: str, *bases: str, text: str = "") -> dict[str, Any]:
    return {"raised": name, "bases": list(bases), "text": text}


def places(recorded: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    return [difference.at for difference in differences(recorded, ours)]


def test_the_same_is_no_difference() -> None:
    one = transcript(("a", {"b": [1, "x"]}), ("c", None), logs=["x"], warnings=[], loop=[])
    assert differences(one, one) == []


@pytest.mark.parametrize(
    ("recorded", "ours", "at"),
    [
        (1, 2, "a"),
        (1, True, "a"),
        ({"b": {"c": 1}}, {"b": {"c": 2}}, "a/b/c"),
        ({"b": 1}, {}, "a/b"),
        ({}, {"b": 1}, "a/b"),
        ([1, 2], [1, 3], "a/1"),
        ([1], [1, 2], "a"),
        ({"b": 1, "c": 2}, {"c": 2, "b": 1}, "a/order"),
        (error("ValueError"), error("KeyError"), "a/class"),
        (error("ValueError", text="x"), error("ValueError", text="y"), "a/error text"),
        (error("TypeError"), 5, "a/works"),
        (error("RuntimeError", text="There is no active click context."), 5, "a/works"),
        (error("AttributeError"), error("CluTypeError", "CluError", "TypeError"), "a/refused"),
        (error("AttributeError"), error("TypeError", text="x must be a str"), "a/refused"),
        (
            error("TypeError", text="x"),
            error("CluTypeError", "TypeError", text="y"),
            "a/error text",
        ),
        (error("AssertionError"), 5, "a/works"),
        (error("AssertionError", text="x"), 5, "a"),
        (error("ValueError"), 5, "a"),
        (5, error("TypeError"), "a"),
    ],
)
def test_a_value_differs_at_its_place(recorded: Any, ours: Any, at: str) -> None:
    assert places(transcript(("a", recorded)), transcript(("a", ours))) == [at]


@pytest.mark.parametrize(
    ("recorded", "ours"),
    [
        (error("TypeError"), error("AttributeError")),
        (error("AttributeError"), error("IndexError")),
        (error("ValueError"), error("TypeError")),
    ],
)
def test_to_stumble_in_another_way_differs(recorded: Any, ours: Any) -> None:
    assert places(transcript(("a", recorded)), transcript(("a", ours)))[0] == "a/class"


def test_what_python_says_when_it_stumbles_is_no_difference() -> None:
    recorded = transcript(("a", error("TypeError", text="can only concatenate str")))
    ours = transcript(("a", error("TypeError", text="unsupported operand")))
    assert differences(recorded, ours) == []


def test_what_follows_from_the_error_of_one_is_no_difference_of_its_own() -> None:
    recorded = transcript(("x", 1), ("a", error("TypeError")), logs=["one"])
    ours = transcript(("x", 1), ("b", 3), logs=["one", "two"])
    assert places(recorded, ours) == ["a/works"]
    assert places(recorded, transcript(("x", 2), ("b", 3), logs=["two"])) == [
        *("x", "a/works", "logs#0"),  # what came before it, or instead, is compared
    ]
    assert places(recorded, transcript(("x", 1), ("a", 5), logs=["one", "two"])) == ["a/works"]


def test_the_log_has_replies_over_amqp_when_they_are_published() -> None:
    reply = 'act REPLY: {"headers": {}}'
    recorded, ours = transcript(logs=[reply, "a", "b"]), transcript(logs=["a", reply, "b"])
    assert differences(recorded, ours) == []
    assert places(transcript(logs=[reply, "a"]), transcript(logs=["a"])) == ["logs"]


def test_an_error_of_more_classes_is_no_difference() -> None:
    recorded = transcript(("a", error("ValueError", "Exception")))
    ours = transcript(("a", error("CluValueError", "CluError", "ValueError", "Exception")))
    assert differences(recorded, ours) == []


def test_an_error_that_says_why_is_no_difference() -> None:
    recorded = transcript(("a", error("AssertionError")))
    assert differences(recorded, transcript(("a", error("AssertionError", text="why")))) == []


def test_an_error_from_inside_that_the_loop_is_no_longer_told_works() -> None:
    recorded = transcript(loop=[error("AttributeError")])
    assert places(recorded, transcript(loop=[])) == ["loop/works"]
    assert places(transcript(loop=[]), recorded) == ["loop"]


def test_more_attributes_and_names_are_no_difference() -> None:
    recorded = transcript(("a.b", "<no attribute>"), ("has", {"x": "there"}))
    ours = transcript(("a.b", 5), ("has", {"x": "there", "y": "there"}))
    assert differences(recorded, ours) == []
    assert places(ours, recorded) == ["a.b", "has/y"]


def test_what_is_more_or_less_often_differs() -> None:
    recorded = transcript(("a", 1), ("a", 2), ("a", 3))
    ours = transcript(("a", 1), ("a", 3))
    assert differences(recorded, ours) == [Difference("a", [2], "<nothing>")]


def test_what_follows_from_an_error_is_not_told() -> None:
    recorded = transcript(("a", error("ValueError")))
    ours = transcript(("b", 1), ("c", 2))
    assert places(recorded, ours) == ["a"]


def test_the_order_counts_in_one_process_only() -> None:
    events = [("a", 1), ("b", 2), ("~c", 3)]
    assert places(transcript(*events), transcript(*reversed(events))) == ["order"]
    assert places(transcript(*events), transcript(events[2], *events[:2])) == []
    others = transcript(*reversed(events), ordered=False)
    assert places(transcript(*events, ordered=False), others) == []


def test_records_warnings_and_loop_errors_count() -> None:
    for stream in ("logs", "warnings", "loop"):
        assert places(transcript(**{stream: ["x"]}), transcript(**{stream: []})) == [stream]


def test_a_rule_covers_its_scenarios_and_places() -> None:
    rule = Accepted("write.* tools.*", "*/works logs", "better", "a line")
    assert rule.covers("write.json.x", Difference("a/works", 1, 2))
    assert rule.covers("tools.x", Difference("logs", 1, 2))
    assert not rule.covers("write.json.x", Difference("a", 1, 2))
    assert not rule.covers("click.x", Difference("logs", 1, 2))
