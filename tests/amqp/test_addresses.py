"""Several addresses of a broker: how they are written, and how they are tried in turn."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from clu import AMQPActor, AMQPClient
from clu.__main__ import main
from clu._amqp.address import check_url, split_hosts, split_urls
from clu.exceptions import CluConnectionError, CluValueError
from clu.protocol import TopicListener
from tests.broker import free_port
from tests.proxy import Proxy

from ..waiting import until
from .actors import Camera, ping

if TYPE_CHECKING:
    from tests.broker import Broker


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "shuffle", lambda _: None)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://u:p@a,b:5673,[::1]:9/v?x=1", ["u:p@a/v", "u:p@b:5673/v", "u:p@[::1]:9/v"]),
        (["amqp://a/v", "amqp://b/w"], ["a/v", "b/w"]),
        ("amqp://a/v, amqp://b,c/w", ["a/v", "b/w", "c/w"]),
        ("amqp://u:p,w@a/v", ["u:p,w@a/v"]),
    ],
)
def test_hosts_share_what_is_around_them(url: Any, expected: list[str]) -> None:
    found = [single.removeprefix("amqp://").partition("?")[0] for single in split_urls(url)]
    assert found == expected


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"url": "amqp://a,,b"}, "The host '' in the address"),
        ({"url": "amqp://a,b:x/v"}, "The host 'b:x' in the address"),
        ({"url": "amqp://a,b:70000"}, "The host 'b:70000' in the address"),
        ({"url": ["amqp://a", "http://b"]}, "begins with 'http://'"),
        ({"url": ["amqp://a", ""]}, "has no scheme"),
        ({"url": []}, "The list of addresses of the broker is empty"),
        ({"hosts": []}, "The list of hosts of the broker is empty"),
        ({"hosts": ["a", "b:0"]}, "The host 'b:0' in the address"),
        ({"hosts": "a,"}, "The host '' in the address"),
        ({"hosts": ["a"], "url": "amqp://b"}, "either a URL of the broker or a list of its hosts"),
    ],
)
def test_a_bad_list_is_an_error_at_once(parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(CluValueError) as caught:
        AMQPClient("lost", **parameters)
    assert reason in str(caught.value)


@given(st.lists(st.text("ab:,@/[]1?#% ") | st.text(), max_size=3))
def test_any_list_is_addresses_or_the_documented_error(texts: list[str]) -> None:
    urls = [f"amqp://{text}" for text in texts]
    with contextlib.suppress(CluValueError):
        assert check_url(urls) is urls
        assert len(split_urls(urls)) >= len(urls)
    with contextlib.suppress(CluValueError):
        assert len(split_hosts(texts, 5672)) == len(texts)


def test_hosts_have_the_port_unless_they_say_another_one() -> None:
    hosts = ["a", "b:1", "[::1]", "[::1]:2"]
    assert split_hosts(hosts, 7) == [("a", 7), ("b", 1), ("::1", 7), ("::1", 2)]
    assert split_hosts("a, b:1", 7) == [("a", 7), ("b", 1)]


def test_addresses_are_shuffled_once() -> None:
    hosts = [f"host{number}" for number in range(50)]
    listener = TopicListener(hosts=hosts, user="operator", password="secret")
    order = [url.host for url in listener._all_addresses()]
    assert sorted(order) == sorted(hosts)
    assert order != hosts  # in one of 50! runs it is
    assert [url.host for url in listener._all_addresses()] == order
    assert listener.address == f"amqp://operator:******@{order[0]}:5672/"


def test_parameters_that_are_changed_before_the_start_count() -> None:
    client = AMQPClient("client", host="a", port=1)
    assert client.connection.address == "amqp://guest:******@a:1/"
    client.connection.host, client.connection.port = "b", 2
    assert client.connection.address == "amqp://guest:******@b:2/"
    client.connection.url = "amqp://c/v"
    assert client.connection.address == "amqp://c/v"


@pytest.mark.rabbitmq
@pytest.mark.usefixtures("in_order")
@pytest.mark.parametrize("kind", ["url", "urls", "hosts", "string"])
@pytest.mark.parametrize("first", ["dead", "alive"])
async def test_the_next_address_is_tried_when_one_fails(
    broker: Broker, camera: Camera, kind: str, first: str
) -> None:
    ports = [free_port(), broker.port] if first == "dead" else [broker.port, free_port()]
    hosts = [f"127.0.0.1:{port}" for port in ports]
    parameters: dict[str, Any] = {
        "url": {"url": f"amqp://guest:guest@{','.join(hosts)}/"},
        "urls": {"url": [f"amqp://guest:guest@{host}/" for host in hosts]},
        "hosts": {"hosts": hosts},
        "string": {"hosts": ",".join(hosts)},
    }[kind]
    async with AMQPClient("finder", **parameters) as client:
        assert await ping(client) == "Pong."
        assert client.connection.address == f"amqp://guest:******@127.0.0.1:{broker.port}/"


async def test_all_failures_are_named_without_passwords() -> None:
    hosts = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    client = AMQPClient("lost", url=f"amqp://operator:secret@{','.join(hosts)}/")
    with pytest.raises(CluConnectionError) as caught:
        await client.start()
    text = str(caught.value)
    assert "secret" not in text
    for host in hosts:
        assert text.count(f"amqp://operator:******@{host}/: ") == 1


@pytest.mark.rabbitmq
async def test_a_wrong_password_at_one_address_is_named(broker: Broker) -> None:
    dead = f"127.0.0.1:{free_port()}"
    urls = [f"amqp://guest:wrong@127.0.0.1:{broker.port}/", f"amqp://guest:guest@{dead}/"]
    with pytest.raises(CluConnectionError) as caught:
        await AMQPClient("lost", url=urls).start()
    assert "ACCESS_REFUSED" in str(caught.value)
    assert dead in str(caught.value)
    urls[1] = broker.url
    async with AMQPClient("found", url=urls) as client:
        assert client.is_connected()


@pytest.mark.rabbitmq
@pytest.mark.usefixtures("in_order")
async def test_another_address_is_used_when_the_connection_is_lost(
    broker: Broker, camera: Camera
) -> None:
    async with Proxy(broker.port) as other:
        async with Proxy(broker.port) as proxy:
            hosts = [f"127.0.0.1:{proxy.port}", f"127.0.0.1:{other.port}"]
            client = await AMQPClient("client", hosts=hosts).start()
            actor = await Camera("mover", hosts=hosts).start()
            assert str(proxy.port) in client.connection.address
            assert await ping(client) == "Pong."
        # The first address is gone.
        for moved in (client, actor):
            await until(lambda moved=moved: str(other.port) in moved.connection.address)
            await until(moved.is_connected)
        assert await ping(client) == "Pong."
        assert await ping(client, "mover") == "Pong."
        await client.stop()
        await actor.stop()


@pytest.mark.rabbitmq
@pytest.mark.parametrize("key", ["hosts", "url"])
async def test_a_configuration_may_have_a_list(broker: Broker, key: str) -> None:
    hosts = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{broker.port}"]
    several = hosts if key == "hosts" else [f"amqp://guest:guest@{host}/" for host in hosts]
    actor = AMQPActor.from_config({"actor": {"name": "configured", key: several}})
    async with actor:
        assert actor.is_connected()


@pytest.mark.rabbitmq
async def test_the_broker_is_told_who_is_connected(broker: Broker) -> None:
    async with AMQPClient("observer", url=broker.url):
        [found] = [
            line
            for line in broker.control("list_connections", "client_properties").splitlines()
            if "observer" in line
        ]
    found = found.replace(" ", "")  # the releases differ in them
    for text in ('"clu"', '"actor","observer"', '"pid"', '"connection_name","observer(pid'):
        assert text in found


@pytest.mark.rabbitmq
def test_the_options_of_the_commands_take_several_hosts(broker: Broker) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{broker.port}"
    for options, variables in (
        (["--url", f"amqp://guest:guest@{hosts}/"], {}),
        (["--host", hosts], {}),
        ([], {"CLU_URL": f"amqp://guest:guest@{hosts}/"}),
        ([], {"CLU_HOST": hosts}),
    ):
        result = CliRunner(env=variables).invoke(main, ["send", *options, "nobody", "ping"])
        assert "There is no actor 'nobody' on amqp://guest:******@127.0.0.1" in result.output
        assert result.exit_code != 0
