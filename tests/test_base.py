"""Clients, and how actors write replies."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from unittest import mock
from unittest.mock import MagicMock, call

import pytest
from sdsstools import Configuration
from sdsstools.logger import get_logger

import clu.base
from clu import BaseActor, BaseClient, Command, CommandStatus, JSONActor, MessageCode, Reply
from clu.exceptions import (
    CluError,
    CluNotImplemented,
    CluTypeError,
    CluValueError,
    EncodingError,
)
from clu.testing import setup_test_actor
from clu.tools import REPLY

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable


class Client(BaseClient):
    async def start(self) -> Any:
        return self


class Collector(BaseActor):
    """An actor that records its replies and sends nothing."""

    def __init__(self, name: str = "collector", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.sent: list[Reply] = []
        self.logged: list[bool] = []

    async def start(self) -> Any:
        return self

    def new_command(self) -> None: ...

    def parse_command(self, command: Command[Any]) -> None:
        command.set_status("RUNNING")

    def _write_internal(self, reply: Reply, write_to_log: bool = True) -> Any:
        self.sent.append(reply)
        self.logged.append(write_to_log)

    @property
    def output(self) -> list[tuple[str, dict[str, Any]]]:
        """What was sent, as pairs of a code and a message."""
        return [(reply.message_code.value, reply.message) for reply in self.sent]


SCHEMA = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number"},
        "state": {"type": "object"},
        "pair": {"type": "array"},
    },
}


@pytest.fixture
def actor() -> Collector:
    return Collector(schema=SCHEMA)


# --- BaseClient -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", None])
def test_a_client_needs_a_name(name: str | None) -> None:
    with pytest.raises(AssertionError, match="name cannot be empty"):
        Client(name)


def test_the_version_is_a_question_mark_unless_given() -> None:
    assert Client("a").version == Client("a", version="").version == "?"
    assert Client("a", version="1.2").version == "1.2"


def test_a_client_says_who_it_is() -> None:
    assert str(Client("a")) == "Client"
    assert repr(Client("a")) == "<Client (name='a')>"


def test_the_base_classes_are_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        BaseClient("a")  # type: ignore[abstract]
    with pytest.raises(TypeError, match="abstract"):
        BaseActor("a")  # type: ignore[abstract]
    assert BaseActor.__abstractmethods__ == {
        "_write_internal",
        "new_command",
        "parse_command",
        "start",
    }


def test_an_actor_with_its_own_write_on_top_of_another_class_can_be_made() -> None:
    class ListActor(BaseActor, list):  # type: ignore[type-arg]
        async def start(self) -> Any: ...

        def new_command(self) -> None: ...

        def parse_command(self, command: Any) -> None: ...

        def write(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
            self.append((args, kwargs))

    actor = ListActor("a")
    actor.write("i", text="x")
    assert actor == [(("i",), {"text": "x"})]


def test_an_actor_is_prepared_before_mock_commands() -> None:
    class Mute(BaseActor):
        async def start(self) -> Any: ...

        def _write_internal(self, *args: Any, **kwargs: Any) -> None: ...

        def new_command(self) -> None: ...

        def parse_command(self, command: Any) -> None: ...

    with pytest.raises(CluNotImplemented, match="setup_test_actor"):
        Mute("a").invoke_mock_command("ping")


async def test_a_plain_client_sends_no_commands() -> None:
    with pytest.raises(NotImplementedError, match="not implemented for this client"):
        await Client("a").send_command("b", "ping")


async def test_a_proxy_joins_the_words_of_a_command() -> None:
    class Sender(Client):
        async def send_command(self, actor: str, *args: Any, **kwargs: Any) -> Any:
            return actor, args, kwargs

    proxy = Sender("a").proxy("camera")
    assert await proxy.send_command("expose", "--time", 1.5) == (
        "camera",
        ("expose --time 1.5",),
        {},
    )
    assert (proxy.actor, proxy.client.name) == ("camera", "a")


async def test_stopping_cancels_the_tasks_of_the_client_and_no_others() -> None:
    client = Client("a")
    own = client._create_task(asyncio.sleep(60))
    other = asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.sleep(0)
    await client.stop()
    assert own.cancelled()
    assert not other.done()
    assert client._tasks == set()
    other.cancel()


async def test_a_client_can_be_stopped_by_one_of_its_tasks() -> None:
    client = Client("a")
    await asyncio.wait_for(client._create_task(client.stop()), 5)


async def test_a_background_task_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    client = Client("a")
    await asyncio.wait([client._create_task(fail())])
    assert "a: a background task failed." in caplog.text
    assert "ValueError: broken" in caplog.text


async def test_what_reaches_the_loop_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("in the loop")

    loop = asyncio.get_running_loop()
    Client("a").set_loop_exception_handler()
    caplog.clear()
    loop.call_soon(fail)
    await asyncio.sleep(0.01)
    loop.set_exception_handler(None)
    (record,) = caplog.records
    assert record.name == "clu:a"
    assert "in the loop" in re.sub(r"\x1b\[[\d;]*m", "", record.getMessage())


async def test_a_future_that_was_cancelled_for_nobody_is_not_reported(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    Client("a").set_loop_exception_handler()
    caplog.clear()
    loop = asyncio.get_running_loop()
    loop.call_exception_handler(
        {"message": "never retrieved", "exception": asyncio.CancelledError()}
    )
    loop.set_exception_handler(None)
    assert not caplog.records
    assert not capfd.readouterr().err


# --- logs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verbose", "level"),
    [
        (False, logging.WARNING),
        (True, logging.DEBUG),
        (logging.ERROR, logging.ERROR),
        (REPLY, REPLY),
    ],
)
def test_how_much_goes_to_the_terminal(verbose: bool | int, level: int) -> None:
    log = Client("a", verbose=verbose).log
    assert log.name == "clu:a"
    assert log.level == REPLY
    assert log.sh.level == level
    assert log.handlers == [log.sh]


def test_a_given_logger_is_used() -> None:
    log = get_logger("mine")
    assert Client("a", log=log).log is log
    assert log.level == REPLY
    assert log.sh.level == logging.WARNING


@pytest.mark.parametrize("log", [logging.getLogger("plain"), "name", 5])
def test_another_kind_of_logger_is_refused(log: Any) -> None:
    with pytest.raises(AssertionError, match=r"must be sdsstools\.SDSSLogger"):
        Client("a", log=log)


def close_file(client: BaseClient) -> None:
    assert client.log.fh is not None
    client.log.fh.close()
    client.log.removeHandler(client.log.fh)
    client.log.warnings_logger.removeHandler(client.log.fh)


def test_a_log_file_has_all_replies_with_times_in_utc(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Honolulu")
    time.tzset()
    try:
        client = Client("camera", log_dir=tmp_path / "new" / "logs")
        before = time.strftime("%Y-%m-%d %H", time.gmtime())
        client.log.log(REPLY, "a reply")
        client.log.log(REPLY - 1, "too low")
        close_file(client)
    finally:
        monkeypatch.undo()
        time.tzset()
    lines = (tmp_path / "new" / "logs" / "camera.log").read_text().splitlines()
    assert [line.split(" - ", 1)[1] for line in lines] == [
        "DEBUG - camera: logging system initiated.",
        "REPLY - a reply",
    ]
    after = time.strftime("%Y-%m-%d %H", time.gmtime())
    assert lines[1][:13] in (before, after)


def test_the_start_of_the_log_is_logged_without_a_file_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Client("camera")
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("clu:camera", "DEBUG", "camera: logging system initiated.")
    ]


def test_an_old_log_file_is_rolled_over(tmp_path: pathlib.Path) -> None:
    for text in ("first", "second"):
        client = Client("camera", log_dir=str(tmp_path))
        client.log.error(text)
        close_file(client)
    new, old = sorted(tmp_path.iterdir())
    assert new.name == "camera.log"
    assert "second" in new.read_text()
    assert "first" not in new.read_text()
    assert "first" in old.read_text()


def test_no_file_without_a_directory(tmp_path: pathlib.Path) -> None:
    log = Client("a", log_dir=False).log  # type: ignore[arg-type]
    assert len(log.handlers) == 1
    assert log.fh is None


# --- from_config ------------------------------------------------------------------------------


class Strict(Client):
    def __init__(self, name: str, version: str | None = None, config: Any = {}) -> None:
        super().__init__(name, version=version, config=config)


class Open(Client):
    def __init__(self, name: str, **kwargs: Any) -> None:
        self.others = dict(kwargs)
        super().__init__(name, config=kwargs["config"])


@pytest.mark.parametrize(
    "config",
    [
        {"name": "a", "version": "1"},
        {"actor": {"name": "a", "version": "1"}, "client": {"name": "b"}, "name": "c"},
        {"client": {"name": "a", "version": "1"}, "name": "c"},
        {"actor": None, "client": {"name": "a", "version": "1"}},
    ],
)
def test_the_section_of_the_actor_counts_then_of_the_client_then_the_whole(config: Any) -> None:
    original = copy.deepcopy(config)
    client = Client.from_config(config)
    assert (client.name, client.version) == ("a", "1")
    assert client.config is config
    assert config == original


def test_an_empty_section_counts() -> None:
    with pytest.raises(TypeError, match="name"):
        Client.from_config({"actor": {}, "name": "a"})


@pytest.mark.parametrize(
    ("verbose", "level"),
    [(False, 30), (None, 30), (True, 10), (0, 0), (20, 20)],
)
def test_verbose_is_the_level_of_the_terminal(verbose: Any, level: int) -> None:
    log = Client("a", verbose=verbose).log
    assert log.sh is not None
    assert log.sh.level == level


@pytest.mark.parametrize("log_dir", [True, False])
def test_the_log_says_that_it_begins(
    log_dir: bool, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = Client("a", log_dir=tmp_path if log_dir else None).log
    if log.fh is not None:
        log.fh.close()
    assert [record.getMessage() for record in caplog.records] == ["a: logging system initiated."]


@pytest.mark.parametrize("name", ["get_logger", "Model"])
def test_what_a_test_replaces_in_the_module_is_used(name: str) -> None:
    original = getattr(clu.base, name)
    with mock.patch(f"clu.base.{name}", side_effect=original) as replaced:
        Collector()
    assert replaced.call_count == 1
    assert getattr(clu.base, name) is original


def test_a_reply_class_that_a_test_replaces_is_used(actor: Collector) -> None:
    with mock.patch("clu.base.Reply", side_effect=Reply) as replaced:
        reply = actor.write("i", text="x", internal=True)
    assert isinstance(reply, Reply)
    assert replaced.call_count == 1
    assert reply.internal
    assert actor.output == [("i", {"text": "x"})]


def test_arguments_win_over_the_configuration() -> None:
    config = {"actor": {"name": "a", "version": "1"}}
    client = Client.from_config(config, version="2", verbose=True)
    assert client.version == "2"
    assert client.log.sh.level == logging.DEBUG
    assert config == {"actor": {"name": "a", "version": "1"}}


def test_positional_arguments_are_passed_on() -> None:
    assert Strict.from_config({"version": "3"}, "a").version == "3"


def test_unknown_keys_are_dropped_unless_the_class_takes_any() -> None:
    config = {"actor": {"name": "a", "host": "h"}, "other": 1}
    assert Strict.from_config(config).config is config
    assert Open.from_config(config).others == {"host": "h", "config": config}


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # sdsstools opens it
def test_a_configuration_of_sdsstools_stays_one(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("actor: {name: a}\nfiles: {use_sjd: true}\n")
    client = Client.from_config(Configuration(str(path)))
    assert client.name == "a"
    assert isinstance(client.config, Configuration)
    assert client.config.get("files.use_sjd") is True


def test_a_configuration_is_read_from_a_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("actor: {name: a}\nother: 1\n")
    for each in (path, str(path)):
        client = Client.from_config(each)
        assert client.config == {"actor": {"name": "a"}, "other": 1}
        assert isinstance(client.config, dict)


def test_the_yaml_loader_can_be_chosen(tmp_path: pathlib.Path) -> None:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!upper", lambda loader, node: loader.construct_scalar(node).upper())
    path = tmp_path / "a.yml"
    path.write_text("name: !upper abc\n")
    assert Client.from_config(path, loader=Loader).name == "ABC"


def test_a_missing_file_is_an_assertion_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(AssertionError, match="configuration path does not exist"):
        Client.from_config(tmp_path / "none.yml")


# --- write: the message -----------------------------------------------------------------------


def test_keywords_are_added_to_the_message_and_win(actor: Collector) -> None:
    message = {"temperature": 1, "text": "a"}
    reply = actor.write("i", message, text="b", pair=[1])
    assert actor.output == [("i", {"temperature": 1, "text": "b", "pair": [1]})]
    assert actor.sent == [reply]
    assert message == {"temperature": 1, "text": "a"}


def test_a_text_is_the_value_of_text(actor: Collector) -> None:
    actor.write("w", "careful")
    actor.write("w", "careful", temperature=1)
    actor.write("w", "careful", text="keywords win")
    assert [message for _, message in actor.output] == [
        {"text": "careful"},
        {"text": "careful", "temperature": 1},
        {"text": "keywords win"},
    ]


def test_a_reply_may_be_empty_and_is_of_level_info(actor: Collector) -> None:
    actor.write()
    assert actor.output == [("i", {})]


def test_codes_are_members_or_strings(actor: Collector) -> None:
    actor.write(MessageCode.DEBUG)
    actor.write(message_code="w", message={})
    actor.write("!")
    assert [code for code, _ in actor.output] == ["d", "w", "!"]
    assert actor.sent[0].message_code is MessageCode.DEBUG
    assert actor.sent[1].message_code is MessageCode.WARNING


@pytest.mark.parametrize("code", ["x", "INFO", 20, None])
def test_an_unknown_code_is_refused(actor: Collector, code: Any) -> None:
    with pytest.raises(CluValueError, match="not a valid MessageCode"):
        actor.write(code, text="x")
    assert not actor.sent


@pytest.mark.parametrize("message", [5, ["a"], ("a", 1), {"a"}, b"a", object()])
def test_a_message_of_another_type_is_refused(actor: Collector, message: Any) -> None:
    with pytest.raises(TypeError, match="must be a string or a dictionary") as caught:
        actor.write("i", message)
    assert isinstance(caught.value, CluTypeError)
    assert isinstance(caught.value, CluError)
    assert not actor.sent


def test_a_subclass_of_dict_is_a_message(actor: Collector) -> None:
    actor.write("i", OrderedDict(temperature=1))
    assert actor.output == [("i", {"temperature": 1})]


# --- write: exceptions ------------------------------------------------------------------------


def raised() -> Exception:
    def inner() -> None:
        raise ValueError("bad value")

    try:
        inner()
    except ValueError as error:
        return error
    raise AssertionError


def test_an_exception_is_expanded(actor: Collector) -> None:
    error = raised()
    reply = actor.write("e", {"error": error})
    described = reply.message["error"]
    assert list(described) == ["message", "module", "type", "filename", "lineno", "traceback"]
    assert described["message"] == "bad value"
    assert described["module"] == "builtins"
    assert described["type"] == "ValueError"
    assert described["filename"] == __file__
    assert error.__traceback__ is not None
    assert described["lineno"] == error.__traceback__.tb_lineno
    assert described["traceback"][0].startswith("Traceback")
    assert described["traceback"][-1] == "ValueError: bad value\n"
    assert reply.validated


def test_the_frame_of_the_traceback_can_be_chosen(actor: Collector) -> None:
    error = raised()
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is not None
    lines = [
        actor.write("e", error=error, traceback_frame=frame).message["error"]["lineno"]
        for frame in (0, 1, 5)
    ]
    first, last = error.__traceback__.tb_lineno, error.__traceback__.tb_next.tb_lineno
    assert lines == [first, last, last]
    assert first != last


def test_an_exception_that_was_never_raised_has_no_place(actor: Collector) -> None:
    described = actor.write("e", exception=KeyError("x")).message["exception"]
    assert (described["filename"], described["lineno"]) == (None, None)
    assert described["message"] == "'x'"


def test_an_exception_can_be_just_its_text(actor: Collector) -> None:
    actor.write("e", error=raised(), expand_exceptions=False)
    assert actor.output == [("e", {"error": "bad value"})]


def test_an_exception_inside_a_dictionary_is_its_text(actor: Collector) -> None:
    message = {"state": {"controller": "sp1", "error": raised(), "deep": {"error": raised()}}}
    actor.write("e", message)
    expected = {"controller": "sp1", "error": "bad value", "deep": {"error": "bad value"}}
    assert actor.output == [("e", {"state": expected})]
    assert isinstance(message["state"]["error"], ValueError)


# --- write: validation ------------------------------------------------------------------------


UNKNOWN = "The keyword 'unknown' is not in it."


def rejection(message: dict[str, Any], why: str) -> dict[str, Any]:
    problem = f"message {message} does not match the schema. {why}"
    return {"error": f"Failed validating the reply: {problem}"}


def test_a_valid_reply_updates_the_model(actor: Collector) -> None:
    reply = actor.write("i", temperature=5)
    assert (reply.validated, reply.use_validation) == (True, True)
    assert actor.model is not None
    assert actor.model["temperature"].value == 5


def test_a_reply_that_does_not_match_is_replaced_by_an_error(actor: Collector) -> None:
    reply = actor.write("i", temperature="hot", text="x")
    assert actor.sent == [reply]
    assert reply.message_code is MessageCode.ERROR
    assert reply.message == rejection(
        {"temperature": "hot", "text": "x"}, "temperature: 'hot' is not of type 'number'."
    )
    assert (reply.validated, reply.use_validation) == (False, True)
    assert actor.model is not None
    assert actor.model["text"].value is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"temperature": "hot"}, "temperature: 'hot' is not of type 'number'."),
        (
            {"temprature": 5, "text": "x"},
            "the keyword 'temprature' is not in it. Did you mean 'temperature'?",
        ),
        ({"zzz": 5}, "the keyword 'zzz' is not in it."),
    ],
)
def test_why_a_reply_does_not_match_is_logged(
    actor: Collector, caplog: pytest.LogCaptureFixture, message: dict[str, Any], reason: str
) -> None:
    actor.write("i", message)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warned == [f"collector: a reply does not match the schema: {reason}"]


def test_an_error_of_the_validation_itself_is_reported(
    actor: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def validate(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no idea")

    monkeypatch.setattr(actor.model, "validate", validate)
    actor.write("i", text="x")
    assert actor.output == [("e", {"error": "Failed validating the reply: no idea"})]


def test_the_reason_that_a_model_gives_is_reported(
    actor: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate = MagicMock(return_value=(False, "too warm"))
    monkeypatch.setattr(actor.model, "validate", validate)
    actor.write("i", text="x")
    assert actor.output == [("e", {"error": "Failed validating the reply: too warm"})]
    assert validate.mock_calls == [call({"text": "x"}, update_model=True)]


def test_keywords_outside_the_schema_need_permission(actor: Collector) -> None:
    actor.write("i", unknown=1)
    assert actor.output == [("e", rejection({"unknown": 1}, UNKNOWN))]
    tolerant = Collector(schema=SCHEMA, additional_properties=True)
    tolerant.write("i", unknown=1)
    assert tolerant.output == [("i", {"unknown": 1})]
    assert tolerant.model is not None
    assert tolerant.model["unknown"].in_schema is False
    assert tolerant.model["temperature"].in_schema is True


@pytest.mark.parametrize(
    ("default", "argument", "validated"),
    [
        (True, None, True),
        (False, None, False),
        (True, False, False),
        (False, True, True),
    ],
)
def test_the_argument_decides_on_validation_then_the_actor(
    default: bool, argument: bool | None, validated: bool
) -> None:
    actor = Collector(schema=SCHEMA, validate=default)
    good = actor.write("i", temperature=1, validate=argument)
    assert (good.validated, good.use_validation) == (validated, validated)
    bad = actor.write("i", temperature="hot", validate=argument)
    assert bad.message_code == ("e" if validated else "i")
    assert actor.model is not None
    assert actor.model["temperature"].value == (1 if validated else None)


def test_an_actor_without_a_model_sends_anything(actor: Collector) -> None:
    actor.model = None
    reply = actor.write("i", whatever={"a": 1})
    assert actor.output == [("i", {"whatever": {"a": 1}})]
    assert (reply.validated, reply.use_validation) == (False, True)


def test_the_class_may_have_the_schema() -> None:
    class WithSchema(Collector):
        schema = SCHEMA

    actor = WithSchema()
    actor.write("i", temperature="hot")
    assert actor.output[0][0] == "e"
    other = WithSchema(schema={"type": "object", "properties": {}}, additional_properties=True)
    other.write("i", temperature="hot")
    assert other.output[0][0] == "i"


def test_another_schema_can_be_loaded(actor: Collector, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"type": "object", "properties": {"new": {}}}))
    for schema, is_file in ((path, None), (str(path), True)):
        model = actor.load_schema(schema, is_file=is_file)
        assert model is actor.model
        assert model is not None
        assert "new" in model
        assert not model.validate({"other": 1})[0]
    model = actor.load_schema(None, additional_properties=True)
    assert model is not None
    assert "new" not in model
    assert model.validate({"other": 1})[0]


@pytest.mark.parametrize(("finish", "code"), [("finish", ":"), ("fail", "f")])
async def test_a_rejected_end_is_reported_and_still_ends_the_command(
    actor: Collector, finish: str, code: str
) -> None:
    command = Command("", actor=actor)
    getattr(command, finish)(flag=True)
    assert actor.output == [
        ("e", rejection({"flag": True}, UNKNOWN.replace("unknown", "flag"))),
        (code, {}),
    ]
    assert [reply.message_code for reply in command.replies] == ["e", code]
    assert all(reply.use_validation and not reply.validated for reply in actor.sent)
    assert command.status.is_done
    assert await command is command


async def test_a_rejected_reply_keeps_where_it_was_to_go(actor: Collector) -> None:
    command = Command("", actor=actor, internal=True, write_to_log=False)
    command.finish(flag=True, broadcast=True)
    assert [(r.command, r.broadcast, r.internal) for r in actor.sent] == [(command, True, True)] * 2
    assert actor.logged == [False, False]
    silent = Command("", actor=actor, silent=True)
    silent.finish(flag=True)
    assert len(actor.sent) == 2
    assert [reply.message_code for reply in silent.replies] == ["e", ":"]


# --- write: what happens to it ----------------------------------------------------------------


async def test_a_reply_knows_its_command_and_the_command_its_replies(actor: Collector) -> None:
    command = Command("", actor=actor)
    reply = actor.write("i", {"text": "x"}, command, True, internal=True, write_to_log=False)
    assert command.replies == [reply]
    assert reply.command is command
    assert (reply.broadcast, reply.internal) == (True, True)
    assert actor.logged == [False]


@pytest.mark.parametrize("how", [{"silent": True}, {"emit": False}])
async def test_what_is_not_sent_still_counts(how: dict[str, bool]) -> None:
    actor = Collector(schema=SCHEMA, store=True)
    command = Command("", actor=actor)
    reply = actor.write("i", {"temperature": 7}, command=command, **how)
    assert actor.sent == []
    assert command.replies == [reply]
    assert actor.model is not None
    assert actor.model["temperature"].value == 7
    assert actor.store is not None
    assert actor.store.tail("temperature")[0].value == 7


def test_what_is_stored() -> None:
    everything = Collector(schema=SCHEMA, store=True)
    some = Collector(schema=SCHEMA, store=["text"])
    for actor in (everything, some):
        actor.write("i", temperature=1, text="x")
        actor.write("i", unknown=1)
    assert everything.store is not None
    assert some.store is not None
    assert set(everything.store) == {"temperature", "text", "error"}
    assert set(some.store) == {"text"}
    assert Collector().store is None


async def test_a_coroutine_that_writes_is_scheduled() -> None:
    class Slow(Collector):
        async def _write_internal(self, reply: Reply, write_to_log: bool = True) -> Any:
            await asyncio.sleep(0)
            super()._write_internal(reply, write_to_log)

    actor = Slow()
    actor.write("i", text="a")
    actor.write(":", unknown="b")
    assert actor.sent == []
    await asyncio.gather(*actor._tasks)
    assert actor.output == [
        ("i", {"text": "a"}),
        ("e", rejection({"unknown": "b"}, UNKNOWN)),
        (":", {}),
    ]


# --- write: the message processor -------------------------------------------------------------


def test_a_processor_rewrites_messages_before_they_are_validated(actor: Collector) -> None:
    actor.set_message_processor(lambda message: {key.lower(): message[key] for key in message})
    reply = actor.write("i", {"TEMPERATURE": 5})
    assert actor.output == [("i", {"temperature": 5})]
    assert reply.validated
    actor.set_message_processor(None)
    actor.write("i", {"TEMPERATURE": 5})
    assert actor.output[1][0] == "e"


def add_stamp(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "text": "stamped"}


def test_a_class_may_have_a_processor() -> None:
    class ByAttribute(Collector):
        _message_processor = staticmethod(add_stamp)

    class ByMethod(Collector):
        def _message_processor(self, message: dict[str, Any]) -> dict[str, Any]:
            return add_stamp(message)

    class BeforeTheRest(Collector):
        def __init__(self) -> None:
            self.set_message_processor(add_stamp)
            super().__init__()

    for kind in (ByAttribute, ByMethod, BeforeTheRest):
        actor: Collector = kind()
        actor.write("i", temperature=1, validate=False)
        assert actor.output == [("i", {"temperature": 1, "text": "stamped"})]
        actor.set_message_processor(None)
        actor.write("i", {})
        assert actor.output[1:] == [("i", {})]


def drop_and_raise(message: dict[str, Any]) -> dict[str, Any]:
    message.clear()
    raise ValueError("broken processor")


def drop_and_return_nothing(message: dict[str, Any]) -> Any:
    message.clear()


@pytest.mark.parametrize(
    ("processor", "logged"),
    [(drop_and_raise, "broken processor"), (drop_and_return_nothing, "returned None")],
)
def test_a_processor_that_fails_is_logged_and_the_message_goes_out_as_it_was(
    actor: Collector,
    processor: Callable[[dict[str, Any]], dict[str, Any]],
    logged: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = {"temperature": 5}
    actor.set_message_processor(processor)
    actor.write("i", message, text="x")
    assert actor.output == [("i", {"temperature": 5, "text": "x"})]
    assert message == {"temperature": 5}
    assert logged in caplog.text
    assert processor.__name__ in caplog.text


async def test_a_processor_has_no_say_in_error_replies(actor: Collector) -> None:
    actor.set_message_processor(lambda message: {**message, "stamp": 1})
    Command("", actor=actor).finish(text="x")
    assert actor.output == [
        (
            "e",
            rejection(
                {"text": "x", "stamp": 1}, "The keyword 'stamp' is not in it. Did you mean 'state'?"
            ),
        ),
        (":", {}),
    ]


# --- write: what cannot be sent ---------------------------------------------------------------


def test_what_a_transport_cannot_encode_becomes_an_error_reply() -> None:
    class Refusing(Collector):
        def _write_internal(self, reply: Reply, write_to_log: bool = True) -> Any:
            if "bad" in reply.message:
                raise EncodingError("Keyword 'bad' cannot be sent.", "bad")
            return super()._write_internal(reply, write_to_log)

    actor = Refusing(validate=False)
    reply = actor.write("i", bad=1)
    assert actor.output == [("e", {"error": "Keyword 'bad' cannot be sent."})]
    assert actor.sent == [reply]
    actor.write("f", bad=1)
    assert [code for code, _ in actor.output[1:]] == ["e", "f"]


def circular() -> dict[str, Any]:
    table: dict[str, Any] = {"error": ValueError("x")}
    table["self"] = table
    return table


def deep() -> dict[str, Any]:
    table: dict[str, Any] = {}
    for _ in range(100_000):
        table = {"a": table}
    return table


@pytest.mark.parametrize("value", [{1, 2}, b"x", {(1, 2): 3}, object(), circular(), deep()])
@pytest.mark.parametrize("validate", [True, False])
async def test_an_error_reply_names_the_keyword_and_the_command_ends(
    value: Any, validate: bool
) -> None:
    schema = {"type": "object", "properties": {"bad": {}}}
    actor = await setup_test_actor(JSONActor("json", port=0, schema=schema))
    command = Command("", actor=actor, command_id=3, commander_id=666)
    command.set_status(CommandStatus.RUNNING)
    command.finish(text="fine", bad=value, validate=validate)
    replies = actor.mock_replies  # type: ignore[attr-defined]
    assert [reply.flag for reply in replies] == [">", "e", ":"]
    assert [reply.command_id for reply in replies] == [3, 3, 3]
    error = replies[1]["error"]
    assert "Keyword 'bad' cannot be sent: " in error or "Failed validating the reply" in error
    assert command.status is CommandStatus.DONE
    assert [reply.message_code for reply in command.replies] == [">", "e", ":"]


async def test_ids_that_cannot_be_sent_are_an_error_of_the_program() -> None:
    actor = await setup_test_actor(JSONActor("json", port=0))
    command = Command("", actor=actor, command_id={1})  # type: ignore[arg-type]
    with pytest.raises(EncodingError, match="The reply cannot be sent"):
        command.info("x")


async def test_a_processor_that_always_breaks_messages_does_not_loop() -> None:
    actor = await setup_test_actor(JSONActor("json", port=0, validate=False))
    actor.set_message_processor(lambda message: {**message, "bad": {1}})
    actor.write(":", text="x")
    replies = actor.mock_replies  # type: ignore[attr-defined]
    assert [reply.flag for reply in replies] == ["e", ":"]
    assert "Keyword 'bad' cannot be sent" in replies[0]["error"]


async def test_what_is_sent_is_one_json_object_a_line() -> None:
    actor = await setup_test_actor(JSONActor("json", port=0, additional_properties=True))
    transport: Any = actor.transports[666]  # type: ignore[index]
    actor.write("i", value=float("nan"), text="two\nlines")
    (line,) = (call.args[0] for call in transport.write.call_args_list)
    assert line.count(b"\n") == 1
    assert json.loads(line)["data"]["text"] == "two\nlines"
