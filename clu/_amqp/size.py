"""How long a message may be.

A broker closes the channel on which a longer one is published: since RabbitMQ 4.0 from 16 MiB on,
unless its operator has set ``max_message_size``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from clu._speedups.reply import encode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The default limit of RabbitMQ 4.
MAX_MESSAGE_SIZE = 16 * 1024 * 1024
#: How many keywords an error names.
_NAMED = 3

#: What RabbitMQ says when it closes a channel because of a message that is too long.
_reason = re.compile(r"message size (\d+) is larger than (?:configured )?max size (\d+)")


def limit_in(error: object) -> int | None:
    """Return the limit of the broker if an error is about a message that is longer."""
    found = _reason.search(str(error))
    return None if found is None else int(found[2])


def too_long(what: str, size: int, limit: int, message: Mapping[str, Any]) -> str:
    """Return why a message is not sent, with the sizes of its longest items."""
    sizes = sorted(
        ((len(encode_json(value)), str(name)) for name, value in message.items()), reverse=True
    )
    named = ", ".join(f"{name} {size}" for size, name in sizes[:_NAMED])
    more = ", ..." if len(sizes) > _NAMED else ""
    return f"{what} has {size} bytes ({named}{more}), more than max_message_size ({limit})."
