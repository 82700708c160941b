"""The parameters of a subscription."""

from __future__ import annotations

from typing import Any

import pytest

from clu._watch.sampling import STRATEGIES, Sampling
from clu.exceptions import CluTypeError, CluValueError


@pytest.mark.parametrize(
    ("parameters", "strategy"),
    [
        ({}, "auto"),
        ({"period": 1}, "period"),
        ({"delta": 0}, "differential"),
        ({"min": 0.1}, "event-rate"),
        ({"max": 5}, "event-rate"),
        ({"delta": 0.1, "min": 0.1, "max": 5}, "differential-rate"),
        ({"delta": 0.1, "max": 5}, "differential-rate"),
    ],
)
def test_the_strategy_is_the_one_that_takes_the_parameters(
    parameters: dict[str, float], strategy: str
) -> None:
    assert Sampling(**parameters).strategy == strategy
    assert Sampling(strategy, **parameters).strategy == strategy
    assert Sampling(**parameters).machine() is not Sampling(**parameters).machine()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"strategy": "differental"}, "There is no strategy 'differental'. Did you mean diff"),
        ({"strategy": "EVENT"}, "There is no strategy 'EVENT'. Did you mean event"),
        ({"strategy": "xyz"}, f"'xyz'. There are {', '.join(STRATEGIES)}."),
        ({"strategy": ""}, "There is no strategy ''."),
        ({"strategy": "event", "delta": 1}, "The strategy event takes no parameters, and no delta"),
        ({"strategy": "differential", "delta": 1, "min": 1}, "differential takes only delta, and"),
        ({"strategy": "differential"}, "The strategy differential needs delta."),
        ({"strategy": "differential-rate", "min": 1}, "differential-rate needs delta."),
        ({"strategy": "differential-rate", "delta": 1}, "needs min, max or both."),
        ({"strategy": "event-rate"}, "The strategy event-rate needs min, max or both."),
        ({"strategy": "period"}, "The strategy period needs period."),
        ({"period": 1, "delta": 1}, "The strategy period takes only period, and no delta."),
        ({"period": 0}, "period must be at least 0.001 s, not 0."),
        ({"max": 1e-9}, "max must be at least 0.001 s, not 1e-09."),
        ({"min": 2, "max": 1}, r"min \(2\) must not be more than max \(1\)."),
        ({"delta": -1}, "delta must be a number that is not negative, not -1."),
        ({"delta": float("nan")}, "delta must be a number that is not negative, not nan."),
        ({"max": float("inf")}, "max must be a number that is not negative, not inf."),
    ],
)
def test_what_makes_no_sense_is_an_error_that_names_it(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(CluValueError, match=message):
        Sampling(**parameters)


@pytest.mark.parametrize("wrong", ["1", True, [1]])
def test_a_parameter_must_be_a_number(wrong: Any) -> None:
    with pytest.raises(CluTypeError, match="min must be a number, not "):
        Sampling(min=wrong)
    with pytest.raises(CluTypeError, match="strategy must be the name of a strategy, not 5"):
        Sampling(5)  # type: ignore[arg-type]


def test_it_shows_what_was_given() -> None:
    assert repr(Sampling(delta=0.1, max=5)) == "Sampling('differential-rate', delta=0.1, max=5)"
