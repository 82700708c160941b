"""Expressions about a value: what they can do, and what they cannot."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu.cli.common.expression import Expression
from clu.exceptions import CluValueError


@pytest.mark.parametrize(
    ("text", "value", "is_true"),
    [
        ('value == "open"', "open", True),
        ("value != 'open'", "open", False),
        (" value > 3 ", 4, True),
        ("-5 <= value < -4.5", -5, True),
        ("value", 0, False),
        ("not value", [], True),
        ("value is null or value < 3", None, True),
        ("value is not None and value < 3", 2.5, True),
        ("value == true", True, True),
        ("value == false", 1, False),
        ('value in ["open", "opening"]', "opening", True),
        ("value not in (1, 2)", 3, True),
        ("value in {1, 2}", 2, True),
        ('"pen" in value', "open", True),
        ("value[0] > 1 and value[-1] < 5", [2, 3, 4], True),
        ("value[1:] == [3]", [2, 3], True),
        ("value[:-1] == [2]", [2, 3], True),
        ("value[::2] == [1, 3]", [1, 2, 3], True),
        ('value["lamp"]["on"]', {"lamp": {"on": True}}, True),
        ('"lamp" in value', {"lamp": 1}, True),
        ("abs(value - 5) < 0.1", 5.05, True),
        ("max(value) - min(value) > 3", [1, 5], True),
        ("len(value) == 2 and sum(value) == 6", [1, 5], True),
        ("round(value, 1) == 0.3", 0.1 + 0.2, True),
        ("value % 2 == 1 and value // 2 == 3 and value * 2 == 14 and value / 2 == 3.5", 7, True),
        ("+value == 7", 7, True),
        ("1 < value < 1 / 0", 1, False),
    ],
)
def test_it_is_true_or_false_for_a_value(text: str, value: Any, is_true: bool) -> None:
    assert Expression(text)(value) is is_true


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("value =", "'value =' is not an expression: invalid syntax."),
        ("value = 3", "'value = 3' is not an expression: invalid syntax. Use == to compare."),
        ("", "'' is not an expression: "),
        ("value > 3\nvalue", "is not an expression"),
        ("value\0", "is not an expression"),
        ("valu > 3", "There is no name 'valu' in expressions. Did you mean value?"),
        ("value == open", "There is no name 'open' in expressions. Put quotes around a string"),
        ("lenn(value)", "There is no function 'lenn' in expressions. Did you mean len?"),
        ("eval(value)", "There is no function 'eval' in expressions. There are abs, len"),
        ("value.real", "'value.real' is not possible in the expression"),
        ("value.append(3)", "'value.append(3)' is not possible"),
        ('__import__("os")', "There is no function '__import__'"),
        ("().__class__", "'().__class__' is not possible"),
        ("[x for x in value]", "is not possible"),
        ("lambda: 1", "'lambda: 1' is not possible"),
        ("value if value else 3", "is not possible"),
        ("f'{value}'", "is not possible"),
        ("(value := 3)", "is not possible"),
        ("value ** 2", "'value ** 2' is not possible"),
        ("value << 3", "'value << 3' is not possible"),
        ("~value", "'~value' is not possible"),
        ("max(value, key=len)", "is not possible"),
        ("max(*value)", "'*value' is not possible"),
        ("b'x' == value", "is not possible"),
        ("... == value", "is not possible"),
        ("{'a': value}", "is not possible"),
        ("len", "There is no name 'len'"),
        ("value " * 200, "The expression is longer than 1000 characters."),
    ],
)
def test_what_is_no_such_expression_is_an_error(text: str, message: str) -> None:
    with pytest.raises(CluValueError) as raised:
        Expression(text)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "nested", ["(" * 499 + "value" + ")" * 400, "-" * 990 + "value", "not " * 240 + "value"]
)
def test_what_is_nested_too_deeply_ends_nothing(nested: str) -> None:
    with contextlib.suppress(CluValueError):
        assert Expression(nested)(1) in (True, False)


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("value > 3", "closed", "'>' not supported between instances of 'str' and 'int'"),
        ("value[3]", [1], "list index out of range"),
        ('value["x"]', {}, "no 'x'"),
        ("value / 0", 1, "division by zero"),
        ("value * 1000000000", "x", "arithmetic with something that is not a number"),
        ("value % 3", "%1000000000d", "arithmetic with something that is not a number"),
        ("value + value", [1], "arithmetic with something that is not a number"),
        ("len(value) > 1", 5, "has no len()"),
        ("value in {[1]}", 5, ""),
    ],
)
def test_what_cannot_be_evaluated_names_the_value(text: str, value: Any, reason: str) -> None:
    expression = Expression(text)
    if not reason:
        assert expression(value) is False  # sets are lists here
        return
    with pytest.raises(CluValueError) as raised:
        expression(value)
    start = f"{text!r} cannot be evaluated for the value {value!r}: "
    assert str(raised.value).startswith(start)
    assert reason in str(raised.value)


@given(
    st.text(max_size=60) | st.from_regex(r"(value|len|\(|\)|\[|\]|[0-9.]| |==|<|and|or|not){1,20}")
)
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    try:
        expression = Expression(text)
        for value in (None, 3, "open", [1, 2], {"x": 1}):
            expression(value)
    except CluValueError:
        pass
