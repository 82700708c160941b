"""Dictionaries and lists that count the in-place changes of themselves and their contents."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, SupportsIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Revision", "TrackedDict", "TrackedList", "track"]


class Revision:
    """A counter shared by the parts of a tracked value, incremented by each change to them.

    Attributes
    ----------
    number
        The number of changes (a failed operation may be counted).
    """

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


def track(value: Any, revision: Revision) -> Any:
    """Copy a JSON-like value, and count the changes of the copy.

    Parameters
    ----------
    value
        Dictionaries, lists and tuples are copied at any depth; other objects, and those that the
        revision already tracks, are used as they are.
    revision
        Counts the changes.

    Returns
    -------
    tracked
        A value equal to the original. Items that are added to it later are also copied and
        tracked: change them through the tracked value for the changes to be counted.
    """
    if isinstance(value, (TrackedDict, TrackedList)) and value.revision is revision:
        return value
    if isinstance(value, dict):
        return TrackedDict(value, revision)
    if isinstance(value, list):
        return TrackedList(value, revision)
    if type(value) is tuple:
        return tuple(track(item, revision) for item in value)
    return value


def _counted(change: Callable[..., Any]) -> Any:
    """Wrap a method of dict or list to increment the revision after the change."""

    @functools.wraps(change)
    def method(self: TrackedDict | TrackedList, *args: Any, **kwargs: Any) -> Any:
        try:
            return change(self, *args, **kwargs)
        finally:
            self.revision.number += 1

    return method


class TrackedDict(dict[str, Any]):
    """A `dict` whose changes are counted. It is copied and pickled as a plain `dict`.

    Parameters
    ----------
    value
        Any argument of `dict`.
    revision
        Counts the changes; a new one by default.
    """

    __slots__ = ("revision",)

    def __init__(self, value: Any = (), revision: Revision | None = None) -> None:
        self.revision = revision or Revision()
        super().__init__({key: self._track(item) for key, item in dict(value).items()})

    def _track(self, item: Any) -> Any:
        return track(item, self.revision)

    __delitem__ = _counted(dict.__delitem__)
    clear = _counted(dict.clear)
    pop = _counted(dict.pop)
    popitem = _counted(dict.popitem)

    @_counted
    def __setitem__(self, key: str, item: Any) -> None:
        super().__setitem__(key, self._track(item))

    @_counted
    def setdefault(self, key: str, default: Any = None) -> Any:
        return super().setdefault(key, self._track(default))

    @_counted
    def update(self, *args: Any, **kwargs: Any) -> None:
        super().update({key: self._track(item) for key, item in dict(*args, **kwargs).items()})

    def __ior__(self, other: Any) -> TrackedDict:  # type: ignore[override,misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class TrackedList(list[Any]):
    """A `list` whose changes are counted. It is copied and pickled as a plain `list`.

    Parameters
    ----------
    value
        Any argument of `list`.
    revision
        Counts the changes; a new one by default.
    """

    __slots__ = ("revision",)

    def __init__(self, value: Iterable[Any] = (), revision: Revision | None = None) -> None:
        self.revision = revision or Revision()
        super().__init__(self._track(item) for item in value)

    def _track(self, item: Any) -> Any:
        return track(item, self.revision)

    __delitem__ = _counted(list.__delitem__)
    __imul__ = _counted(list.__imul__)
    clear = _counted(list.clear)
    pop = _counted(list.pop)
    remove = _counted(list.remove)
    reverse = _counted(list.reverse)
    sort = _counted(list.sort)

    @_counted
    def __setitem__(self, index: SupportsIndex | slice, item: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, [self._track(each) for each in item])
        else:
            super().__setitem__(index, self._track(item))

    @_counted
    def append(self, item: Any) -> None:
        super().append(self._track(item))

    @_counted
    def insert(self, index: SupportsIndex, item: Any) -> None:
        super().insert(index, self._track(item))

    @_counted
    def extend(self, items: Iterable[Any]) -> None:
        super().extend([self._track(item) for item in items])

    def __iadd__(self, items: Iterable[Any]) -> TrackedList:  # type: ignore[misc]
        self.extend(items)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)
