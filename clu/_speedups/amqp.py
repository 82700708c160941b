"""Selects the build of the AMQP codec."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING or NO_EXTENSIONS:
    from clu._speedups import amqp_py as _kernel
else:
    try:
        from clu._speedups import amqp_c as _kernel
    except ImportError:
        from clu._speedups import amqp_py as _kernel

Delivery = _kernel.Delivery
FrameError = _kernel.FrameError
Publisher = _kernel.Publisher
Splitter = _kernel.Splitter
encode_ack = _kernel.encode_ack
has_long_number = _kernel.has_long_number
