"""Why an actor cannot listen."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import pytest

from clu import JSONActor
from clu.exceptions import ListenError


@pytest.mark.parametrize("port", [-1, 65536, 70000, True, 1.5, [1], "-1", "70000"])
async def test_port_that_is_none_is_refused(port: Any) -> None:
    with pytest.raises(ListenError) as caught:
        await JSONActor("stage", port=port).start()
    assert str(caught.value) == (
        f"stage cannot listen on port {port!r}: it must be a number from 0 to 65535."
    )
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, TypeError)


async def test_port_may_be_the_digits_of_a_number() -> None:
    actor: Any = JSONActor("stage", port="0")  # type: ignore[arg-type]
    await actor.start()
    assert actor.port > 0
    await actor.stop()


async def test_unknown_port_keeps_the_class_of_the_resolver() -> None:
    with pytest.raises(socket.gaierror) as caught:
        await JSONActor("stage", port="abc").start()  # type: ignore[arg-type]
    assert str(caught.value) == "stage cannot listen on localhost:abc: there is no such port."


async def test_port_that_is_taken_is_named_with_what_may_have_it() -> None:
    server = await asyncio.start_server(lambda *_: None, "localhost", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(OSError, match=rf"^stage cannot listen on localhost:{port}: ") as caught:
        await JSONActor("stage", port=port).start()
    assert caught.value.errno == errno.EADDRINUSE
    assert str(caught.value).endswith(
        "Another program, maybe another instance of this actor, uses the port."
    )
    server.close()
