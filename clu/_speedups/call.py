"""Selects the build of the call kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups import call_py as _kernel
else:
    try:
        from clu._speedups import call_c as _kernel
    except ImportError:
        from clu._speedups import call_py as _kernel

BOOLEAN = _kernel.BOOLEAN
FLOAT = _kernel.FLOAT
INTEGER = _kernel.INTEGER
STRING = _kernel.STRING
UsualCall = _kernel.UsualCall
UsualParameter = _kernel.UsualParameter
quoted = _kernel.quoted
