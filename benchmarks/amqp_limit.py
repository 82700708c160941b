#!/usr/bin/env python
"""The limit of a broker: messages encoded once, published with confirms, counted and discarded.

    python benchmarks/amqp_limit.py [--url URL] [--replies N] [--seconds S]

One process publishes copies of the same frames, another counts the bodies that it gets. Nothing is
encoded, decoded or read, so no client is faster on this broker; a burst of replies through clu
is measured against this. `PingLimit` does the same for commands: with the two ends on one event
loop, or each in a process of its own. Without ``--url`` it starts a private broker.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlsplit

import inputs

EXCHANGE, QUEUE, KEY = "clu_limit", "clu_limit_replies", "reply.client.bench"
METHOD, HEADER, BODY, END = 1, 2, 3, b"\xce"
FRAME = struct.Struct(">BHI")
CHANNEL = 1
RECEIVE_SIZE = 1 << 18
#: Replies that are published without their confirmation: the broker slows down with many more.
WINDOW = 2000
CHUNK = 100

CONNECTION_START_OK, CONNECTION_TUNE_OK, CONNECTION_OPEN = (10, 11), (10, 31), (10, 40)
CHANNEL_OPEN, EXCHANGE_DECLARE, QUEUE_DECLARE, QUEUE_BIND = (20, 10), (40, 10), (50, 10), (50, 20)
BASIC_CONSUME, BASIC_PUBLISH, BASIC_ACK, CONFIRM_SELECT = (60, 20), (60, 40), (60, 80), (85, 10)
#: What each message that is delivered begins with.
DELIVERY = struct.pack(">HH", 60, 60)


def short_text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def long_text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return FRAME.pack(kind, channel, len(payload)) + payload + END


def method(channel: int, ids: tuple[int, int], arguments: bytes) -> bytes:
    return frame(METHOD, channel, struct.pack(">HH", *ids) + arguments)


def reply_frames(key: str = KEY, body: bytes | None = None) -> bytes:
    """A reply as an AMQP actor publishes it: the method, the header and the body."""
    body = json.dumps(inputs.message(1)).encode() if body is None else body
    command_id = "0d0c2c4e-aaaa-4bbb-8ccc-1234567890ab"
    texts = {
        "message_code": "i",
        "commander_id": "client.bench",
        "command_id": command_id,
        "sender": "bench",
    }
    table = b"".join(
        short_text(name) + b"S" + long_text(value.encode()) for name, value in texts.items()
    )
    table += short_text("internal") + b"t\0"
    content_type, headers, correlation_id, message_id = 1 << 15, 1 << 13, 1 << 10, 1 << 7
    flags = content_type | headers | correlation_id | message_id
    properties = short_text("text/json") + long_text(table) + short_text(command_id)
    properties += short_text("0" * 32)
    header = struct.pack(">HHQH", 60, 0, len(body), flags) + properties
    publish = b"\0\0" + short_text(EXCHANGE) + short_text(key) + b"\0"
    return (
        method(CHANNEL, BASIC_PUBLISH, publish)
        + frame(HEADER, CHANNEL, header)
        + frame(BODY, CHANNEL, body)
    )


class Connection:
    """A connection to a broker, with one channel."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "localhost", parts.port or 5672))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        user, password = (unquote(text or "guest") for text in (parts.username, parts.password))
        self.socket.sendall(b"AMQP\0\0\x09\x01")
        self.next_frame()
        response = long_text(f"\0{user}\0{password}".encode())
        start = long_text(b"") + short_text("PLAIN") + response + short_text("en_US")
        self.send(0, CONNECTION_START_OK, start)
        tune = self.next_frame()[1]
        channels, size = struct.unpack_from(">HI", tune, 4)
        self.send(0, CONNECTION_TUNE_OK, struct.pack(">HIH", channels, size, 0))
        host = unquote(parts.path[1:]) or "/"
        self.call(0, CONNECTION_OPEN, short_text(host) + b"\0\0")
        self.call(CHANNEL, CHANNEL_OPEN, b"\0")
        arguments = short_text(EXCHANGE) + short_text("topic") + b"\x04" + long_text(b"")
        self.call(CHANNEL, EXCHANGE_DECLARE, b"\0\0" + arguments)

    def send(self, channel: int, ids: tuple[int, int], arguments: bytes) -> None:
        self.socket.sendall(method(channel, ids, arguments))

    def call(self, channel: int, ids: tuple[int, int], arguments: bytes) -> None:
        """Call a method, and check that the answer belongs to it."""
        self.send(channel, ids, arguments)
        answer = struct.unpack_from(">HH", self.next_frame()[1])
        if answer != (ids[0], ids[1] + 1):
            raise SystemExit(f"the broker answers {answer} to {ids}")

    def receive(self) -> bytes:
        data = self.socket.recv(RECEIVE_SIZE)
        if not data:
            raise SystemExit("the broker closed the connection")
        return data

    def next_frame(self) -> tuple[int, bytes]:
        while len(self.pending) < 7 or len(self.pending) < 8 + self.size():
            self.pending += self.receive()
        size = self.size()
        kind, payload = self.pending[0], self.pending[7 : 7 + size]
        self.pending = self.pending[8 + size :]
        return kind, payload

    def size(self) -> int:
        return int.from_bytes(self.pending[3:7], "big")

    def take_bodies(self, count: int) -> None:
        """Receive messages until there were as many bodies."""
        data, seen, unpack = self.pending, 0, FRAME.unpack_from
        while True:
            start, end = 0, len(data)
            while seen < count and end - start >= 7:
                kind, _, size = unpack(data, start)
                if end - start < size + 8:
                    break
                seen += kind == BODY
                start += size + 8
            data = data[start:]
            if seen == count:
                self.pending = data
                return
            data += self.receive()

    def listen(self, queue: str, key: str, is_acknowledged: bool = False) -> None:
        """Consume from a queue of our own."""
        arguments = b"\0\0" + short_text(queue) + b"\x04" + long_text(b"")
        self.call(CHANNEL, QUEUE_DECLARE, arguments)
        arguments = b"\0\0" + short_text(queue) + short_text(EXCHANGE) + short_text(key)
        self.call(CHANNEL, QUEUE_BIND, arguments + b"\0" + long_text(b""))
        flags = b"\0" if is_acknowledged else b"\x02"
        arguments = b"\0\0" + short_text(queue) + short_text(queue) + flags + long_text(b"")
        self.call(CHANNEL, BASIC_CONSUME, arguments)


def consume(url: str) -> None:
    """For each number N on the standard input, receive N replies and say so."""
    connection = Connection(url)
    connection.listen(QUEUE, "reply.#")
    print("ready", flush=True)
    for count in sys.stdin:
        connection.take_bodies(int(count))
        print("done", flush=True)


def rounded(replies: int) -> int:
    """Replies are published in chunks."""
    return -(-replies // CHUNK) * CHUNK


def start_end(role: str, url: str) -> subprocess.Popen[str]:
    """Start the other end in a process of its own."""
    command = [sys.executable, __file__, role, "--url", url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def expect(process: subprocess.Popen[str], word: str) -> None:
    if process.stdout is None:
        raise RuntimeError("the other end has no standard output")
    line = process.stdout.readline().strip()
    if line != word:
        raise RuntimeError(f"the other end said {line!r}, not {word!r}")


class Publisher:
    """A connection that publishes copies of the same reply, with confirms.

    Parameters
    ----------
    url
        The address of the broker.
    key
        The routing key of the reply.
    """

    def __init__(self, url: str, key: str = KEY) -> None:
        self.connection = Connection(url)
        self.connection.call(CHANNEL, CONFIRM_SELECT, b"\0")
        self.chunk = reply_frames(key) * CHUNK
        self.published = self.confirmed = 0

    def publish(self, count: int) -> None:
        """Publish this many replies, in whole chunks, and wait until all are confirmed."""
        last = self.published + count
        while self.confirmed < last:
            while self.published < last and self.published - self.confirmed < WINDOW:
                self.connection.socket.sendall(self.chunk)
                self.published += CHUNK
            _, payload = self.connection.next_frame()
            if struct.unpack_from(">HH", payload) == BASIC_ACK:
                self.confirmed = struct.unpack_from(">Q", payload, 4)[0]


class Limit:
    """A publisher, and a consumer in another process.

    Parameters
    ----------
    url
        The address of the broker.
    """

    def __init__(self, url: str) -> None:
        self.consumer = start_end("--consume", url)
        expect(self.consumer, "ready")
        self.publisher = Publisher(url)

    def __enter__(self) -> Limit:
        return self

    def __exit__(self, *_: object) -> None:
        self.publisher.connection.socket.close()
        self.consumer.kill()
        self.consumer.communicate()

    def run(self, replies: int) -> float:
        """Return the seconds until all replies, in whole chunks, are confirmed and received."""
        count = rounded(replies)
        start = perf_counter()
        if self.consumer.stdin is None:
            raise RuntimeError("the consumer has no standard input")
        self.consumer.stdin.write(f"{count}\n")
        self.consumer.stdin.flush()
        self.publisher.publish(count)
        expect(self.consumer, "done")
        return perf_counter() - start


class Deliveries:
    """Counts the messages in a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def count(self, data: bytes) -> int:
        data = self._rest + data
        self._rest = data[1 - len(DELIVERY) :]  # too short for one that was counted
        return data.count(DELIVERY)


class Answering(asyncio.Protocol):
    """An actor without clu: it acknowledges each command that it gets, and writes two replies."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.deliveries = Deliveries()
        self.delivered = 0
        self.replies = reply_frames(body=b"{}") + reply_frames(body=b'{"text": "Pong."}')

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        answers = []
        for _ in range(self.deliveries.count(data)):
            self.delivered += 1
            acknowledgement = struct.pack(">QB", self.delivered, 0)
            answers += [method(CHANNEL, BASIC_ACK, acknowledgement), self.replies]
        if answers:
            self.transport.write(b"".join(answers))


class Asking(asyncio.Protocol):
    """A client without clu: it sends commands, and counts the replies."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.deliveries = Deliveries()
        self.missing = 0
        self.answered: asyncio.Future[None] | None = None
        self.command = reply_frames("command.limit", b'{"command_string": "ping"}')

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.missing -= self.deliveries.count(data)
        if not self.missing and self.answered is not None and not self.answered.done():
            self.answered.set_result(None)

    async def ping(self, at_once: int = 1) -> None:
        self.missing = 2 * at_once
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(self.command * at_once)
        await self.answered


async def hand_over(end: Connection, protocol: asyncio.Protocol) -> asyncio.Transport:
    """Let a protocol of asyncio go on with a connection."""
    end.call(CHANNEL, CONFIRM_SELECT, b"\0")
    end.socket.setblocking(False)
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(lambda: protocol, sock=end.socket))[0]


async def begin_answering(url: str) -> asyncio.Transport:
    actor = Connection(url)
    actor.listen("clu_limit_commands", "command.limit", is_acknowledged=True)
    return await hand_over(actor, Answering())


async def answer(url: str) -> None:
    """Answer commands until the standard input is closed."""
    transport = await begin_answering(url)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    transport.abort()


class PingLimit:
    """An actor and a client without clu: a command, acknowledged, and two replies.

    Parameters
    ----------
    url
        The address of the broker.
    is_apart
        Whether the actor has a process of its own.
    """

    def __init__(self, url: str, is_apart: bool = False) -> None:
        self.url = url
        self.is_apart = is_apart
        self.actor: subprocess.Popen[str] | None = None
        self.transports: list[asyncio.Transport] = []

    async def __aenter__(self) -> Asking:
        if self.is_apart:
            self.actor = start_end("--answer", self.url)
            expect(self.actor, "ready")
        else:
            self.transports.append(await begin_answering(self.url))
        client, asking = Connection(self.url), Asking()
        client.listen("clu_limit_client", "reply.#")
        self.transports.append(await hand_over(client, asking))
        return asking

    async def __aexit__(self, *_: object) -> None:
        for transport in self.transports:
            transport.abort()
        if self.actor is not None:
            self.actor.communicate()


def measure(url: str, replies: int, seconds: float) -> float:
    """Return how many replies a second go from one process through the broker to another."""
    rates: list[float] = []
    end = perf_counter() + seconds
    with Limit(url) as limit:
        while len(rates) < 3 or perf_counter() < end:
            rates.append(rounded(replies) / limit.run(replies))
    return statistics.median(rates)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("CLU_BENCHMARK_URL"), help="a broker")
    parser.add_argument("--replies", type=int, default=10_000, help="in a repeat (default 10,000)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of repeats (default 3)")
    parser.add_argument("--consume", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.consume:
        consume(options.url)
        return 0
    if options.answer:
        asyncio.run(answer(options.url))
        return 0
    if options.replies < 1:
        parser.error("--replies must be at least 1")
    if options.url:
        print(f"{measure(options.url, options.replies, options.seconds):,.0f} replies/s")
        return 0
    from private_broker import private_broker

    with private_broker() as broker:
        print(f"{measure(broker.url, options.replies, options.seconds):,.0f} replies/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
