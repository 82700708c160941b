"""A private RabbitMQ cluster: nodes on loopback that are killed, stopped and started one by one."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from tests import rabbitmq
from tests.broker import Broker, PortMapper

if TYPE_CHECKING:
    import pathlib

#: The release of which clusters are, unless they are told another one.
RELEASE = "4.3"
#: The seconds in which a node must see that another one runs.
_LIMIT = 40


class Cluster:
    """A RabbitMQ cluster, each node of which is a `Broker`.

    Parameters
    ----------
    directory
        Where the nodes keep their data and their logs, each in a directory of its own.
    size
        How many nodes it has.
    release
        The release of RabbitMQ.
    """

    def __init__(self, directory: pathlib.Path, size: int = 3, release: str = RELEASE) -> None:
        installation = rabbitmq.find(release)
        self._port_mapper = PortMapper(directory, installation)
        self.nodes: list[Broker] = []
        for number in range(size):
            home = directory / f"node{number}"
            home.mkdir()
            node = Broker(home, release=installation, port_mapper=self._port_mapper)
            self.nodes.append(node)
        for node in self.nodes:
            self._configure(node)

    def _configure(self, node: Broker) -> None:
        # All have the same secret, and find each other by the list of all.
        cookie = node.directory / ".erlang.cookie"
        cookie.write_text(f"CLU{self._port_mapper.port}")
        cookie.chmod(0o400)
        lines = ["cluster_formation.peer_discovery_backend = classic_config"]
        lines += [
            f"cluster_formation.classic_config.nodes.{number} = {peer.node}"
            for number, peer in enumerate(self.nodes, 1)
        ]
        (node.directory / "rabbitmq.conf").write_text("\n".join(lines) + "\n")

    @property
    def urls(self) -> list[str]:
        """The address of each node."""
        return [node.url for node in self.nodes]

    def start(self) -> None:
        """Start the nodes that do not run, all at once, and wait until all run as one cluster."""
        self._port_mapper.start()
        starting = [node for node in self.nodes if not node.is_running]
        for node in starting:
            node.launch()
        for node in starting:
            node.wait_until_it_listens()
        self.wait_until_all_run()

    def stop(self) -> None:
        """Stop all nodes, and all that they started."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._port_mapper.stop)
            for node in self.nodes:
                stack.callback(node.stop)

    def kill(self, node: Broker) -> None:
        """Kill a node with SIGKILL."""
        node.stop(kill=True)

    def restart(self, node: Broker) -> None:
        """Stop a node as an operator does, start it again and wait until it is back."""
        node.stop(kill=False)
        node.start()
        self.wait_until_all_run()

    def wait_until_all_run(self) -> None:
        """Wait until all nodes that were not stopped see each other run."""
        nodes = [node for node in self.nodes if node.is_running]
        names = ", ".join(f"'{node.node}'" for node in nodes)
        arguments = f"[{len(nodes)}, {_LIMIT * 1000}]"
        answer = nodes[0].control(
            "eval", f"erpc:multicall([{names}], rabbit_nodes, await_running_count, {arguments})."
        )
        if answer.count("{ok,ok}") != len(nodes):
            raise RuntimeError(f"The nodes do not see each other run: {answer}")

    def running(self, seen_by: Broker) -> list[Broker]:
        """Return the nodes of which a node says that they run."""
        status = json.loads(seen_by.control("cluster_status", "--formatter", "json"))
        return [node for node in self.nodes if node.node in status["running_nodes"]]
