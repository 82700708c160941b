"""Who may connect to the websocket bridge."""

from __future__ import annotations

import socket
from http import HTTPStatus

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from clu._websocket.access import Access
from clu.exceptions import CluValueError

OWN_NAME = socket.gethostname().lower()


def request(path: str = "/", **headers: str) -> Request:
    return Request(path, Headers(**headers))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost", "localhost:9876"),
        ("http://localhost:8000", "localhost:9876"),
        ("https://LOCALHOST:8000", "10.0.0.5:9876"),
        ("http://127.0.0.1:8000", "localhost:9876"),
        ("http://[::1]:8000", "localhost:9876"),
        ("http://10.0.0.5:8000", "10.0.0.5:9876"),
        ("http://[fd00::5]", "[fd00::5]:9876"),
        (f"http://{OWN_NAME}:8000", f"{OWN_NAME}:9876"),
    ],
)
def test_pages_of_this_machine_and_of_the_host_may_connect(origin: str, host: str) -> None:
    assert Access().allows_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "localhost:9876"),
        ("http://evil.example:9876", "evil.example:9876"),
        ("http://localhost.evil.example", "localhost:9876"),
        ("http://127.0.0.1.evil.example", "127.0.0.1:9876"),
        ("http://evil.example#localhost", "localhost:9876"),
        ("http://localhost@evil.example", "localhost:9876"),
        ("http://localhost:80:80", "localhost:9876"),
        ("http://10.0.0.6", "10.0.0.5:9876"),
        ("null", "localhost:9876"),
        ("", "localhost:9876"),
        ("*", "localhost:9876"),
        ("file://", "localhost:9876"),
        ("chrome-extension://localhost", "localhost:9876"),
        ("http://" + "a" * 100_000, "localhost"),
    ],
)
def test_other_pages_may_not(origin: str, host: str) -> None:
    assert not Access().allows_origin(origin, host)


def test_pages_from_allowed_origins_may_connect() -> None:
    access = Access(origins=["https://Example.org:443", "http://dash:8000", "null"])
    assert access.allows_origin("https://example.org", "bridge")
    assert access.allows_origin("http://dash:8000", "bridge")
    assert access.allows_origin("null", "bridge")
    assert access.allows_origin("http://localhost", "bridge")
    assert not access.allows_origin("http://example.org", "bridge")
    assert not access.allows_origin("http://dash:8001", "bridge")
    assert Access(origins=["*"]).allows_origin("http://evil.example", "bridge")


@pytest.mark.parametrize(
    "origin", ["example.org", "", "http://", "https://example.org/page", "a b"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(CluValueError, match="not the origin of a page"):
        Access(origins=[origin])


def test_origins_are_a_list() -> None:
    with pytest.raises(CluValueError, match="must be a list"):
        Access(origins="https://example.org")


def test_every_origin_header_counts() -> None:
    headers = Headers([("Origin", "http://localhost"), ("Origin", "http://evil.example")])
    problem = Access().problem(Request("/", headers))
    assert problem is not None
    assert problem[0] is HTTPStatus.FORBIDDEN


def test_clients_without_an_origin_may_connect() -> None:
    assert Access().problem(request()) is None


@pytest.mark.parametrize(
    "given",
    [
        request("/?token=a+b%3D"),
        request("/path?x=1&token=a+b="),
        request("/?token=wrong&token=a%2Bb="),
        request(Authorization="Bearer a+b="),
        request(Authorization="bearer   a+b= "),
        request("/?token=wrong", Authorization="Bearer a+b="),
    ],
)
def test_who_knows_the_token_may_connect(given: Request) -> None:
    assert Access("a+b=").problem(given) is None


@pytest.mark.parametrize(
    "given",
    [
        request(),
        request("/?token"),
        request("/?token="),
        request("/?Token=secret"),
        request("/?token=secre"),
        request("/?token=secret1"),
        request("/?token=%ff%fe"),
        request("//[?token=secret"),
        request(Authorization="secret"),
        request(Authorization="Basic secret"),
        request(Authorization="Bearer"),
        request(Authorization="Bearer s\u00e9cret"),
    ],
)
def test_who_does_not_may_not(given: Request) -> None:
    problem = Access("secret").problem(given)
    assert problem == (HTTPStatus.UNAUTHORIZED, "The token is missing or wrong.")


def test_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(expected: bytes, given: bytes) -> bool:
        compared.append((expected, given))
        return True

    monkeypatch.setattr("hmac.compare_digest", compare)
    assert Access("secret").problem(request("/?token=guess")) is None
    assert compared == [(b"secret", b"guess")]


def test_token_does_not_open_the_door_for_foreign_pages() -> None:
    problem = Access("secret").problem(request("/?token=secret", Origin="http://evil.example"))
    assert problem is not None
    assert problem[0] is HTTPStatus.FORBIDDEN
    assert "'http://evil.example'" in problem[1]


def test_empty_token_is_refused() -> None:
    with pytest.raises(CluValueError, match="token is empty"):
        Access("")
