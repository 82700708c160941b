"""Selects the build of the status kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups.status_py import active_bits, is_combination, is_within
else:
    try:
        from clu._speedups.status_c import active_bits, is_combination, is_within
    except ImportError:
        from clu._speedups.status_py import active_bits, is_combination, is_within

__all__ = ["active_bits", "is_combination", "is_within"]
