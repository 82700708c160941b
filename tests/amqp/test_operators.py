"""What docs/how-to/rabbitmq.md tells operators: permissions, and two sites that share replies."""

from __future__ import annotations

import contextlib
import pathlib
from typing import TYPE_CHECKING, NamedTuple

import pytest

from clu import AMQPClient, CommandStatus
from clu._amqp.presence import who_is_there
from clu.exceptions import CluConnectionError, CluError
from tests.broker import Broker

from ..waiting import until
from .actors import Camera, ping

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.rabbitmq

PAGE = (pathlib.Path(__file__).parents[2] / "docs/how-to/rabbitmq.md").read_text()


class User(NamedTuple):
    """A user, with the patterns that the page names."""

    name: str
    names: str
    sends: str
    receives: str

    def allow(self, broker: Broker) -> str:
        """Create the user, and return the address of the broker for it."""
        for pattern in self[1:]:
            assert pattern in PAGE
        broker.control("add_user", self.name, "secret")
        broker.control("set_permissions", self.name, *[self.names] * 3)
        broker.control(
            "set_topic_permissions", self.name, "sdss_exchange", self.sends, self.receives
        )
        return f"amqp://{self.name}:secret@127.0.0.1:{broker.port}/"


ALICE = User(
    "alice",
    "^(alice_.*|sdss_exchange)$",
    r"^(command|presence)\.(alice|camera)(\..*)?$|^reply\.clu-question-.*$",
    r"^(reply\..*|presence(\.alice)?)$",
)
CAMERA = User(
    "camera",
    "^(camera_.*|sdss_exchange)$",
    r"^(reply\..*|(command|presence)\.camera)$",
    r"^(reply\..*|command\.camera\.#|presence(\.camera\.#)?)$",
)


@pytest.fixture
def alice(broker: Broker, client: AMQPClient) -> Iterator[str]:
    """The address of the broker for a user who may command one actor only."""
    # A newer broker knows permissions of topics only while the exchange is there.
    assert client.is_connected()
    yield ALICE.allow(broker)
    broker.control("delete_user", "alice")


async def test_a_user_commands_only_the_actors_that_topic_permissions_allow(
    broker: Broker, camera: Camera, alice: str
) -> None:
    async with Camera("dome", url=broker.url), AMQPClient("alice", url=alice) as client:
        assert await ping(client) == "Pong."
        with pytest.raises(CluConnectionError, match=r"access to topic 'command.dome' .* refused"):
            await client.send_command("dome", "ping")
        await until(client.is_connected)
        assert await ping(client) == "Pong."
        # Replies of all actors arrive.
        numbers: list[int] = []
        client.add_reply_callback(lambda reply: numbers.append(reply.body.get("number")))
        camera.write("i", number=5)
        await until(lambda: 5 in numbers)


async def test_an_actor_needs_no_more_than_its_own_names_and_topics(
    broker: Broker, client: AMQPClient
) -> None:
    assert client.is_connected()  # and the exchange is there
    url = CAMERA.allow(broker)
    async with Camera("camera", url=url):
        assert await ping(client) == "Pong."
        with pytest.raises(CluError, match="another instance"):
            await Camera("camera", url=url).start()
    broker.control("delete_user", "camera")


async def test_who_may_send_few_replies_answers_who_is_there(
    broker: Broker, client: AMQPClient, alice: str
) -> None:
    async with AMQPClient("alice", url=alice):
        assert [item.name for item in await who_is_there(client)] == ["alice"]


async def test_a_client_has_one_name_only_once(alice: str) -> None:
    async with AMQPClient("alice", url=alice):
        with pytest.raises(CluError, match="another instance"):
            await AMQPClient("alice", url=alice).start()


async def test_a_user_has_no_other_names(alice: str) -> None:
    with pytest.raises(Exception, match="refused for user 'alice'"):
        await AMQPClient("bob", url=alice).start()


@pytest.fixture
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Broker]]:
    """The brokers of two sites."""
    with contextlib.ExitStack() as stack:
        brokers = []
        for name in ("here", "there"):
            directory = tmp_path_factory.mktemp(name)
            brokers.append(Broker(directory, plugins=["rabbitmq_federation"]))
            brokers[-1].start()
            stack.callback(brokers[-1].stop)
        yield brokers


async def test_replies_of_a_site_reach_another_one_by_federation(sites: list[Broker]) -> None:
    there, site = sites
    upstream = f"amqp://guest:guest@127.0.0.1:{there.port}"  # with a slash it has no virtual host
    site.control("set_parameter", "federation-upstream", "apo", f'{{"uri":"{upstream}"}}')
    site.control(
        *("set_policy", "--apply-to", "exchanges", "clu", "^sdss_exchange$"),
        '{"federation-upstream-set":"all"}',
    )
    async with (
        Camera("camera", url=there.url) as camera,
        AMQPClient("observer", url=site.url) as observer,
        Camera("dome", url=site.url),
    ):
        numbers: list[int] = []
        observer.add_reply_callback(lambda reply: numbers.append(reply.body.get("number")))
        # It is written until the link between the two is there.
        await until(lambda: camera.write("i", number=7) and 7 in numbers)
        # The actor here is commanded from here, and not the one there.
        assert (await observer.send_command("dome", "ping")).status is CommandStatus.DONE
        assert (await observer.send_command("camera", "ping")).status is CommandStatus.FAILED
