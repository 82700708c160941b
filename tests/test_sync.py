"""The blocking clients."""

from __future__ import annotations

import contextlib
import inspect
import os
import pickle
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPActor, JSONActor
from clu._core.reply import KEPT_REPLIES
from clu._core.thread import LoopThread
from clu.exceptions import (
    ActorNotFound,
    CluConnectionError,
    CluRuntimeError,
    CluValueError,
    CommandFailed,
    CommandTimeout,
    InvalidCommand,
    KeywordTimeout,
)
from clu.sync import Actor, Client, connect
from tests.amqp.actors import SCHEMA, Camera, make_parser
from tests.broker import free_port
from tests.remote import actors as remote_actors
from tests.waiting import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.broker import Broker


class Stage(JSONActor):
    parser = make_parser()


@contextlib.contextmanager
def running(actor: Any) -> Iterator[Any]:
    """Run an actor in a thread, as the clients of this module block the one of the test."""
    thread = LoopThread("actor")
    try:
        thread.run(actor.start())
        yield thread
    finally:
        thread.finish(actor.stop())


@pytest.fixture
def stage() -> Iterator[str]:
    actor = Stage("stage", port=free_port(), schema=SCHEMA)
    with running(actor):
        yield f"tcp://localhost:{actor.port}"


@pytest.fixture
def camera(broker: Broker) -> Iterator[Broker]:
    with running(Camera("camera", url=broker.url)):
        yield broker


def wait_until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# -- TCP ------------------------------------------------------------------------------------


def test_a_result_has_the_first_the_last_and_all_values(stage: str) -> None:
    with connect(stage) as client:
        result = client.send("count", 3)
        assert result.status.did_succeed
        assert result.get("number") == 0
        assert result.last("number") == 2
        assert list(result.values("number")) == [0, 1, 2]
        assert result.get("word") is result.last("word") is None
        assert result.get("word", "none") == result.last("word", "none") == "none"
        assert result.flatten() == {"number": 2}
        assert [reply.message_code.value for reply in result.replies] == [">", "i", "i", "i", ":"]
        assert repr(result).endswith(" count 3: done, {'number': 2})>")


def test_replies_can_be_taken_as_they_come(stage: str) -> None:
    with connect(stage) as client, client.started("count 3") as command:
        assert [reply.body for reply in command] == [{"number": number} for number in range(3)]
        assert command.done
        assert command.result().last("number") == 2
        assert list(command) == []
        assert command.missed == 0


def test_a_command_that_fails_raises_an_error_with_the_reason(stage: str) -> None:
    with connect(stage) as client:
        client.send("ping")
        with pytest.raises(CommandFailed) as caught:
            client.send("dance")
        error = caught.value
        reason = "Command 'dance' does not exist or cannot be parsed."
        assert str(error) == f"stage dance: {reason}"
        assert (error.actor, error.command, error.error) == ("stage", "dance", reason)
        assert error.replies[-1].message_code == "f"
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
        assert client.send("ping").get("text") == "Pong."


def test_a_command_that_takes_too_long_raises_a_timeout(stage: str) -> None:
    with connect(stage) as client:
        with pytest.raises(CommandTimeout, match=r"sleep 1000: not ended in time\."):
            client.send("sleep 1000", timeout=0.05)
        with pytest.raises(TimeoutError):
            client.send("sleep", 1000, timeout=0.05)
    with connect(stage, timeout=0.05) as client, pytest.raises(CommandTimeout):
        client.send("sleep 1000")


def test_a_command_goes_on_after_a_wait_for_its_result_has_timed_out(stage: str) -> None:
    with connect(stage) as client:
        command = client.started("sleep 0.5")
        with pytest.raises(CommandTimeout, match=r"not ended within 0\.001 s"):
            command.result(0.001)
        assert command.result().get("text") == "slept"


def test_a_cancelled_command_ends_here(stage: str) -> None:
    with connect(stage) as client:
        with client.started("sleep 1000") as command:
            assert repr(command).endswith("sleep 1000: running)>")
        assert list(command) == []
        with pytest.raises(CommandFailed, match="cancelled by this program"):
            command.result()
        assert repr(command).endswith("sleep 1000: ended)>")


def test_replies_that_nobody_takes_do_not_pile_up(stage: str) -> None:
    with connect(stage) as client:
        command = client.started("count", KEPT_REPLIES + 100)
        command.result()
        assert command.missed == 100
        numbers = [reply.body["number"] for reply in command]
        assert numbers == list(range(100, KEPT_REPLIES + 100))


def test_several_threads_share_a_client(stage: str) -> None:
    with connect(stage) as client, ThreadPoolExecutor(8) as threads:
        texts = [f"text-{number}" for number in range(200)]
        results = threads.map(lambda text: client.send("echo", text).get("text"), texts)
        assert list(results) == texts


def test_a_command_fails_if_the_connection_is_lost() -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        client = connect(f"tcp://localhost:{port}")
        command = client.started("sleep 1000")
        server.accept()[0].close()
        with pytest.raises(CommandFailed, match=rf"tcp://localhost:{port} closed the connection"):
            command.result()
        client.close()


def test_a_client_connects_again() -> None:
    port = free_port()
    with running(Stage("stage", port=port, schema=SCHEMA)):
        client = connect(f"tcp://localhost:{port}")
        assert client.send("ping").get("text") == "Pong."
    wait_until(lambda: not client.client.is_connected())
    with pytest.raises(CluConnectionError, match=rf"Not connected to tcp://localhost:{port}\."):
        client.send("ping")
    with running(Stage("stage", port=port, schema=SCHEMA)):
        wait_until(client.client.is_connected)
        assert client.send("ping").get("text") == "Pong."
        client.close()


def test_a_token_is_sent_and_a_refusal_is_told() -> None:
    actor = Stage("stage", port=free_port(), schema=SCHEMA, token="secret")
    url = f"tcp://localhost:{actor.port}"
    with running(actor):
        with connect(url, token="secret") as client:
            assert client.send("ping").get("text") == "Pong."
        with pytest.raises(CluConnectionError, match=r"refused the token\. The token is wrong\."):
            connect(url, token="wrong")
        with connect(url) as client, pytest.raises(CommandFailed, match="needs a token"):
            client.send("ping")


def test_an_address_that_is_none_and_an_actor_that_is_not_there_are_told() -> None:
    for url in (
        "localhost:9999",
        "tcp://localhost",
        "tcp://:1",
        "amqp://localhost:1",
        "",
        "tcp://a:b",
    ):
        with pytest.raises(CluValueError, match="is not the address of an actor"):
            connect(url)
    port = free_port()
    with pytest.raises(CluConnectionError, match=rf"tcp://localhost:{port}: Connection refused"):
        connect(f"tcp://localhost:{port}")
    assert not [thread for thread in threading.enumerate() if thread.name == "clu.sync"]


def test_a_client_that_is_closed_says_so(stage: str) -> None:
    client = connect(stage)
    client.close()
    client.close()
    with pytest.raises(CluRuntimeError, match=r"The client is closed\."):
        client.send("ping")


def test_a_client_that_is_closed_by_another_thread_ends_what_waits(stage: str) -> None:
    client = connect(stage)
    command = client.started("sleep 1000")
    threading.Timer(0.2, client.close).start()
    with pytest.raises((CommandFailed, CluRuntimeError), match=r"stopped|closed"):
        command.result()


def test_a_callback_cannot_wait_for_its_own_client(stage: str) -> None:
    errors: list[BaseException] = []
    with connect(stage) as client:

        def callback(_: object) -> None:
            try:
                client.send("ping")
            except CluRuntimeError as error:
                errors.append(error)

        client.client.add_reply_callback(callback)
        client.send("ping")
        assert "A callback of a blocking client cannot wait" in str(errors[0])


def test_a_client_that_nobody_uses_any_more_ends(stage: str) -> None:
    client = connect(stage)
    thread = client._thread
    del client
    wait_until(lambda: not thread.is_running)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_is_told_that_the_client_is_not_its_own(stage: str) -> None:
    code = f"""
        import os
        from clu.sync import connect
        client = connect({stage!r})
        child = os.fork()
        if child == 0:
            try:
                client.send("ping")
            except RuntimeError as error:
                os.write(1, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        print(client.send("ping").get("text"))
        """
    assert run_script(code) == "The client is closed.Pong.\n"


def test_a_program_that_closes_nothing_ends(stage: str) -> None:
    code = f"""
        from clu.sync import connect
        client = connect({stage!r})
        command = client.started("sleep 1000")
        print(client.send("ping").get("text"))
        """
    assert run_script(code) == "Pong.\n"


def run_script(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stderr == ""
    return result.stdout


def test_ctrl_c_cancels_the_wait(stage: str) -> None:
    code = f"""
        from clu.sync import connect
        with connect({stage!r}) as client:
            print(client.send("ping").get("text"), flush=True)
            try:
                client.send("sleep 1000")
            except KeyboardInterrupt:
                print(client.send("ping").get("text"), client.client.running_commands)
        """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Pong.\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "Pong. {}\n"
    assert process.returncode == 0


# -- AMQP -----------------------------------------------------------------------------------


def test_actors_on_a_broker_are_commanded(camera: Broker) -> None:
    with Client(camera.url) as clu:
        assert clu.send("camera", "ping").get("text") == "Pong."
        with clu.started("camera", "count", 3) as command:
            assert [reply.body["number"] for reply in command] == [0, 1, 2]
        assert clu.send("camera", "echo", "there").flatten() == {"text": "there"}
        with pytest.raises(CommandFailed, match="camera dance: Command 'dance' does not exist"):
            clu.send("camera", "dance")
        with pytest.raises(CommandTimeout):
            clu.send("camera", "sleep 1000", timeout=0.2)
        with pytest.raises(CommandFailed) as caught:
            clu.send("nobody", "ping")
        assert caught.value.actor == "nobody"
        assert repr(clu) == f"<Client ({clu.client.connection.address})>"


def test_the_broker_comes_from_the_environment(
    camera: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLU_URL", camera.url)
    with Client() as clu:
        assert clu.send("camera", "ping").get("text") == "Pong."
    with pytest.raises(CluConnectionError, match=r"Connection refused|Cannot connect"):
        Client(host="localhost", port=free_port())


def test_several_threads_share_a_client_of_a_broker(camera: Broker) -> None:
    with Client(camera.url) as clu, ThreadPoolExecutor(8) as threads:
        texts = [f"text-{number}" for number in range(100)]
        results = threads.map(lambda text: clu.send("camera", "echo", text).get("text"), texts)
        assert list(results) == texts


# -- calls ----------------------------------------------------------------------------------


class CalledCamera(AMQPActor):
    parser = remote_actors.parser
    schema = remote_actors.SCHEMA


class TCPCamera(JSONActor):
    parser = remote_actors.parser


def test_a_value_is_waited_for(stage: str, camera: Broker) -> None:
    with connect(stage) as connection, Client(camera.url) as client:
        for waiting, name in ((connection, "number"), (client, "camera.number")):
            with pytest.raises(KeywordTimeout, match=f"{name} has not got the value"):
                waiting.wait_for(name, timeout=0.01)
            with pytest.raises(CluValueError, match="Did you mean number"):
                waiting.wait_for(name.replace("number", "numbr"))
        connection.send("count 3")
        client.send("camera", "count 3")
        assert connection.wait_for("number", lambda value: value == 2, timeout=TIMEOUT).value == 2
        assert client.wait_for("camera.number", timeout=TIMEOUT).value == 2


@pytest.fixture(params=["amqp", "tcp"])
def called(broker: Broker, request: pytest.FixtureRequest) -> Iterator[Actor]:
    """An actor as an object."""
    if request.param == "amqp":
        with running(CalledCamera("camera", url=broker.url)), Client(broker.url) as client:
            yield client.actor("camera")
    else:
        camera = TCPCamera("camera", port=free_port(), schema=remote_actors.SCHEMA)
        with running(camera), connect(f"tcp://localhost:{camera.port}") as connection:
            yield connection.actor()


def test_commands_are_called_like_functions(called: Actor) -> None:
    result = called.expose(900, flavour="dark", note=["a b"], timeout=20)
    assert result.command == "expose --flavour dark --note 'a b' 900"
    assert called.power.on("a", port=2).get("text") == "(2, ('a',))"
    got: list[Any] = []
    assert called.count(2, on_reply=got.append).replies == got
    with called.count.started(3) as command:
        assert [reply.body["number"] for reply in command] == [0, 1, 2]
        assert command.result().last("number") == 2
    assert repr(called) == "<Actor (camera)>"
    assert repr(called.power.on) == "<ActorCommand (camera power on)>"
    assert "expose" in dir(called)
    assert str(inspect.signature(called.power.on)) == (
        "(*names: str, port: int | None = None, timeout: float | None = None, "
        "retries: int | Retries = 0, on_reply: Callable | None = None) -> CommandResult"
    )


def test_errors_of_calls_are_those_of_asynchronous_ones(called: Actor) -> None:
    with pytest.raises(InvalidCommand, match="flavour must be one of"):
        called.expose(900, flavour="x")
    with pytest.raises(InvalidCommand, match="has no parameter 'command'"):
        called.count(2, command=None)
    remote_actors.attempts.clear()
    with pytest.raises(CommandFailed, match="Failure 1"):
        called.flaky(1)
    with pytest.raises(CommandTimeout, match=r"not ended within 0\.05 s"):
        called.sleep(timeout=0.05)


def test_who_is_not_there_is_told(broker: Broker) -> None:
    with Client(broker.url) as client, pytest.raises(ActorNotFound, match="no actor 'nobody'"):
        client.actor("nobody", timeout=0.3)
