"""The signatures of actors."""

from __future__ import annotations

import inspect
import pydoc
from typing import Any

import pytest

from clu import AMQPActor, AMQPBaseActor, JSONActor, LegacyActor, TCPBaseActor


@pytest.mark.parametrize("cls", [JSONActor, TCPBaseActor])
def test_signature_of_a_tcp_actor_has_all_arguments(cls: type) -> None:
    parameters = inspect.signature(cls).parameters
    positional = [
        each.name for each in parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    assert positional[:5] == ["name", "host", "port", "version", "log_dir"]
    assert {"schema", "store", "token", "error_details"} < {*parameters} - {*positional}
    assert parameters["name"].default is inspect.Parameter.empty
    assert "kwargs" not in parameters


@pytest.mark.parametrize("cls", [AMQPActor, AMQPBaseActor])
def test_signature_of_an_amqp_actor_has_all_arguments(cls: type) -> None:
    parameters = inspect.signature(cls).parameters
    assert list(parameters)[:6] == ["name", "url", "user", "password", "host", "port"]
    assert parameters["heartbeat"].default is None
    assert parameters["schema"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["verbose"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["models"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


@pytest.mark.parametrize("cls", [JSONActor, AMQPActor, LegacyActor])
def test_arguments_can_be_passed_as_the_signature_says(cls: Any) -> None:
    signature = inspect.signature(cls)
    names = [each.name for each in signature.parameters.values() if each.name != "kwargs"]
    needed = {"name": "x", "host": "localhost", "port": 5}
    for name in names:
        default = signature.parameters[name].default
        cls(**needed, **({} if name in needed else {name: default}))
    order = [each for each in names if signature.parameters[each].kind.value == 1]
    values = [needed.get(each, signature.parameters[each].default) for each in order]
    assert cls(*values).name == "x"


def test_subclass_has_the_signature_of_its_own_init_and_else_of_its_base() -> None:
    class Same(JSONActor):
        pass

    class Own(JSONActor):
        def __init__(self, lamp: str, *args: Any, **kwargs: Any) -> None: ...

    assert inspect.signature(Same) == inspect.signature(JSONActor)
    assert list(inspect.signature(Own).parameters) == ["lamp", "args", "kwargs"]


def test_calls_of_init_still_take_anything() -> None:
    assert list(inspect.signature(AMQPActor.__init__).parameters) == ["self", "args", "kwargs"]


def test_help_shows_the_arguments() -> None:
    text = pydoc.render_doc(AMQPActor, renderer=pydoc.plaintext)
    assert "heartbeat: 'int | None' = None" in text.partition("|")[0] + text[:3000]
