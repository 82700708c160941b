"""Which queues a message goes to."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clu._amqp.memory.topics import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

PATTERNS = (
    *("#", "*", "", ".", "a", "a.b", "a.*", "*.b", "a.#", "#.b", "a.#.b", "*.#", "#.*", "#.#"),
    *("a.*.b", "a.*.#", "*.*", "*.#.*", "#.a.#", "a..b", "a.#.#.b", "reply.#", "command.a.#"),
    *("a#", "*a", "a*.b", "#.a.*.b.#"),
)
KEYS = (
    *(
        "",
        "a",
        "b",
        ".",
        "a.",
        ".a",
        "a.b",
        "a.a.b",
        "a.x.b",
        "a.x.y.b",
        "a..b",
        "b.a",
        "x.a.y.b.z",
    ),
    *("reply.broadcast", "command.a", "command.ab", "command.a.b", "a#", "*a", "a*.b", "#", "*"),
)


async def routed(channel: Any, kind: str, patterns: Iterable[str], keys: Iterable[str]) -> Any:
    """Return the patterns that each key leads to."""
    name = f"contract-{uuid.uuid4().hex}"
    await channel.exchange_declare(name, exchange_type=kind, auto_delete=True)
    queues = {}
    for pattern in patterns:
        queues[pattern] = (await channel.queue_declare(exclusive=True)).queue
        await channel.queue_bind(queues[pattern], name, pattern)
    for key in keys:
        await channel.basic_publish(key.encode(), exchange=name, routing_key=key)
    found: dict[str, set[str]] = {key: set() for key in keys}
    for pattern, queue in queues.items():
        while (message := await channel.basic_get(queue, no_ack=True)).delivery_tag is not None:
            key = message.body.decode()
            assert message.delivery.routing_key == key
            assert pattern not in found[key], "it came twice"
            found[key].add(pattern)
    return found


def expected(patterns: Iterable[str], keys: Iterable[str]) -> Any:
    return {key: {one for one in patterns if matches(one, key)} for key in keys}


async def test_topics(channel: Any) -> None:
    assert await routed(channel, "topic", PATTERNS, KEYS) == expected(PATTERNS, KEYS)


async def test_random_topics(channel: Any) -> None:
    dice = random.Random(17)
    patterns = {".".join(dice.choices("ab*#", k=dice.randint(1, 5))) for _ in range(60)}
    # RabbitMQ 4.3 takes no more of the other.
    patterns = {pattern for pattern in patterns if pattern.count("#") <= 2}
    keys = {".".join(dice.choices(["a", "b", ""], k=dice.randint(1, 5))) for _ in range(60)}
    assert await routed(channel, "topic", patterns, keys) == expected(patterns, keys)


def test_some_topics_as_the_standard_has_them() -> None:
    assert matches("*.stock.#", "usd.stock")
    assert matches("*.stock.#", "eur.stock.db")
    assert not matches("*.stock.#", "stock.nasdaq")
    assert matches("#", "")
    assert not matches("*", "")
    assert not matches("a.*", "a")
    assert matches("a.#", "a")


words = st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=6)
parts = st.lists(st.sampled_from(["a", "b", "", "*", "#"]), min_size=1, max_size=6)


def slowly_matches(pattern: list[str], key: list[str]) -> bool:
    """Do what `matches` does, as the standard words it."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(slowly_matches(pattern[1:], key[i:]) for i in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and slowly_matches(pattern[1:], key[1:])


@given(parts, words)
def test_all_topics(pattern: list[str], key: list[str]) -> None:
    joined, joined_key = ".".join(pattern), ".".join(key)
    split = pattern if joined else []
    split_key = key if joined_key else []
    assert matches(joined, joined_key) == slowly_matches(split, split_key)


async def test_direct_and_fanout(channel: Any) -> None:
    found = await routed(channel, "direct", ("a", "a.b", "#"), ("a", "a.b", "#", "c"))
    assert found == {"a": {"a"}, "a.b": {"a.b"}, "#": {"#"}, "c": set()}


async def test_fanout(channel: Any) -> None:
    assert await routed(channel, "fanout", ("a", "b"), ("c",)) == {"c": {"a", "b"}}


async def test_a_queue_with_several_bindings_gets_a_message_once(channel: Any) -> None:
    queue = (await channel.queue_declare(exclusive=True)).queue
    for key in ("a.#", "a.b", "#", "a.b"):
        await channel.queue_bind(queue, "amq.topic", key)
    await channel.basic_publish(b"1", exchange="amq.topic", routing_key="a.b")
    assert (await channel.queue_declare(queue, passive=True)).message_count == 1
    await channel.queue_unbind(queue, "amq.topic", "#")
    await channel.basic_publish(b"2", exchange="amq.topic", routing_key="b")
    assert (await channel.queue_declare(queue, passive=True)).message_count == 1


@pytest.mark.parametrize("is_bound", [False, True])
async def test_the_default_exchange_leads_to_the_queue_of_the_name(
    channel: Any, is_bound: bool
) -> None:
    queue = (await channel.queue_declare(exclusive=True)).queue
    if is_bound:
        await channel.queue_bind(queue, "amq.topic", "#")
    await channel.basic_publish(b"1", routing_key=queue)
    assert (await channel.basic_get(queue)).body == b"1"
