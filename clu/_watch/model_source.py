"""The values that come into a model of this program: an actor's own, or one that follows a hub."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from clu._watch.names import known_keywords
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from clu._watch.keyword import WatchedKeyword
    from clu._watch.names import KnownKeywords

__all__ = ["ModelSource"]


class ModelSource:
    """The values in models. Only the properties that are watched have a callback.

    Parameters
    ----------
    models
        A function that returns the models, by the names of their actors.
    describe
        A function that returns the keywords of a model.
    request
        A function that requests the value of a keyword of an actor, which has none.
    """

    def __init__(
        self,
        models: Callable[[], Mapping[str, Any]],
        describe: Callable[[Any], KnownKeywords | None] = lambda model: known_keywords(
            model.schema
        ),
        request: Callable[[str, str], None] | None = None,
    ) -> None:
        self._models = models
        self._describe = describe
        self._request = request
        self._attached: dict[WatchedKeyword, tuple[Any, Callable[[Any], None]]] = {}

    def known(self, actor: str) -> KnownKeywords | None:
        """Return the keywords of an actor."""
        return self._describe(self._model(actor))

    def attach(self, watched: WatchedKeyword) -> None:
        """Assign the latest value to a keyword, and from now on each other one."""
        model = self._model(watched.actor)
        prop = model.get(watched.keyword)
        if prop is None:
            prop = model._find(watched.keyword)

        def assign(changed: Any) -> None:
            watched.assign(changed.value, changed.last_seen or time.time(), changed.name)

        prop.register_callback(assign)
        self._attached[watched] = prop, assign
        if prop.last_seen is not None:
            assign(prop)
        elif self._request is not None:
            self._request(watched.actor, prop.name)

    def detach(self, watched: WatchedKeyword) -> None:
        """Assign no further values to a keyword."""
        prop, assign = self._attached.pop(watched)
        with contextlib.suppress(AssertionError):  # the model was reloaded
            prop.remove_callback(assign)

    def restored(self) -> None:
        """Go on with the models that there are now, which may be others."""
        for watched, (prop, _) in list(self._attached.items()):
            model = self._models().get(watched.actor)
            if model is not None and model.get(watched.keyword) not in (None, prop):
                self.detach(watched)
                self.attach(watched)

    def announced(self, actor: str) -> None:
        """Do nothing: a model gets its values in other ways."""

    def stop(self) -> None:
        """Do nothing: there is nothing to stop."""

    def _model(self, actor: str) -> Any:
        models = self._models()
        model = models.get(actor)
        if model is None:
            raise CluValueError(_not_followed(actor, models))
        return model


def _not_followed(actor: str, models: Iterable[str]) -> str:
    names = ", ".join(map(repr, models)) or "none"
    return f"The actor {actor!r} is not followed. Followed: {names}. Name it in models=[...]."
