"""The logging level of replies, apart from what writes them, which takes longer to import."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["REPLY", "register_reply_level"]

REPLY = 5


def register_reply_level() -> None:
    """Register the logging level 5 as ``REPLY``, and add a method of that name to loggers."""
    logging.addLevelName(REPLY, "REPLY")

    def log_at_reply_level(self: logging.Logger, msg: object, *args: Any, **kwargs: Any) -> None:
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1  # of the caller, not of this
        self.log(REPLY, msg, *args, **kwargs)

    logging.Logger.REPLY = log_at_reply_level  # type: ignore[attr-defined]
