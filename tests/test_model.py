"""Models: schemas, validation, updates, callbacks, and the models of other actors."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import time
import types
from typing import TYPE_CHECKING, Any

import jsonschema
import pydantic
import pytest

from clu import BaseClient, Command, MessageCode, Reply
from clu.exceptions import CluError, CluTypeError, CluValueError, CluWarning
from clu.model import DEFAULT_SCHEMA, CluModel, Model, ModelSet, Property

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number"},
        "state": {
            "type": "object",
            "properties": {"on": {"type": "boolean"}, "mode": {"enum": ["a", "b"]}},
        },
        "pair": {
            "type": "array",
            "items": [{"type": "integer", "title": "count"}, {"type": "string"}],
            "minItems": 2,
        },
    },
}
DEFAULT_KEYWORDS = [
    "text",
    "schema",
    "version",
    "help",
    "error",
    "exception",
    "exception_info",
    "yourUserID",
    "UserInfo",
    "num_users",
    "command_model",
]


@pytest.fixture
def model() -> Model:
    return Model("camera", SCHEMA)


def valid(model: Model, **message: Any) -> bool:
    result, error = model.validate(message)
    assert result is (error is None)
    if error is not None:
        assert isinstance(error, jsonschema.ValidationError)
    return result


# --- schemas ----------------------------------------------------------------------------------


def test_the_default_keywords_follow_those_of_the_schema(model: Model) -> None:
    assert list(model) == ["temperature", "state", "pair", *DEFAULT_KEYWORDS]
    assert list(DEFAULT_SCHEMA) == DEFAULT_KEYWORDS
    assert model.schema["additionalProperties"] is False


def test_the_schema_of_the_caller_is_not_touched() -> None:
    mine = copy.deepcopy({**SCHEMA, "required": ["temperature"]})
    original = copy.deepcopy(mine)
    model = Model("camera", mine)
    model.schema["properties"]["temperature"]["type"] = "string"
    Model("other", SCHEMA).schema["properties"]["text"]["type"] = "integer"
    assert mine == original
    assert DEFAULT_SCHEMA["text"] == {"type": "string"}
    assert valid(Model("camera", mine), temperature=1, text="x")


def test_a_schema_may_be_json_or_a_file(tmp_path: pathlib.Path) -> None:
    text = json.dumps(SCHEMA)
    path = tmp_path / "schema.json"
    path.write_text(text)
    for schema, is_file in [
        (text, None),
        (text, False),
        (path, None),
        (path, True),
        (str(path), None),
        (str(path), True),
        (types.MappingProxyType(SCHEMA), None),
    ]:
        assert Model("camera", schema, is_file=is_file).schema == Model("camera", SCHEMA).schema
    assert Model.is_file(path)
    assert not Model.is_file(text)
    assert not Model.is_file(SCHEMA)


def test_a_schema_may_refer_to_files_beside_it(tmp_path: pathlib.Path) -> None:
    texts = {
        "schema.json": {
            "type": "object",
            "definitions": {"state": {"enum": ["on", "off"]}},
            "properties": {
                "a": {"$ref": "a.json"},
                "b": {"$ref": "more/b.json#/definitions/x~1y"},
                "c": {"$ref": "schema.json#/definitions/state"},
                "d": {"$ref": "#/definitions/state"},
                "default": {"$ref": "a.json"},
                "e": {"default": {"$ref": "no.json"}},
            },
        },
        "a.json": {"$id": "http://x.org/a.json", "type": "number"},
        "more/b.json": {
            "definitions": {
                "x/y": {"type": "array", "items": {"$ref": "#/definitions/item"}},
                "item": {"anyOf": [{"type": "string"}, {"$ref": "../a.json#"}]},
            }
        },
    }
    (tmp_path / "more").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(json.dumps(text))
    model = Model("camera", tmp_path / "schema.json")
    for good in ({"a": 1}, {"b": ["x", 2]}, {"c": "on"}, {"d": "off"}, {"default": 2}, {"e": 1}):
        assert model.validate(good) == (True, None), good
    for bad in ({"a": "x"}, {"b": [None]}, {"c": "x"}, {"d": 1}, {"default": "x"}):
        assert not model.validate(bad)[0], bad
    assert model.schema["properties"]["a"] == {"type": "number"}


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("no.json", "No such file"),
        ("a.json#/definitions/no", "'a.json#/definitions/no' leads nowhere"),
        ("a.json#/properties/again", "'a.json#/properties/again' in .*a.json leads to itself"),
        ("broken.json", "Expecting value"),
    ],
)
def test_a_reference_that_cannot_be_resolved(
    tmp_path: pathlib.Path, reference: str, problem: str
) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": reference}}}
    again = {"properties": {"again": {"$ref": "a.json#/properties/again"}}}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    (tmp_path / "a.json").write_text(json.dumps(again))
    (tmp_path / "broken.json").write_text("x")
    with pytest.raises(CluValueError, match=rf"cannot parse input schema\. .*{problem}"):
        Model("camera", tmp_path / "schema.json")


@pytest.mark.parametrize("schema", ["{bad", "", "/no/such/file.json", "\x00", "x" * 10_000])
def test_what_cannot_be_parsed_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match=r"cannot parse input schema\."):
        Model("camera", schema)


def test_a_file_that_cannot_be_parsed_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.json").write_text("{")
    for is_file in (True, None):
        with pytest.raises(CluValueError, match=r"cannot parse input schema\."):
            Model("camera", tmp_path / "a.json", is_file=is_file)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "none.json"
    for schema, is_file in ((path, None), (path, True), (str(path), True)):
        with pytest.raises(FileNotFoundError, match=r"none\.json"):
            Model("camera", schema, is_file=is_file)
    with pytest.raises(CluValueError, match="is invalid"):
        Model("camera", path, is_file=False)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "nonsense"}}},
        {"type": "object", "properties": []},
        [],
        None,
        5,
        True,
        "[1]",
    ],
)
def test_an_invalid_schema_is_refused(schema: Any) -> None:
    with pytest.raises(CluValueError, match=r"^schema 'camera' is invalid\. "):
        Model("camera", schema)


@pytest.mark.parametrize(
    "schema",
    [{"type": "array", "items": {}}, {"type": "object"}, {}, {"properties": {}, "type": "string"}],
)
def test_a_schema_must_be_of_type_object_with_properties(schema: Any) -> None:
    with pytest.raises(CluValueError, match=r"^Schema must be of type object\. "):
        Model("camera", schema)


def test_keywords_are_never_required() -> None:
    model = Model("camera", {**SCHEMA, "required": ["temperature", "pair"]})
    assert "required" not in model.schema
    assert valid(model)


@pytest.mark.parametrize(
    ("in_schema", "argument", "allowed"),
    [
        (None, False, False),
        (None, True, True),
        (True, False, True),
        (False, True, False),
    ],
)
def test_additional_keywords_are_as_the_schema_says_then_the_argument(
    in_schema: bool | None, argument: bool, allowed: bool
) -> None:
    schema = SCHEMA if in_schema is None else {**SCHEMA, "additionalProperties": in_schema}
    model = Model("camera", schema, additional_properties=argument)
    assert valid(model, unknown=1) is allowed


class Inner(pydantic.BaseModel):
    low: int
    high: int


class Keywords(pydantic.BaseModel):
    limits: Inner
    value: float = pydantic.Field(..., ge=0)
    name: str | None = None
    numbers: list[int]


def test_a_schema_may_be_a_pydantic_model() -> None:
    model = Model("camera", Keywords)
    assert list(model)[:4] == ["limits", "value", "name", "numbers"]
    assert "required" not in model.schema
    assert valid(model, value=1)
    assert valid(model, limits={"low": 1, "high": 2}, name=None, numbers=(1, 2))
    assert not valid(model, value=-1)
    assert not valid(model, limits={"low": "x", "high": 2})
    assert not valid(model, unknown=1)


# --- validation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "is_valid"),
    [
        ({}, True),
        ({"temperature": 1.5, "text": "hello"}, True),
        ({"temperature": math.nan}, True),
        ({"temperature": "hot"}, False),
        ({"temperature": True}, False),
        ({"state": {"on": True, "other": 1}}, True),
        ({"state": {"on": 1}}, False),
        ({"pair": [1, "a"]}, True),
        ({"pair": (1, "a")}, True),
        ({"pair": ("a", 1)}, False),
        ({"pair": (1,)}, False),
        ({"unknown": 1}, False),
        ({"TEMPERATURE": 1}, False),
    ],
)
def test_messages_are_valid_or_not(model: Model, message: dict[str, Any], is_valid: bool) -> None:
    assert valid(model, **message) is is_valid


def test_the_error_is_that_of_jsonschema(model: Model) -> None:
    ok, error = model.validate({"pair": [1, 2]})
    assert not ok
    assert isinstance(error, jsonschema.ValidationError)
    assert error.message == "2 is not of type 'string'"
    assert list(error.absolute_path) == ["pair", 1]
    assert error.schema == {"type": "string"}


def test_what_is_not_a_dictionary_is_not_valid(model: Model) -> None:
    assert not model.validate([1])[0]  # type: ignore[arg-type]
    with pytest.raises(CluTypeError):
        model.update_model([1])  # type: ignore[arg-type]


def test_validation_updates_the_model_unless_it_is_switched_off(model: Model) -> None:
    model.validate({"temperature": 1})
    model.validate({"temperature": 2}, update_model=False)
    model.validate({"temperature": "hot", "text": "x"})
    assert model["temperature"].value == 1
    assert model["text"].value is None


def test_the_validator_is_one_of_jsonschema(model: Model) -> None:
    assert isinstance(model.validator, jsonschema.protocols.Validator)
    assert model.validator.is_valid({"pair": (1, "a")})
    assert not model.validator.is_valid({"pair": (1, 2)})
    assert model.validator.schema == model.schema
    assert isinstance(Model.VALIDATOR(SCHEMA), jsonschema.protocols.Validator)


def add(schema: dict[str, Any]) -> None:
    schema["properties"]["new"] = {"type": "string"}


def replace_all(schema: dict[str, Any]) -> None:
    schema["properties"] = {"new": {"type": "string"}}


def update(schema: dict[str, Any]) -> None:
    schema["properties"].update(new={"type": "string"})


@pytest.mark.parametrize("edit", [add, replace_all, update])
def test_a_keyword_added_to_the_schema_is_seen(
    model: Model, edit: Callable[[dict[str, Any]], None]
) -> None:
    assert not valid(model, new="x")
    edit(model.schema)
    assert valid(model, new="x")
    assert not valid(model, new=5)
    assert model["new"].value == "x"
    assert model["new"].in_schema


def tighten(schema: dict[str, Any]) -> None:
    schema["properties"]["temperature"]["maximum"] = 10


def tighten_nested(schema: dict[str, Any]) -> None:
    schema["properties"]["state"]["properties"]["mode"]["enum"].remove("b")


def tighten_list(schema: dict[str, Any]) -> None:
    schema["properties"]["pair"]["items"][0]["minimum"] = 5


def delete(schema: dict[str, Any]) -> None:
    del schema["properties"]["pair"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (tighten, {"temperature": 20}),
        (tighten_nested, {"state": {"mode": "b"}}),
        (tighten_list, {"pair": [1, "a"]}),
        (delete, {"pair": [1, "a"]}),
    ],
)
def test_a_schema_that_becomes_tighter_is_seen(
    model: Model, edit: Callable[[dict[str, Any]], None], message: dict[str, Any]
) -> None:
    assert valid(model, **message)
    edit(model.schema)
    assert not valid(model, **message)


def test_a_schema_that_becomes_looser_is_seen(model: Model) -> None:
    model.schema["additionalProperties"] = True
    assert valid(model, whatever=1)
    assert model["whatever"].in_schema is False


def test_what_was_put_into_the_schema_can_be_edited_there(model: Model) -> None:
    model.schema["properties"]["new"] = {"type": "object", "properties": {}}
    assert valid(model, new={"a": 1})
    model.schema["properties"]["new"]["properties"]["a"] = {"type": "string"}
    assert not valid(model, new={"a": 1})


def test_the_schema_keeps_what_validation_does_not_need(model: Model) -> None:
    assert model.schema["properties"]["pair"]["items"][0]["title"] == "count"
    assert json.loads(json.dumps(model.schema)) == model.schema


# --- values -----------------------------------------------------------------------------------


def test_an_update_stores_values_and_when_they_came(model: Model) -> None:
    assert model.last_seen is None
    assert model["temperature"].value is model["temperature"].last_seen is None
    before = time.time()
    model.update_model({"temperature": 5})
    assert model["temperature"].value == 5
    assert model["temperature"].last_seen == model.last_seen
    assert before <= model["temperature"].last_seen <= time.time()  # type: ignore[operator]
    assert model["text"].last_seen is None


def test_an_update_does_not_validate(model: Model) -> None:
    model.update_model({"temperature": "hot", "NEW": 1})
    assert model["temperature"].value == "hot"
    assert model["new"].value == 1
    assert model["new"].in_schema is False
    assert model["new"].name == "NEW"
    assert model["temperature"].in_schema is True


def test_keywords_ignore_case(model: Model) -> None:
    model.update_model({"TEMPERATURE": 5})
    assert model["Temperature"].value == 5
    assert "tempERATURE" in model
    assert list(model).count("temperature") == 1
    assert "TEMPERATURE" not in list(model)


def test_dictionaries_are_merged(model: Model) -> None:
    first = {"on": True, "deep": {"x": 1}}
    model.update_model({"state": first})
    model.update_model({"state": {"mode": "a", "deep": {"y": 2}}})
    assert model["state"].value == {"on": True, "mode": "a", "deep": {"y": 2}}
    assert first == {"on": True, "deep": {"x": 1}}
    model.update_model({"state": 5})
    model.update_model({"state": {"on": False}})
    assert model["state"].value == {"on": False}


def test_a_stored_dictionary_is_not_that_of_the_caller(model: Model) -> None:
    mine = {"on": True}
    model.update_model({"state": mine})
    mine["on"] = False
    assert model["state"].value == {"on": True}


def test_a_model_can_be_read_as_a_whole(model: Model) -> None:
    model.update_model({"temperature": math.nan, "pair": (1, "a")})
    flat = model.flatten()
    assert list(flat) == list(model)
    assert flat["pair"] == (1, "a")
    decoded = json.loads(model.jsonify())
    assert math.isnan(decoded["temperature"])
    assert decoded["pair"] == [1, "a"]
    assert decoded["text"] is None
    assert str(model) == str(flat)
    assert repr(model) == "<Model (camera)>"


def test_a_property_can_be_set_read_and_copied(model: Model) -> None:
    prop = model["temperature"]
    prop.value = 5
    assert prop.last_seen is not None
    assert prop.model is model
    assert prop.flatten() == {"temperature": 5}
    assert str(prop) == "5"
    assert repr(prop) == "<Property (temperature): 5>"
    prop.in_schema = False
    prop.register_callback(print)
    again, seen = prop.copy(), prop.last_seen
    prop.remove_callback(print)
    prop.last_seen = None
    assert (again.name, again.value, again.in_schema) == ("temperature", 5, False)
    assert again.model is model
    assert again.last_seen == seen
    assert again._callbacks == []


def test_there_are_models_without_a_schema() -> None:
    model: CluModel[Property] = CluModel("hand made")
    model["Key"] = Property("Key", 5, model)
    assert model["key"].value == 5
    assert model.flatten() == {"Key": 5}


def test_a_property_that_was_replaced_is_the_one_that_is_updated(model: Model) -> None:
    model.update_model({"temperature": 1, "TEXT": "a"})
    old, new = model["temperature"], Property("temperature", model=model)
    model["TEMPERATURE"] = new
    del model["text"]
    model.update_model({"temperature": 2, "TEXT": "b"})
    assert model["temperature"] is new
    assert (old.value, new.value, model["text"].value) == (1, 2, "b")
    assert list(model).count("text") == 0
    assert model.pop("TEMPERATURE") is new
    assert model.pop("temperature", None) is None
    model.update_model({"temperature": 3})
    name, last = model.popitem()
    assert (name, last.value) == ("temperature", 3)
    model.update_model({"temperature": 4})
    assert (last.value, model["temperature"].value) == (3, 4)
    model.clear()
    assert not model
    model.update_model({"temperature": 5})
    assert model["temperature"].value == 5


def test_a_copied_model_is_updated_alone(model: Model) -> None:
    again = copy.copy(model)
    again["temperature"] = Property("temperature", model=again)
    for value, each in enumerate((again, model)):
        each.update_model({"temperature": value})
    assert (again["temperature"].value, model["temperature"].value) == (0, 1)


# --- callbacks --------------------------------------------------------------------------------


def test_callbacks_get_copies_with_the_values_as_they_were_then(model: Model) -> None:
    properties: list[Property] = []
    models: list[tuple[dict[str, Any], Property]] = []
    model["temperature"].register_callback(properties.append)
    model.register_callback(lambda flat, prop: models.append((flat, prop)))
    model.update_model({"temperature": 1, "state": {"on": True}})
    model.update_model({"temperature": 2, "state": {"mode": "a"}})
    assert [prop.value for prop in properties] == [1, 2]
    assert all(prop is not model["temperature"] for prop in properties)
    assert [(prop.name, prop.value) for _, prop in models] == [
        ("temperature", 1),
        ("state", {"on": True}),
        ("temperature", 2),
        ("state", {"on": True, "mode": "a"}),
    ]
    assert [(flat["temperature"], flat["state"]) for flat, _ in models] == [
        (1, None),
        (1, {"on": True}),
        (2, {"on": True}),
        (2, {"on": True, "mode": "a"}),
    ]
    models[-1][0].clear()
    assert model["temperature"].value == 2


def test_callbacks_are_called_for_the_same_value_again_but_not_for_a_rejected_one(
    model: Model,
) -> None:
    values: list[Any] = []
    model["temperature"].register_callback(lambda prop: values.append(prop.value))
    for value in (1, 1, "hot"):
        model.validate({"temperature": value})
    model["temperature"].value = 1
    assert values == [1, 1, 1]


def test_callbacks_may_come_with_the_constructor() -> None:
    flats: list[Any] = []
    values: list[Any] = []
    model = Model("camera", SCHEMA, callback=lambda flat: flats.append(flat["temperature"]))
    model["own"] = Property("own", callback=lambda prop: values.append(prop.value))
    model.update_model({"temperature": 1, "own": 2})
    assert flats == [1, 1]
    assert values == [2]


async def test_coroutine_callbacks_see_the_values_of_their_time(model: Model) -> None:
    seen: list[Any] = []

    async def on_model(flat: dict[str, Any], prop: Property) -> None:
        seen.append((flat["temperature"], prop.value))

    async def on_property(prop: Property) -> None:
        seen.append(prop.value)

    model.register_callback(on_model)
    model["temperature"].register_callback(on_property)
    model.update_model({"temperature": 1})
    model.update_model({"temperature": 2})
    assert seen == []
    await asyncio.gather(*model._running, *model["temperature"]._running)
    assert seen == [1, (1, 1), 2, (2, 2)]


def test_a_callback_that_raises_is_logged_and_the_update_goes_on(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_callback(*args: Any) -> None:
        raise ValueError("broken")

    values: list[Any] = []
    model["temperature"].register_callback(broken_callback)
    model["temperature"].register_callback(lambda prop: values.append(prop.value))
    model.register_callback(broken_callback)
    assert model.validate({"temperature": 1, "text": "x"}) == (True, None)
    assert values == [1]
    assert model["text"].value == "x"
    logged = [record for record in caplog.records if "broken_callback" in record.getMessage()]
    assert len(logged) == 3


# --- models of other actors -------------------------------------------------------------------


class Client(BaseClient):
    """A client to which other actors reply with given values."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("client")
        self.answers = answers
        self.asked: list[Any] = []

    async def start(self) -> Any:
        return self

    async def send_command(self, actor: str, *args: Any, **kwargs: Any) -> Any:
        self.asked.append((actor, *args, kwargs))
        answer = self.answers[actor]
        if isinstance(answer, Exception):
            raise answer
        command: Command[Any] = Command()
        if answer is None:
            return command.fail()
        command.replies.append(Reply(MessageCode.INFO, answer))
        return command.finish()


GOOD = {"schema": json.dumps(SCHEMA)}


async def test_models_of_other_actors_are_loaded_when_asked_for() -> None:
    client = Client(camera=GOOD, mount=GOOD, lamp=GOOD)
    models = ModelSet(client, ["camera", "mount"])
    assert not models
    await models.load_schemas()
    assert list(models) == ["camera", "mount"]
    assert client.asked == [
        ("camera", "get_schema", {"internal": True}),
        ("mount", "get_schema", {"internal": True}),
    ]
    assert models["camera"].name == "camera"
    assert valid(models["camera"], temperature=1)
    await models.add_actor("lamp")
    await models.add_actor("lamp")
    assert list(models) == models.actors == ["camera", "mount", "lamp"]


async def test_the_command_and_the_arguments_of_the_models_can_be_chosen() -> None:
    client = Client(camera=GOOD)
    models = ModelSet(client, get_schema_command="schema_please", additional_properties=True)
    await models.load_schemas(["camera"])
    assert client.asked == [("camera", "schema_please", {"internal": True})]
    assert valid(models["camera"], unknown=1)
    assert models.actors == []


FAILURES = {
    "failed": None,
    "without_schema": {"other": 1},
    "bad_schema": {"schema": "{bad"},
    "invalid_schema": {"schema": '{"type": "array"}'},
    "unreachable": RuntimeError("no connection"),
}


@pytest.mark.parametrize("actor", list(FAILURES))
async def test_a_model_that_cannot_be_loaded_is_an_error(actor: str) -> None:
    models = ModelSet(Client(**FAILURES), [actor])
    texts = {"failed": "Failed getting schema for failed.", "without_schema": " did not reply with"}
    with pytest.raises(CluError, match=texts.get(actor, f"Cannot load.*{actor}")):
        await models.load_schemas()


async def test_or_a_warning_and_the_others_are_loaded() -> None:
    models = ModelSet(Client(camera=GOOD, **FAILURES), [*FAILURES, "camera"], raise_exception=False)
    with pytest.warns(CluWarning, match="Cannot load model") as caught:
        await models.load_schemas()
    assert list(models) == ["camera"]
    assert [str(warning.message).split("'")[1] for warning in caught] == list(FAILURES)
    assert "no connection" in str(caught[-1].message)


async def test_two_sets_do_not_share_their_actors() -> None:
    client = Client(camera=GOOD)
    mine = ["camera"]
    first, second = ModelSet(client, mine), ModelSet(client)
    await second.add_actor("camera")
    assert mine == first.actors == ["camera"]
    assert ModelSet(client).actors == []
