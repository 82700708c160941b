"""Selects the build of the model kernel."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups import model_py as _kernel
else:
    try:
        from clu._speedups import model_c as _kernel
    except ImportError:
        from clu._speedups import model_py as _kernel

Caller = _kernel.Caller
PropertyFields = _kernel.PropertyFields
update_properties = _kernel.update_properties
values_of = _kernel.values_of
