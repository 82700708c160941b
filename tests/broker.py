"""A private RabbitMQ for tests: on free ports, in a directory of its own, stopped afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from tests import rabbitmq

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Sequence

    from tests.rabbitmq import RabbitMQ

_START_LIMIT = 60.0
_STOP_LIMIT = 60.0
#: Erlang listens on all addresses unless it is told not to.
_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _speaks_amqp(port: int) -> bool:
    # The port opens before the broker is ready: wait for an answer to the header.
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=1) as probe,
    ):
        probe.sendall(b"AMQP\x00\x00\x09\x01")
        return bool(probe.recv(1))
    return False


class _Program:
    """A program that runs in a group of its own until it is stopped."""

    def __init__(self, directory: pathlib.Path, output: str) -> None:
        self._directory = directory
        self._output = directory / output
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def run(self, command: list[str], environment: dict[str, str]) -> None:
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        end = time.monotonic() + _START_LIMIT
        while self.is_running and time.monotonic() < end:
            if is_ready():
                return
            time.sleep(0.02)
        self.end(signal.SIGKILL)
        raise RuntimeError(f"The broker did not start:\n{self.log}")

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


class PortMapper:
    """The program that tells nodes at which port another one listens to them: epmd.

    Parameters
    ----------
    directory
        Where it keeps its log.
    release
        The RabbitMQ with which it comes.
    """

    def __init__(self, directory: pathlib.Path, release: RabbitMQ) -> None:
        self.port = free_port()
        self._directory = directory
        self._release = release
        self._program = _Program(directory, "epmd.out")

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._program.is_running:
            return
        arguments = ("-port", str(self.port), "-address", "127.0.0.1")
        command = self._release.command(self._directory, "epmd", *arguments)
        self._program.run(command, dict(os.environ))
        self._program.wait_until(lambda: _accepts(self.port))

    @property
    def pid(self) -> int | None:
        return self._program.pid

    def stop(self) -> None:
        self._program.end(signal.SIGKILL)


class Broker:
    """A RabbitMQ server.

    Parameters
    ----------
    directory
        The directory of its data and its log.
    further_ports
        The ports besides that of AMQP on which it listens once it has started, as `rabbitmq.conf`
        in the directory says.
    release
        The RabbitMQ that runs, by default the one that `CLU_TEST_RABBITMQ` names.
    port_mapper
        The one that it shares with others, by default one of its own.
    plugins
        The plugins that it loads.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        *,
        further_ports: Sequence[int] = (),
        plugins: Sequence[str] = (),
        release: RabbitMQ | None = None,
        port_mapper: PortMapper | None = None,
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.node = f"clu{self.port}@localhost"
        self.release = release or rabbitmq.find()
        self._further_ports = further_ports
        self._plugins = plugins
        self._distribution_port = free_port()
        self._own_port_mapper = PortMapper(directory, self.release) if port_mapper is None else None
        self._port_mapper = port_mapper or self._own_port_mapper
        self._program = _Program(directory, "broker.out")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def log(self) -> str:
        return self._program.log

    @property
    def _environment(self) -> dict[str, str]:
        assert self._port_mapper is not None
        return {
            **os.environ,
            "HOME": str(self.directory),
            "ERL_EPMD_PORT": str(self._port_mapper.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(self.directory / "erl_crash.dump"),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl, and return what it writes."""
        done = subprocess.run(
            self.release.command(self.directory, "rabbitmqctl", "-q", *arguments),
            env={**self._environment, "RABBITMQ_CTL_ERL_ARGS": _LOOPBACK},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=3 * _START_LIMIT,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Start the server and wait until it listens."""
        self.launch()
        self.wait_until_it_listens()

    def launch(self) -> None:
        """Start the server."""
        if self._own_port_mapper is not None:
            self._own_port_mapper.start()
        (self.directory / "plugins").write_text(f"[{','.join(self._plugins)}].")
        environment = {
            **self._environment,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LOOPBACK,
            "RUNNING_UNDER_SYSTEMD": "1",  # the server is what is started, not a shell's child
        }
        self._program.run(self.release.command(self.directory, "rabbitmq-server"), environment)

    def wait_until_it_listens(self) -> None:
        """Wait until a server that was launched listens at all its ports."""
        try:
            self._program.wait_until(
                lambda: _speaks_amqp(self.port) and all(map(_accepts, self._further_ports))
            )
        except BaseException:
            self.stop()
            raise

    def stop(self, kill: bool = True) -> None:
        """Stop the server and all its child processes at once."""
        self._program.end(signal.SIGKILL if kill else signal.SIGTERM)
        if self._own_port_mapper is not None:
            self._own_port_mapper.stop()

    @property
    def is_running(self) -> bool:
        return self._program.is_running

    @property
    def pids(self) -> list[int]:
        """The processes that were started for it: the server and its own port mapper."""
        mapper = self._own_port_mapper
        pids = (self._program.pid, None if mapper is None else mapper.pid)
        return [pid for pid in pids if pid is not None]

    def pause(self) -> None:
        """Suspend the server, with its connections open, until it is resumed."""
        self._program.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused server."""
        self._program.send(signal.SIGCONT)
