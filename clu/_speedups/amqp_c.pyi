from collections.abc import Callable
from typing import Any

class FrameError(ValueError): ...
class PropertiesError(ValueError): ...

class Publisher:
    def __init__(self, exchange: str, content_type: str) -> None: ...
    def encode(
        self,
        channel: int,
        frame_max: int,
        routing_key: str,
        body: bytes,
        headers: dict[str, Any],
        message_id: str | None,
        correlation_id: str | None,
        reply_to: str | None,
        timestamp: int | None,
        is_mandatory: bool,
    ) -> bytes: ...

def has_long_number(text: bytes) -> bool: ...
def encode_ack(channel: int, delivery_tag: int) -> bytes: ...
def move_frames(frames: bytes, channel: int, frame_max: int) -> bytes: ...

class Delivery:
    channel_number: int
    delivery_tag: int
    redelivered: bool
    consumer_tag: str | None
    exchange: str
    routing_key: str
    body: bytes
    headers: dict[str, Any]
    content_type: str | None
    content_encoding: str | None
    raw_delivery_mode: int | None
    raw_priority: int | None
    correlation_id: str | None
    reply_to: str | None
    raw_expiration: str | None
    message_id: str | None
    timestamp_seconds: int | None
    type: str | None
    user_id: str | None
    app_id: str | None
    cluster_id: str | None
    malformed: str | None
    origin: Any
    is_settled: bool
    has_bytes: bool
    closes: int
    reply_code: int
    reply_text: str | None

class Splitter:
    channel: int
    frame_max: int
    is_at_end: bool
    def __init__(
        self,
        forward: Callable[[bytes], Any],
        message_class: type[Delivery],
        consumers: dict[bytes, Callable[[Any], Any]],
        on_confirm: Callable[[int, bool, bool], Any],
        on_return: Callable[[Any], Any],
        on_control: Callable[[int, int, int], Any],
    ) -> None: ...
    def feed(self, data: bytes) -> None: ...
