"""TLS, a virtual host and a user, with a certificate made for the test."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient
from clu.exceptions import CluConnectionError
from tests.broker import Broker, free_port

from .actors import Camera, ping

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the keys")


class Secure:
    """A broker with a TLS port, a virtual host and a user."""

    credentials = "astronomer:stars%2Fand%25dust"

    def __init__(self, directory: pathlib.Path) -> None:
        self.port = free_port()
        self.broker = Broker(directory, further_ports=[self.port])
        self.certificate = directory / "certificate.pem"
        key = directory / "key.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-keyout", str(key), "-out", str(self.certificate), "-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            ],
            check=True,
            capture_output=True,
        )
        (directory / "rabbitmq.conf").write_text(
            f"listeners.ssl.1 = 127.0.0.1:{self.port}\n"
            f"ssl_options.cacertfile = {self.certificate}\n"
            f"ssl_options.certfile = {self.certificate}\n"
            f"ssl_options.keyfile = {key}\n"
            "ssl_options.verify = verify_none\n"
            "ssl_options.fail_if_no_peer_cert = false\n"
            "default_vhost = observatory\n"
            "default_user = astronomer\n"
            "default_pass = stars/and%dust\n"
        )
        self.broker.start()
        self.keywords: dict[str, Any] = {
            "host": "localhost",
            "port": self.port,
            "user": "astronomer",
            "password": "stars/and%dust",
            "virtualhost": "observatory",
            "ssl": True,
        }


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    secure = Secure(tmp_path_factory.mktemp("tls"))
    yield secure
    secure.broker.stop()


async def test_tls_by_keywords_and_by_url(secure: Secure) -> None:
    context = ssl.create_default_context(cafile=str(secure.certificate))
    url = f"amqps://{secure.credentials}@localhost:{secure.port}/observatory"
    camera = Camera("camera", **secure.keywords, ssl_context=context)
    url = f"{url}?cafile={secure.certificate}"
    async with camera, AMQPClient("client", url=url) as client:
        assert client.connection.connection.url.scheme == "amqps"
        assert "amqps://" in repr(camera)
        assert "dust" not in repr(client) + repr(camera)
        assert await ping(client) == "Pong."


async def test_each_of_several_addresses_has_its_own_tls(secure: Secure) -> None:
    tls = f"amqps://{secure.credentials}@localhost:{secure.port}/observatory"
    plain = f"amqp://{secure.credentials}@localhost:{{}}/observatory"
    for working in (f"{tls}?cafile={secure.certificate}", plain.format(secure.broker.port)):
        urls = [plain.format(free_port()), working, tls]  # no one vouches for the last one
        async with Camera("camera", url=urls) as camera:
            assert camera.connection.address == working.partition("?")[0].replace(
                "stars%2Fand%25dust", "******"
            )


async def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Secure) -> None:
    client = AMQPClient("client", **secure.keywords)
    with pytest.raises(CluConnectionError, match=r"(?i)certificate"):
        await client.start()


async def test_a_plain_connection_to_a_tls_port_is_refused(secure: Secure) -> None:
    client = AMQPClient("client", host="localhost", port=secure.port, connection_timeout=3)
    with pytest.raises(CluConnectionError):
        await client.start()


async def test_another_virtual_host_without_tls(secure: Secure) -> None:
    keywords = {**secure.keywords, "ssl": False, "port": secure.broker.port}
    async with Camera("camera", **keywords) as camera:
        assert (await camera.send_command("camera", "ping")).status.did_succeed
    with pytest.raises(CluConnectionError, match="nowhere"):
        await Camera("camera", **{**keywords, "virtualhost": "nowhere"}).start()
    with pytest.raises(CluConnectionError):
        await Camera("camera", **{**keywords, "virtualhost": "/"}).start()
