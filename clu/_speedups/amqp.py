"""The AMQP codec, which has no interpreted build: without it `HAS_CODEC` is False."""

import contextlib
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
else:
    HAS_CODEC = False

    def has_long_number(text: bytes) -> bool:
        """Take it that there is a long number: nobody looks."""
        return True

    if not NO_EXTENSIONS:
        with contextlib.suppress(ImportError):
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
