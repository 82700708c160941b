"""The keywords of an actor behind a hub."""

from __future__ import annotations

import warnings
from time import time
from typing import TYPE_CHECKING, Any

from clu._core.property import CluModel, Property
from clu._speedups.opscore import native_values, update_keys
from clu.exceptions import CluWarning
from clu.legacy.types.keys import Consumer

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu.legacy.types.keys import Key, KeysDictionary
    from clu.legacy.types.messages import Keyword, Reply


class TronKey(Property):
    """A keyword of an actor behind a hub. Its value is a list of the values of the keyword.

    Parameters
    ----------
    name
        The name of the keyword.
    key
        The `clu.legacy.types.keys.Key`, which defines the values of the keyword.
    keyword
        The keyword as it was received, with typed values.
    model
        The model that it belongs to.
    callback
        A function or coroutine function that is called with a copy of this object when the
        keyword is received.

    Attributes
    ----------
    keyword
        The last `clu.legacy.types.messages.Keyword`, or None.
    """

    def __init__(
        self,
        name: str,
        key: Key,
        keyword: Keyword | None = None,
        model: Any | None = None,
        callback: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(name, [None] * len(key.typedValues.vtypes), model, callback)
        self.key = key
        self.keyword: Keyword | None = None
        if keyword is not None:
            self.update_keyword(keyword)

    def update_keyword(self, keyword: Keyword | None) -> None:
        """Store a keyword that was received, and run the callbacks. None changes nothing."""
        if keyword is None:
            return
        self.keyword = keyword
        self.value = native_values(keyword)

    def copy(self) -> TronKey:
        """Return a copy without the callbacks."""
        copy: TronKey = self._copied(TronKey)
        if isinstance(self._value, list):
            copy._value = list(self._value)
        copy.key = self.key
        copy.keyword = self.keyword
        return copy

    def __getitem__(self, sl: Any) -> Any:
        return self.value[sl]

    def __len__(self) -> int:
        return len(self.value)


class TronModel(CluModel[TronKey]):
    """The keywords of an actor behind a hub.

    Parameters
    ----------
    keydict
        The keys of the actor.
    callback
        A function or coroutine function that is called when a keyword is received, with the
        values of all keywords and a copy of the `TronKey`.
    """

    #: Is called after a reload, for those who go on.
    _on_reload: Callable[[], None] | None = None

    def __init__(self, keydict: KeysDictionary, callback: Callable[..., Any] | None = None) -> None:
        super().__init__(keydict.name, callback)
        self.keydict = keydict
        self._fill()

    def __repr__(self) -> str:
        return f"<Model ({self.name})>"

    def _fill(self) -> None:
        for key in self.keydict.keys.values():
            self[key.name] = TronKey(key.name, key, model=self)

    def reload(self) -> None:
        """Remove all values and callbacks. Subscriptions go on."""
        self._callbacks.clear()
        self.last_seen = None
        self.clear()
        self._fill()
        if self._on_reload is not None:
            self._on_reload()

    def parse_reply(self, reply: Reply) -> dict[str, Any]:
        """Update the keywords with those of a reply.

        Parameters
        ----------
        reply
            A reply of the actor. The values of its keywords are converted in place.

        Returns
        -------
        values
            The values of the keywords that are in the model, by name in lower case.

        Warns
        -----
        CluWarning
            If a keyword is not in the dictionary, or has other types there.
        """
        now = self.last_seen = time()
        unknown: list[Keyword] = []
        found = update_keys(self, reply.keywords, now, unknown, Consumer.debug)
        if unknown:
            self._warn(unknown)
        return found

    def _find(self, name: str) -> TronKey | None:
        return self.get(name)  # type: ignore[no-any-return]

    def _warn(self, keywords: list[Keyword]) -> None:
        for keyword in keywords:
            what = "Failed parsing" if keyword.name in self else "Cannot parse unknown"
            problem = f"{what} keyword {self.name}.{keyword.name}."
            warnings.warn(problem, CluWarning, stacklevel=3)
