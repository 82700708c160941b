"""Count the lines that a TCP server sends: ``python tcp_client.py HOST PORT MARKER``.

It reads up to the first line with the marker and prints ``ready``. Then, for each number N on its
standard input, it prints ``counting``, reads N lines from the server and prints the last of them.
"""

from __future__ import annotations

import socket
import sys

CHUNK = 1 << 18
LONGEST_LINE = 1 << 13


def receive(server: socket.socket) -> bytes:
    data = server.recv(CHUNK)
    if not data:
        raise SystemExit("the server closed the connection")
    return data


def skip_to(server: socket.socket, marker: bytes) -> None:
    data = b""
    while marker not in data or not data.endswith(b"\n"):
        data = data[-LONGEST_LINE:] + receive(server)


def read_lines(server: socket.socket, count: int) -> str:
    seen, tail = 0, b""
    while seen < count:
        data = receive(server)
        seen += data.count(b"\n")
        tail = (tail + data)[-LONGEST_LINE:]
    return tail.splitlines()[-1].decode()


def main(host: str, port: str, marker: str) -> None:
    with socket.create_connection((host, int(port))) as server:
        skip_to(server, marker.encode())
        print("ready", flush=True)
        for count in sys.stdin:
            print("counting", flush=True)
            print(read_lines(server, int(count)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
