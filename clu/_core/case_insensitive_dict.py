"""A dictionary that ignores the case of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")


def _empty(cls: type[CaseInsensitiveDict[Any]]) -> CaseInsensitiveDict[Any]:
    """Return an empty dictionary for copy and pickle to fill."""
    new = cls.__new__(cls)
    new._lc = {}
    return new


class CaseInsensitiveDict(dict[str, T], Generic[T]):
    """A dictionary with case-insensitive keys, which keep the case in which they were first set.

    Parameters
    ----------
    values
        The initial keys and values.
    """

    def __init__(self, values: Mapping[str, T] | Iterable[tuple[str, T]] = ()) -> None:
        super().__init__()
        self._lc: dict[str, str] = {}  # lower case -> the case first used
        self.update(values)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        reduced: Any = super().__reduce_ex__(max(protocol, 2))
        return (_empty, *reduced[1:])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lc"}

    def _stored(self, key: Any) -> Any:
        return self._lc.get(key.lower(), key) if isinstance(key, str) else key

    def __getitem__(self, key: str) -> T:
        return super().__getitem__(self._stored(key))

    def __setitem__(self, key: str, value: T) -> None:
        stored = self._lc.setdefault(key.lower(), key) if isinstance(key, str) else key
        super().__setitem__(stored, value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(self._stored(key))
        if isinstance(key, str):
            del self._lc[key.lower()]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(self._stored(key))

    def __eq__(self, key: object) -> bool:
        return dict.__eq__(self, key)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self.update(other)
        return self

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(self._stored(key), default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        value = super().pop(self._stored(key), *default)
        if isinstance(key, str):
            self._lc.pop(key.lower(), None)
        return value

    def popitem(self) -> tuple[str, T]:
        key, value = super().popitem()
        self._lc.pop(key.lower(), None)
        return key, value

    def clear(self) -> None:
        super().clear()
        self._lc.clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value
