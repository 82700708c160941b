"""The status kernel: tests on mask bits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu._speedups import status_py

MASKS = st.integers(0, 2**40)


@pytest.mark.parametrize(
    ("value", "mask", "within"),
    [
        (1, 1, True),
        (1, 3, True),
        (3, 1, False),
        (0, 1, True),
        (4, 3, False),
        (2**40, 2**41 - 1, True),
    ],
)
def test_is_within_needs_every_bit_in_the_mask(
    kernel: Any, value: int, mask: int, within: bool
) -> None:
    assert kernel.is_within(value, mask) is within


@pytest.mark.parametrize(
    ("value", "combines"), [(0, True), (1, False), (2, False), (3, True), (2**40, False)]
)
def test_a_combination_has_not_exactly_one_bit(kernel: Any, value: int, combines: bool) -> None:
    assert kernel.is_combination(value) is combines


def test_active_bits_are_single_bits_in_order_of_definition(kernel: Any) -> None:
    members = [(4, "four"), (1, "one"), (5, "both"), (2, "two"), (0, "none")]
    assert kernel.active_bits(5, members) == ["four", "one"]
    assert kernel.active_bits(0, members) == []


@given(MASKS, MASKS)
def test_both_builds_agree(kernel: Any, value: int, mask: int) -> None:
    members = [(1 << bit, bit) for bit in range(42)] + [(mask, "mask")]
    assert kernel.is_within(value, mask) is status_py.is_within(value, mask)
    assert kernel.is_within(value, mask) is ((value | mask) == mask)
    assert kernel.is_combination(value) is (bin(value).count("1") != 1)
    assert kernel.active_bits(value, members) == status_py.active_bits(value, members)
