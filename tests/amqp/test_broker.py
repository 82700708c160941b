"""The private broker of the tests, on which the tests of the AMQP transport stand."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import aio_pika
import psutil
import pytest

from tests import rabbitmq
from tests.broker import Broker
from tests.brokers import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that is not started yet."""
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


def family(broker: Broker) -> list[psutil.Process]:
    """Return the processes of a broker, and all that they started."""
    processes = [psutil.Process(pid) for pid in broker.pids]
    return processes + [child for each in processes for child in each.children(recursive=True)]


async def test_a_message_goes_through_the_private_broker(broker: Broker) -> None:
    connection = await connect(broker.url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        message = aio_pika.Message(b"hello")
        await channel.default_exchange.publish(message, routing_key=queue.name)
        received = await queue.get()
        assert received is not None
        assert received.body == b"hello"
        await received.ack()


async def test_it_is_of_the_release_that_the_environment_names(broker: Broker) -> None:
    async with await connect(broker.url) as connection:
        version = connection.transport.connection.server_properties["version"]
    assert version.startswith(os.environ.get("CLU_TEST_RABBITMQ", ""))


def test_it_listens_on_loopback_only_and_leaves_no_process(own_broker: Broker) -> None:
    own_broker.start()
    processes = family(own_broker)
    listening = {
        connection.laddr
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert own_broker.port in {address.port for address in listening}
    assert len({address.port for address in listening}) == 3  # with epmd and the distribution
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}

    own_broker.stop()
    _, alive = psutil.wait_procs(processes, timeout=40)
    assert alive == []


def test_it_says_why_it_does_not_start_and_leaves_nothing_in_the_working_directory(
    own_broker: Broker, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    (own_broker.directory / "rabbitmq.conf").write_text("no.such.setting = 1\n")
    with pytest.raises(RuntimeError, match=r"did not start:[\s\S]*no\.such\.setting"):
        own_broker.start()
    assert not own_broker.is_running
    assert list(here.iterdir()) == []


def test_control_says_what_it_was_refused(broker: Broker) -> None:
    with pytest.raises(RuntimeError, match="nobody"):
        broker.control("change_password", "nobody", "secret")


def test_a_release_that_is_not_there_is_refused_and_says_how_to_get_it() -> None:
    with pytest.raises(RuntimeError, match=r"no RabbitMQ 9\.9: run tests/get_rabbitmq_release\.sh"):
        rabbitmq.find("9.9")


def test_a_release_that_debian_does_not_have_cannot_be_got(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(rabbitmq.__file__).with_name("get_rabbitmq_release.sh"), "9.9"],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "The tests need RabbitMQ 9.9: no release of Debian is known to have it.\n"
    )
