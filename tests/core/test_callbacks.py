"""Callbacks of users: as many arguments as they take, and never fatal."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any
from unittest import mock
from unittest.mock import AsyncMock, MagicMock

import pytest

from clu._core.callbacks import await_user_function, callback_name
from clu.tools import CallbackMixIn

if TYPE_CHECKING:
    from collections.abc import Callable


class Recorder:
    """Callbacks of many kinds, which record their arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, one: Any) -> None:
        self.calls.append((one,))

    def none(self) -> None:
        self.calls.append(())

    def one(self, one: Any) -> None:
        self.calls.append((one,))

    def two(self, one: Any, two: Any) -> None:
        self.calls.append((one, two))

    def optional(self, one: Any, two: Any = "default") -> None:
        self.calls.append((one, two))

    def any(self, *args: Any) -> None:
        self.calls.append(args)

    def keyword(self, one: Any, *, option: Any = "default") -> None:
        self.calls.append((one, option))

    def positional(self, one: Any, two: Any, /) -> None:
        self.calls.append((one, two))

    async def coroutine(self, one: Any) -> None:
        await asyncio.sleep(0)
        self.calls.append((one,))

    @staticmethod
    def static(calls: list[Any], one: Any) -> None:
        calls.append((one,))


def fail(*args: Any) -> None:
    raise ValueError("broken callback")


async def fail_later(*args: Any) -> None:
    await asyncio.sleep(0)
    raise ValueError("broken coroutine")


@pytest.mark.parametrize(
    ("choose", "expected"),
    [
        (lambda r: r.none, ()),
        (lambda r: r.one, (1,)),
        (lambda r: r.two, (1, 2)),
        (lambda r: r.optional, (1, 2)),
        (lambda r: r.any, (1, 2)),
        (lambda r: r.keyword, (1, "default")),
        (lambda r: r.positional, (1, 2)),
        (lambda r: r, (1,)),
        (lambda r: lambda one: r.one(one), (1,)),
        (lambda r: functools.partial(r.two, "bound"), ("bound", 1)),
        (lambda r: functools.partial(r.two, two="bound"), (1, "bound")),
        (lambda r: functools.partial(r.one, "bound"), ("bound",)),
        (lambda r: functools.partial(r.static, r.calls), (1,)),
        (lambda r: functools.wraps(r.one)(lambda *args: r.any(*args)), (1,)),
    ],
)
def test_callbacks_get_as_many_arguments_as_they_take(
    choose: Callable[[Recorder], Any], expected: tuple[Any, ...]
) -> None:
    recorder = Recorder()
    CallbackMixIn([choose(recorder)]).notify(1, 2)
    assert recorder.calls == [expected]


def test_builtins_are_called() -> None:
    values: list[Any] = []
    CallbackMixIn([values.append, print, max]).notify(1, 2)
    assert values == [1]


def test_mocks_get_everything() -> None:
    mock = MagicMock()
    CallbackMixIn([mock]).notify(1, 2)
    mock.assert_called_once_with(1, 2)


def test_a_callback_is_called_once_for_each_time_it_was_registered() -> None:
    recorder = Recorder()
    notifier = CallbackMixIn([recorder.one])
    notifier.register_callback(recorder.one)
    notifier.notify("x")
    assert recorder.calls == [("x",), ("x",)]
    notifier.remove_callback(recorder.one)
    notifier.notify("y")
    assert recorder.calls[2:] == [("y",)]


@pytest.mark.parametrize("callback", [None, 5, "name"])
def test_what_cannot_be_called_is_refused(callback: Any) -> None:
    with pytest.raises(AssertionError, match=r"callback_func must be a callable\."):
        CallbackMixIn().register_callback(callback)


def test_mocks_are_called_and_nothing_else_of_them_is() -> None:
    def spec(one: Any, two: Any) -> None: ...

    plain, specced = mock.MagicMock(), mock.create_autospec(spec)
    instance = mock.create_autospec(functools.partial(spec), instance=True)
    notifier = CallbackMixIn([plain, specced, instance])
    notifier.notify(1, 2, 3)
    assert plain.mock_calls == [mock.call(1, 2, 3)]
    assert specced.mock_calls == [mock.call(1, 2)]
    assert len(instance.mock_calls) == 1


def test_without_a_list_of_callbacks_nobody_is_notified() -> None:
    notifier = CallbackMixIn()
    notifier._callbacks = None  # type: ignore[assignment]
    notifier.notify(1)


def test_removing_an_unknown_callback_is_an_assertion_error() -> None:
    with pytest.raises(AssertionError, match="not in the list"):
        CallbackMixIn().remove_callback(print)


def test_two_notifiers_do_not_share_callbacks() -> None:
    first, second = CallbackMixIn(), CallbackMixIn()
    first.register_callback(fail)
    assert fail in first._callbacks
    assert second._callbacks == []


def test_a_callback_may_remove_itself() -> None:
    recorder = Recorder()

    def once() -> None:
        recorder.none()
        notifier.remove_callback(once)

    notifier = CallbackMixIn([once, recorder.one])
    notifier.notify("x")
    notifier.notify("y")
    assert recorder.calls == [(), ("x",), ("y",)]


def test_a_callback_that_raises_is_logged_and_the_others_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    CallbackMixIn([fail, functools.partial(fail, 1), recorder.one]).notify("x")
    assert recorder.calls == [("x",)]
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [f"The callback {__name__}.fail raised an error."] * 2
    assert "broken callback" in caplog.text


async def test_coroutine_functions_become_tasks() -> None:
    recorder = Recorder()
    mock = AsyncMock()
    notifier = CallbackMixIn(
        [recorder.coroutine, functools.partial(recorder.coroutine, "bound"), mock]
    )
    notifier.notify("x", "y")
    assert recorder.calls == []
    assert len(notifier._running) == 3
    await asyncio.gather(*notifier._running)
    assert recorder.calls == [("x",), ("bound",)]
    mock.assert_awaited_once_with("x", "y")
    await asyncio.sleep(0)
    assert notifier._running == []


async def test_a_coroutine_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    notifier = CallbackMixIn([fail_later])
    notifier.notify()
    await asyncio.gather(*notifier._running, return_exceptions=True)
    await asyncio.sleep(0)
    (record,) = caplog.records
    assert record.getMessage() == f"The callback {__name__}.fail_later raised an error."
    assert "broken coroutine" in caplog.text


async def test_stopping_cancels_what_runs(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    notifier = CallbackMixIn([forever])
    notifier.notify()
    await asyncio.sleep(0)
    await notifier.stop_callbacks()
    assert cancelled.is_set()
    assert notifier._running == []
    assert not caplog.records
    await notifier.stop_callbacks()


async def test_a_user_function_can_be_awaited_to_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    assert await await_user_function(recorder.two, 1, two=2) is None
    assert await await_user_function(recorder.coroutine, 3) is None
    assert await await_user_function(max, 1, 2) == 2
    assert recorder.calls == [(1, 2), (3,)]
    assert not caplog.records
    for broken in (fail, fail_later):
        assert await await_user_function(broken) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"The callback {__name__}.fail raised an error.",
        f"The callback {__name__}.fail_later raised an error.",
    ]


def test_names_in_logs_are_those_of_the_code() -> None:
    assert callback_name(functools.partial(functools.partial(fail), 1)) == f"{__name__}.fail"
    assert callback_name(Recorder().one) == f"{__name__}.Recorder.one"
    assert callback_name(Recorder()) == f"{__name__}.Recorder"
