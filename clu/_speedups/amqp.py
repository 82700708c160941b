"""The AMQP codec, which has no interpreted build: without it `HAS_CODEC` is False."""

from typing import TYPE_CHECKING

from clu._speedups import NO_EXTENSIONS

if TYPE_CHECKING:
    from clu._speedups.amqp_c import (
        Delivery,
        FrameError,
        Publisher,
        Splitter,
        encode_ack,
        has_long_number,
        move_frames,
    )

    HAS_CODEC = True
elif NO_EXTENSIONS:
    HAS_CODEC = False
else:
    try:
        from clu._speedups.amqp_c import (
            Delivery,
            FrameError,
            Publisher,
            Splitter,
            encode_ack,
            has_long_number,
            move_frames,
        )
    except ImportError:
        HAS_CODEC = False
    else:
        HAS_CODEC = True

__all__ = [
    "HAS_CODEC",
    "Delivery",
    "FrameError",
    "Publisher",
    "Splitter",
    "encode_ack",
    "has_long_number",
    "move_frames",
]
