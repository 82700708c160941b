"""A private RabbitMQ for tests: on free ports, in a directory of its own, stopped afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

_PLACES = ("/usr/lib/rabbitmq/bin", "/usr/local/sbin", "/usr/sbin")
_START_LIMIT = 60.0


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """A RabbitMQ server.

    Parameters
    ----------
    directory
        The directory of its data and its log.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._distribution_port = free_port()
        self._epmd_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def log(self) -> str:
        path = self.directory / "broker.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def control(self, *arguments: str) -> None:
        """Run rabbitmqctl."""
        environment = {
            **os.environ,
            "HOME": str(self.directory),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }
        search = os.pathsep.join([*_PLACES, os.environ.get("PATH", "")])
        command = shutil.which("rabbitmqctl", path=search)
        assert command is not None
        subprocess.run(
            [command, "-n", f"clu{self.port}@localhost", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_START_LIMIT,
        )

    def start(self) -> None:
        """Start the server and wait until it listens."""
        search = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
        # Debian's wrapper in /usr/sbin changes to another user: prefer the script itself.
        command = shutil.which("rabbitmq-server", path=_PLACES[0]) or shutil.which(
            "rabbitmq-server", path=search
        )
        if command is None:
            raise RuntimeError("There is no rabbitmq-server: run tests/get_rabbitmq.sh.")
        environment = {
            **os.environ,
            "HOME": str(self.directory),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",  # lets it be stopped
            "RABBITMQ_NODENAME": f"clu{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
        }
        (self.directory / "plugins").write_text("[].")
        with (self.directory / "broker.out").open("ab") as output:
            self._process = subprocess.Popen(
                [command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        assert self._process is not None
        end = time.monotonic() + _START_LIMIT
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe,
            ):
                # The port opens before the broker is ready: wait for an answer to the header.
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                if probe.recv(1):
                    return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"The broker did not start:\n{self.log}")

    def stop(self, kill: bool = True) -> None:
        """Stop the server and all its child processes at once."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
        process.wait()
        self._stop_epmd()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def pause(self) -> None:
        """Suspend the server, with its connections open, until it is resumed."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused server."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def _stop_epmd(self) -> None:
        """Stop the port mapper, which detaches itself from the server that starts it."""
        if (epmd := shutil.which("epmd")) is not None:
            environment = {**os.environ, "ERL_EPMD_PORT": str(self._epmd_port)}
            subprocess.run(
                [epmd, "-kill"], env=environment, capture_output=True, check=False, timeout=10
            )
