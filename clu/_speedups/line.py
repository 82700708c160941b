"""Selects the build of the line kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups import line_py as _kernel
else:
    try:
        from clu._speedups import line_c as _kernel
    except ImportError:
        from clu._speedups import line_py as _kernel

Depth = _kernel.Depth
Line = _kernel.Line
is_ascii = _kernel.is_ascii
is_common = _kernel.is_common
spaced = _kernel.spaced
spaced_if_plain = _kernel.spaced_if_plain
