"""What a message costs the nodes of a cluster, by where its ends are; used by `scale.py`.

Publishers of frames that are encoded once, and consumers that count and discard, as in
`amqp_limit.py`: what is measured is the broker. Each end is a process of its own.
"""

from __future__ import annotations

import itertools
import multiprocessing
import struct
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

import amqp_limit as raw
from peer_programs.common import cpu_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from private_broker import Broker

#: The seconds that anything may take.
TIMEOUT = 60
#: What a consumer of a stream may have unacknowledged, and how many it acknowledges together.
PREFETCH, ACKNOWLEDGED = 2000, 500
STREAM = "clu_scale_stream"
HOSTS = ("", "site_a", "site_b")
WARM_UP = 2000
BASIC_QOS = (60, 10)
#: Makes the names of queues: that of a consumer which has just gone may still be locked.
_numbers = itertools.count()


@dataclass(frozen=True)
class Arrangement:
    """Publishers and consumers, and where they are."""

    name: str
    #: For each publisher its node, and the virtual host.
    publishers: tuple[tuple[int, str], ...]
    #: The nodes of the consumers of each publisher.
    consumers: tuple[tuple[int, ...], ...]
    #: The nodes that keep the stream from which the consumers read, instead of a queue for each.
    replicas: int = 0


def pairs(*ends: tuple[int, int, str]) -> dict[str, Any]:
    """One consumer for each publisher: the nodes of both, and their virtual host."""
    return {
        "publishers": tuple((out, host) for out, _, host in ends),
        "consumers": tuple((back,) for _, back, _ in ends),
    }


def fan(count: int, nodes: int = 1, **more: Any) -> dict[str, Any]:
    """One publisher, and consumers spread over nodes."""
    return {
        "publishers": ((0, ""),),
        "consumers": (tuple(index % nodes for index in range(count)),),
        **more,
    }


ARRANGEMENTS = [
    Arrangement("one node: 1 pair", **pairs((0, 0, ""))),
    Arrangement("one node: 3 pairs", **pairs(*[(0, 0, "")] * 3)),
    Arrangement(
        "one node: 3 pairs, each in its virtual host", **pairs(*((0, 0, h) for h in HOSTS))
    ),
    Arrangement(
        "three nodes: 3 pairs, each on its node and in its virtual host",
        **pairs(*((node, node, host) for node, host in enumerate(HOSTS))),
    ),
    Arrangement(
        "three nodes: 3 pairs, each end on another node",
        **pairs(*((node, (node + 1) % 3, "") for node in range(3))),
    ),
    Arrangement("one node: 1 publisher, 10 consumers", **fan(10)),
    Arrangement("three nodes: 1 publisher, 10 consumers", **fan(10, 3)),
    Arrangement("one node: 1 publisher, a stream, 10 consumers", **fan(10, replicas=1)),
    Arrangement("three nodes: 1 publisher, a stream, 10 consumers", **fan(10, 3, replicas=3)),
]


def add_hosts(node: Broker) -> list[raw.Connection]:
    """Make the virtual hosts; return the connections that keep the exchange of each."""
    for host in filter(None, HOSTS):
        node.control("add_vhost", host)
        node.control("set_permissions", "-p", host, "guest", ".*", ".*", ".*")
    keepers = [raw.Connection(node.url + host) for host in HOSTS]
    for keeper in keepers:
        keeper.listen("clu_scale_keeper", "nothing")
    return keepers


def consume(end: Connection, url: str, queue: str, key: str, is_stream: bool) -> None:
    """For each number N, receive N replies and say so."""
    if is_stream:
        connection = follow_stream(url, queue)
    else:
        connection = raw.Connection(url)
        connection.listen(queue, key)
    end.send("ready")
    received = 0
    while True:
        last = received + end.recv()
        while received < last:
            step = min(ACKNOWLEDGED, last - received)
            connection.take_bodies(step)
            received += step
            if is_stream:  # and those before it
                arguments = struct.pack(">QB", received, 1)
                connection.send(raw.CHANNEL, raw.BASIC_ACK, arguments)
        end.send("done")


def follow_stream(url: str, tag: str) -> raw.Connection:
    """Return a connection that follows the stream, whose replica on that node may start late."""
    end = perf_counter() + TIMEOUT
    while True:
        connection = raw.Connection(url)
        try:
            listen_to_stream(connection, tag)
        except SystemExit:
            connection.socket.close()
            if perf_counter() > end:
                raise
            sleep(0.2)
        else:
            return connection


def listen_to_stream(connection: raw.Connection, tag: str) -> None:
    """Follow the stream from now on."""
    connection.call(raw.CHANNEL, BASIC_QOS, struct.pack(">IHB", 0, PREFETCH, 0))
    offset = raw.short_text("x-stream-offset") + b"S" + raw.long_text(b"next")
    arguments = b"\0\0" + raw.short_text(STREAM) + raw.short_text(tag) + b"\0"
    connection.call(raw.CHANNEL, raw.BASIC_CONSUME, arguments + raw.long_text(offset))


def declare_stream(url: str, key: str, replicas: int) -> None:
    connection = raw.Connection(url)
    table = raw.short_text("x-queue-type") + b"S" + raw.long_text(b"stream")
    table += raw.short_text("x-initial-cluster-size") + b"I" + struct.pack(">i", replicas)
    durable = b"\x02"
    arguments = b"\0\0" + raw.short_text(STREAM) + durable + raw.long_text(table)
    connection.call(raw.CHANNEL, raw.QUEUE_DECLARE, arguments)
    names = raw.short_text(STREAM) + raw.short_text(raw.EXCHANGE) + raw.short_text(key)
    connection.call(raw.CHANNEL, raw.QUEUE_BIND, b"\0\0" + names + b"\0" + raw.long_text(b""))
    connection.socket.close()


def publish(end: Connection, url: str, key: str) -> None:
    publisher = raw.Publisher(url, key)
    end.send("ready")
    while True:
        publisher.publish(end.recv())
        end.send("done")


class Ends:
    """The processes of an arrangement."""

    def __init__(self, arrangement: Arrangement, nodes: list[Broker]) -> None:
        self.publishers: list[Connection] = []
        self.consumers: list[Connection] = []
        self.processes: list[Any] = []
        if arrangement.replicas:
            declare_stream(nodes[0].url, key_of(0), arrangement.replicas)
        for index, (out, host) in enumerate(arrangement.publishers):
            for back in arrangement.consumers[index]:
                url = nodes[back].url + host
                queue = f"clu_scale_{next(_numbers)}"
                more = (url, queue, key_of(index), arrangement.replicas > 0)
                self.consumers.append(self._start(consume, *more))
            self.publishers.append(self._start(publish, nodes[out].url + host, key_of(index)))
        self.wait()

    def __enter__(self) -> Ends:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()

    def _start(self, what: Callable[..., None], *arguments: Any) -> Connection:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=what, args=(theirs, *arguments), daemon=True)
        process.start()
        self.processes.append(process)
        return ours

    def wait(self) -> None:
        for end in self.publishers + self.consumers:
            if not end.poll(TIMEOUT):
                raise TimeoutError("an end does not answer")
            end.recv()

    def run(self, replies: int) -> float:
        """Return the seconds until each publisher has published so many, and all have arrived."""
        start = perf_counter()
        for end in self.publishers + self.consumers:
            end.send(raw.rounded(replies))
        self.wait()
        return perf_counter() - start


def key_of(publisher: int) -> str:
    return f"scale.{publisher}"


def measure(arrangement: Arrangement, nodes: list[Broker], seconds: float) -> dict[str, float]:
    """Return the rates, and what the nodes together take for a message, in us."""
    pids = [pid for node in nodes for pid in node.pids]

    def processors() -> float:
        return sum(cpu_of(pid) for pid in pids)

    with ExitStack() as stack:
        ends = stack.enter_context(Ends(arrangement, nodes))
        if arrangement.replicas:
            stack.callback(nodes[0].control, "delete_queue", STREAM)
        spent = ends.run(WARM_UP)
        replies = raw.rounded(max(WARM_UP, round(WARM_UP * seconds / spent)))
        before = processors()
        spent = ends.run(replies)
        cpu = processors() - before
        published = replies * len(ends.publishers)
        delivered = replies * len(ends.consumers)
    return {
        "published": published / spent,
        "delivered": delivered / spent,
        "cpu of published": cpu / published * 1e6,
        "cpu of delivered": cpu / delivered * 1e6,
        "cores": cpu / spent,
    }
