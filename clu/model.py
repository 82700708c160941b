"""Models: the keywords of an actor, validated against a schema."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from clu._core.missing_model import MissingModel
from clu._core.names import lazy_names
from clu._core.property import CluModel, Property
from clu._core.schema import (
    DEFAULT_SCHEMA,
    EMPTY_SCHEMA,
    EXCEPTION_SCHEMA,
    complete_schema,
    names_file,
    read_schema,
    why_invalid,
    why_no_object,
)
from clu._core.tracked import Revision, track
from clu._speedups.model import update_properties
from clu._speedups.schema import compile_schema
from clu.exceptions import CluError, CluTimeoutError, CluTypeError, CluValueError, CluWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu._core.protocols import CommandSender

__all__ = [
    "DEFAULT_SCHEMA",
    "EMPTY_SCHEMA",
    "EXCEPTION_SCHEMA",
    "CluModel",
    "Model",
    "ModelSet",
    "Property",
]

_VALID = (True, None)
#: How long to wait for an actor to reply with its schema, in seconds.
_SCHEMA_TIMEOUT = 20.0
#: How often who waits for a model requests it, in seconds.
_WAIT_PERIOD = 2.0


def _validator_class() -> Any:
    """Return the Draft 7 validator class, with tuples as arrays."""
    import jsonschema

    def is_array(checker: object, instance: object) -> bool:
        return isinstance(instance, (list, tuple))

    checker = jsonschema.Draft7Validator.TYPE_CHECKER.redefine("array", is_array)
    return jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft7Validator, type_checker=checker
    )


class _LazyValidatorClass:
    """The validator class, created when it is first used: jsonschema is slow to import."""

    def __init__(self) -> None:
        self._class: Any = None

    def __get__(self, instance: object, owner: type) -> Any:
        if self._class is None:
            self._class = _validator_class()
        return self._class


class Model(CluModel[Property]):
    """A model with a schema.

    Parameters
    ----------
    name
        The name of the model, usually that of its actor.
    schema
        A JSON schema (Draft 7) of type object, as a dictionary, a JSON string, a path or a
        pydantic model. The model has its own copy, `schema`; changes to the copy take effect with
        the next validation.
    is_file
        Whether a string is a path; detected automatically if None.
    additional_properties
        Whether keywords that are not in the schema are allowed, unless the schema defines it.
    kwargs
        Arguments of `CluModel`.

    Raises
    ------
    CluValueError
        If the schema cannot be parsed, is invalid, or is not an object with ``properties``.
    OSError
        If the file of the schema cannot be read.
    """

    VALIDATOR: Any = _LazyValidatorClass()

    def __init__(
        self,
        name: str,
        schema: Any,
        is_file: bool | None = None,
        additional_properties: bool = False,
        **kwargs: Any,
    ) -> None:
        parsed = read_schema(schema, is_file)
        default = {"additionalProperties": additional_properties}
        if not isinstance(parsed, dict) or not self.check_schema({**default, **parsed}):
            raise CluValueError(why_invalid(name, parsed, schema))
        if parsed.get("type", "object") != "object" or "properties" not in parsed:
            raise CluValueError(why_no_object(parsed))
        self._known: dict[str, Property] = {}  # by the keyword as it is written
        super().__init__(name, **kwargs)
        self._revision = Revision()
        self.schema: dict[str, Any] = track(
            complete_schema(parsed, additional_properties), self._revision
        )
        self._compile()
        for keyword in self.schema["properties"]:
            self[keyword] = Property(keyword, model=self)

    def _compile(self) -> None:
        self._compiled_number = self._revision.number
        self._is_valid = compile_schema(self.schema).is_valid

    @property
    def validator(self) -> Any:
        """A jsonschema validator for the schema."""
        return self.VALIDATOR(self.schema)

    @staticmethod
    def is_file(schema: Any) -> bool:
        """Whether a schema is the path of an existing file."""
        return names_file(schema)

    @staticmethod
    def check_schema(schema: dict[str, Any]) -> bool:
        """Whether a schema is valid according to Draft 7."""
        import jsonschema

        try:
            jsonschema.Draft7Validator.check_schema(schema)
        except jsonschema.SchemaError:
            return False
        return True

    def validate(
        self, instance: dict[str, Any], update_model: bool = True
    ) -> tuple[bool, Exception | None]:
        """Validate keywords and their values.

        Parameters
        ----------
        instance
            The keywords and their values.
        update_model
            Whether to update the model if they are valid.

        Returns
        -------
        valid
            Whether they are valid.
        error
            A `jsonschema.ValidationError` with the reason if they are not.
        """
        if self._compiled_number != self._revision.number:
            self._compile()
        if not self._is_valid(instance):
            error = next(self.validator.iter_errors(instance), None)
            if error is not None:
                return False, error
        if update_model:
            self.update_model(instance)
        return _VALID

    def update_model(self, instance: dict[str, Any]) -> None:
        """Update the model with keywords and their values, without validating them.

        A dictionary is merged into the previous one. A keyword that is not in the schema becomes a
        property with ``in_schema`` False.

        Raises
        ------
        CluTypeError
            If the instance is not a dictionary.
        """
        if not isinstance(instance, dict):
            raise CluTypeError(f"cannot update the model {self.name!r} with {instance!r}.")
        update_properties(self, instance)

    def _find(self, keyword: str) -> Property:
        if keyword not in self:
            self[keyword] = prop = Property(keyword, model=self)
            prop.in_schema = keyword in self.schema.get("properties", ())
        self._known[keyword] = prop = self[keyword]
        return prop

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_known": {}}  # a copy has its own properties

    def __setitem__(self, keyword: str, prop: Property) -> None:
        self._known.clear()
        super().__setitem__(keyword, prop)

    def __delitem__(self, keyword: str) -> None:
        self._known.clear()
        super().__delitem__(keyword)

    def pop(self, keyword: str, *default: Any) -> Any:
        self._known.clear()
        return super().pop(keyword, *default)

    def popitem(self) -> tuple[str, Property]:
        self._known.clear()
        return super().popitem()

    def clear(self) -> None:
        self._known.clear()
        super().clear()


class ModelSet(dict[str, Model]):
    """The models of other actors.

    `load_schemas` requests the schemas from the actors. Clients await it when they start. The model
    of an actor that is not there yet comes when the client first receives something of the actor;
    `wait` returns it then.

    Parameters
    ----------
    client
        The client that requests the schemas.
    actors
        The names of the actors.
    get_schema_command
        The command that makes an actor reply with its schema.
    raise_exception
        Whether to raise an error, rather than warn, if a model cannot be loaded.
    kwargs
        Arguments of `Model`.

    Attributes
    ----------
    on_added
        A function that is called when a model is added, or None.
    """

    def __init__(
        self,
        client: CommandSender,
        actors: list[str] = [],
        get_schema_command: str = "get_schema",
        raise_exception: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.client = client
        self.actors = list(actors)
        self._get_schema = get_schema_command
        self._raise_exception = raise_exception
        self._kwargs = kwargs
        self.on_added: Callable[[], None] | None = None
        #: The actors whose models could not be loaded.
        self.missing: dict[str, MissingModel] = {}

    def __setitem__(self, actor: str, model: Model) -> None:
        super().__setitem__(actor, model)
        if (missing := self.missing.pop(actor, None)) is not None:
            model.update_model(missing.keywords)
            missing.found()
        if self.on_added is not None:
            self.on_added()

    # The methods of dict would bypass __setitem__.
    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add models, like ``dict.update``."""
        MutableMapping.update(self, *args, **kwargs)

    def setdefault(self, actor: str, model: Any = None) -> Any:
        """Return the model of an actor, after adding it if there is none."""
        return MutableMapping.setdefault(self, actor, model)

    # It is not the type of `|`, which makes a plain dictionary.
    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self.update(other)
        return self

    async def load_schemas(self, actors: list[str] | None = None) -> None:
        """Load the models of actors, by default of all that the set was created for.

        Raises
        ------
        CluError
            If a model cannot be loaded and ``raise_exception`` is set.
        """
        for actor in self.actors if actors is None else actors:
            try:
                self[actor] = await self._load(actor)
            except Exception as error:
                problem = f"Cannot load model {actor!r}. {error}"
                self._miss(actor).reason = str(error)
                if self._raise_exception:
                    if type(error) is CluError:  # which names the actor
                        raise
                    raise CluError(problem) from error
                warnings.warn(problem, CluWarning, stacklevel=2)

    async def _load(self, actor: str) -> Model:
        sending = self.client.send_command(actor, self._get_schema, internal=True)
        try:
            command = await asyncio.wait_for(sending, _SCHEMA_TIMEOUT)
        except (asyncio.TimeoutError, TimeoutError):
            raise CluError(f"No reply within {_SCHEMA_TIMEOUT} s.") from None
        if command.status.did_fail:
            raise CluError(f"Failed getting schema for {actor}.")
        try:
            schema = command.replies.get("schema")
        except KeyError:
            raise CluError(f"{actor} did not reply with a model.") from None
        return Model(actor, schema, is_file=False, **self._kwargs)

    def _miss(self, actor: str) -> MissingModel:
        return self.missing.setdefault(actor, MissingModel(actor))

    async def load_missing(self, actor: str) -> None:
        """Try again to load the model of an actor, unless that is being done."""
        missing = self.missing.get(actor)
        if missing is None or missing.is_loading:
            return
        with missing.loading():
            self[actor] = await self._load(actor)

    async def wait(self, actor: str, timeout: float | None = None) -> Model:
        """Return the model of an actor that is followed, once it is there.

        Parameters
        ----------
        actor
            The name of the actor.
        timeout
            For how many seconds to wait; None stands for no limit.

        Raises
        ------
        CluTimeoutError
            If the model does not come in this time. It names the reason.
        CluValueError
            If the actor is not one of those that are followed.
        """
        if actor not in self and actor not in self.actors:
            followed = ", ".join(map(repr, self.actors)) or "none"
            raise CluValueError(
                f"The actor {actor!r} is not followed. Followed: {followed}. "
                "Name it in models=[...], or await models.add_actor."
            )
        waiting = asyncio.ensure_future(self._wait(actor))
        try:
            return await asyncio.wait_for(waiting, timeout)
        except (asyncio.TimeoutError, TimeoutError):
            reason = self.missing[actor].reason if actor in self.missing else ""
            raise CluTimeoutError(
                f"There was no model of {actor!r} within {timeout} s. {reason}".rstrip()
            ) from None

    async def _wait(self, actor: str) -> Model:
        while (model := self.get(actor)) is None:
            missing = self._miss(actor)
            # An actor that never says anything by itself would not be noticed.
            await self.load_missing(actor)
            await missing.wait(_WAIT_PERIOD)
        return model

    async def add_actor(self, actor: str) -> None:
        """Add the model of another actor."""
        if actor not in self.actors:
            self.actors.append(actor)
        await self.load_schemas([actor])


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        BaseModel="pydantic:BaseModel",
        CallbackMixIn="clu.tools:CallbackMixIn",
        CaseInsensitiveDict="clu.tools:CaseInsensitiveDict",
        clu="clu",
        jsonschema="jsonschema",
    )
