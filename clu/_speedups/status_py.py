"""Status kernel: tests on mask bits, the source of both builds.

Values are plain ints: the kernel does not depend on ``enum``.
"""

from __future__ import annotations


def is_within(value: int, mask: int) -> bool:
    """Whether ``mask`` has all the bits of ``value``."""
    return (value & ~mask) == 0


def is_combination(value: int) -> bool:
    """Whether ``value`` has more than one bit set (or none)."""
    return value == 0 or (value & (value - 1)) != 0


def active_bits(value: int, members: list[tuple[int, object]]) -> list[object]:
    """Select the single-bit members that are set in ``value``.

    Parameters
    ----------
    value
        The mask.
    members
        Pairs of a member's value and the member, in order of definition.
    """
    found: list[object] = []
    for bit, member in members:
        if not is_combination(bit) and (value & bit) != 0:
            found.append(member)
    return found
