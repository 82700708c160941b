"""The small tools: dictionaries, statuses, awaitables and event loops."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from clu.tools import (
    CaseInsensitiveDict,
    CommandStatus,
    Maskbit,
    StatusMixIn,
    as_complete_failer,
    cli_coro,
    dict_depth,
    escape,
    get_event_loop,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# --- CaseInsensitiveDict ----------------------------------------------------------------------


def table() -> CaseInsensitiveDict[int]:
    return CaseInsensitiveDict({"Alpha": 1, "BETA": 2})


def test_look_ups_ignore_case_and_the_first_case_is_kept() -> None:
    values = table()
    assert values["alpha"] == values["ALPHA"] == 1
    assert "beta" in values
    assert "gamma" not in values
    assert list(values) == ["Alpha", "BETA"]
    values["ALPHA"] = 3
    assert values == {"Alpha": 3, "BETA": 2}


def test_every_way_to_read_ignores_case() -> None:
    values = table()
    assert values.get("ALPHA") == 1
    assert values.get("gamma") is None
    assert values.get("gamma", 5) == 5
    assert values.setdefault("alpha", 9) == 1
    assert values.setdefault("Gamma", 9) == values["GAMMA"] == 9
    with pytest.raises(KeyError):
        values["delta"]


def test_every_way_to_remove_ignores_case() -> None:
    values = table()
    del values["ALPHA"]
    assert "alpha" not in values
    assert values.pop("Beta") == 2
    assert not values
    assert values.pop("beta", "gone") == "gone"
    with pytest.raises(KeyError):
        values.pop("beta")
    with pytest.raises(KeyError):
        del values["beta"]


def test_a_removed_key_can_come_back_in_another_case() -> None:
    for remove in (
        lambda values: values.pop("alpha"),
        lambda values: values.__delitem__("alpha"),
        lambda values: values.clear(),
        lambda values: [values.popitem(), values.popitem()],
    ):
        values = table()
        remove(values)
        assert "alpha" not in values
        values["ALPHA"] = 5
        assert list(values)[-1] == "ALPHA"
        assert values["alpha"] == 5


def test_everything_can_be_removed() -> None:
    values = table()
    assert [values.popitem(), values.popitem()] == [("BETA", 2), ("Alpha", 1)]
    with pytest.raises(KeyError):
        values.popitem()
    values = table()
    values.clear()
    assert values == {}


def test_every_way_to_update_ignores_case() -> None:
    values = table()
    values.update({"ALPHA": 10}, beta=20)
    values.update([("Gamma", 30)])
    values |= {"GAMMA": 31}
    assert values == {"Alpha": 10, "BETA": 20, "Gamma": 31}
    assert CaseInsensitiveDict([("A", 1), ("a", 2)]) == {"A": 2}
    assert CaseInsensitiveDict.fromkeys("aAb", 0) == {"a": 0, "b": 0}


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_copies_ignore_case_and_share_nothing(duplicate: Callable[[Any], Any]) -> None:
    values = table()
    again = duplicate(values)
    assert type(again) is CaseInsensitiveDict
    del again["ALPHA"]
    again["Gamma"] = 3
    assert again["gamma"] == 3
    assert values["alpha"] == 1
    assert values == table()


def test_keys_that_are_not_text_are_plain_keys() -> None:
    values: Any = table()
    values[5] = values[6] = "five"
    assert values[5] == values.pop(5) == "five"
    del values[6]
    assert list(values) == list(table())
    assert values.get(None) is None


def test_equality_is_that_of_dictionaries() -> None:
    assert table() == table() == {"Alpha": 1, "BETA": 2}
    assert table() != {"alpha": 1, "beta": 2}
    assert table() != 5


# --- small functions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "depth"),
    [(1, 0), ([{"a": 1}], 0), ({}, 1), ({"a": 1}, 1), ({"a": 1, "b": {"c": {}}}, 3)],
)
def test_dict_depth_counts_nested_dictionaries(value: Any, depth: int) -> None:
    assert dict_depth(value) == depth


def test_escape_quotes_as_json() -> None:
    assert escape('say "hi"') == '"say \\"hi\\""'


def test_cli_coro_makes_a_function_of_a_coroutine_function() -> None:
    @cli_coro
    async def double(number: int, *, plus: int = 0) -> int:
        """Double."""
        await asyncio.sleep(0)
        return 2 * number + plus

    assert not inspect.iscoroutinefunction(double)
    assert double.__name__ == "double"
    assert double.__doc__ == "Double."
    assert double(2, plus=1) == 5
    with pytest.raises(TypeError):
        double()


# --- get_event_loop ---------------------------------------------------------------------------


async def test_inside_a_coroutine_the_loop_is_the_running_one() -> None:
    assert get_event_loop() is asyncio.get_running_loop()


def in_a_thread(function: Callable[[], Any]) -> Any:
    """Run a function where no event loop is running or current."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function).result()


def test_outside_the_loop_is_always_the_same_until_it_is_closed() -> None:
    def check() -> None:
        loop = get_event_loop()
        assert get_event_loop() is loop
        loop.close()
        another = get_event_loop()
        assert another is not loop
        assert another.run_until_complete(asyncio.sleep(0, "runs")) == "runs"
        another.close()
        gc.collect()  # nothing is left that would warn of being unclosed

    in_a_thread(check)


# --- as_complete_failer -----------------------------------------------------------------------


async def give(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def fail(text: str = "broken") -> Any:
    await asyncio.sleep(0)
    raise ValueError(text)


@pytest.mark.parametrize(
    ("awaitables", "outcome"),
    [
        (list, (True, None)),
        (lambda: give(True), (True, None)),
        (lambda: [give(True), give((True, "fine"))], (True, None)),
        (lambda: give(False), (False, None)),
        (lambda: [give(True), give(False)], (False, None)),
        (lambda: [give((False, "reason")), give(True)], (False, "reason")),
        (lambda: [give(True), fail("broken")], (False, "broken")),
        (lambda: (give(each) for each in (True, True)), (True, None)),
    ],
)
async def test_the_outcome_is_that_of_the_first_that_fails(
    awaitables: Callable[[], Any], outcome: Any
) -> None:
    assert await as_complete_failer(awaitables()) == outcome


async def test_the_others_are_cancelled_when_one_fails() -> None:
    slow = asyncio.ensure_future(asyncio.Event().wait())
    assert await as_complete_failer([slow, fail()]) == (False, "broken")
    assert slow.cancelled()


async def test_the_callback_is_called_only_on_failure() -> None:
    calls: list[str] = []

    async def call_later() -> None:
        await asyncio.sleep(0)
        calls.append("later")

    await as_complete_failer(give(True), lambda: calls.append("never"))
    await as_complete_failer(give(False), lambda: calls.append("now"))
    await as_complete_failer(fail(), call_later)
    assert calls == ["now", "later"]


async def test_a_time_out_is_a_failure() -> None:
    slow = asyncio.ensure_future(asyncio.Event().wait())
    succeeded, _ = await as_complete_failer([slow], timeout=0.01)
    assert not succeeded
    assert slow.cancelled()


# --- CommandStatus ----------------------------------------------------------------------------

TESTS = ("is_done", "did_succeed", "did_fail", "is_active", "is_failing", "is_combination")


@pytest.mark.parametrize(
    ("name", "code", "true"),
    [
        ("DONE", ":", {"is_done", "did_succeed"}),
        ("CANCELLED", "f", {"is_done", "did_fail"}),
        ("FAILED", "f", {"is_done", "did_fail"}),
        ("TIMEDOUT", "f", {"is_done", "did_fail"}),
        ("READY", "i", set()),
        ("RUNNING", ">", {"is_active"}),
        ("CANCELLING", "w", {"is_active", "is_failing"}),
        ("FAILING", "w", {"is_active", "is_failing"}),
        ("DEBUG", "d", set()),
        ("FAILED_STATES", None, {"is_done", "did_fail", "is_combination"}),
        ("DONE_STATES", None, {"is_done", "is_combination"}),
        ("FAILING_STATES", None, {"is_active", "is_failing", "is_combination"}),
        ("ACTIVE_STATES", None, {"is_active", "is_combination"}),
        ("ALL_STATES", None, {"is_combination"}),
    ],
)
def test_the_tests_and_code_of_each_status(name: str, code: str | None, true: set[str]) -> None:
    status = CommandStatus[name]
    assert {test for test in TESTS if getattr(status, test)} == true
    assert status.code == code


def test_statuses_can_be_combined_and_tested_as_flags() -> None:
    both = CommandStatus.DONE | CommandStatus.TIMEDOUT
    assert both & CommandStatus.TIMEDOUT
    assert not both & CommandStatus.FAILED
    assert both.is_done
    assert not both.did_succeed
    assert both.active_bits == [CommandStatus.DONE, CommandStatus.TIMEDOUT]
    assert CommandStatus.DONE.active_bits == [CommandStatus.DONE]
    assert CommandStatus(0).active_bits == []


@pytest.mark.parametrize(
    ("code", "name"),
    [(":", "DONE"), ("f", "FAILED"), ("!", "FAILED"), (">", "RUNNING"), ("i", "RUNNING")],
)
def test_codes_stand_for_statuses(code: str, name: str) -> None:
    assert CommandStatus.code_to_status(code) is CommandStatus[name]


def test_a_code_without_a_status_stands_for_the_default() -> None:
    assert CommandStatus.code_to_status("w") is CommandStatus.RUNNING
    assert CommandStatus.code_to_status("?", CommandStatus.READY) is CommandStatus.READY


class Lamp(Maskbit):
    OFF = 1
    ON = 2
    HOT = 4
    WARM = ON | HOT


def test_users_make_their_own_mask_bits() -> None:
    assert Lamp.WARM.active_bits == [Lamp.ON, Lamp.HOT]
    assert (Lamp.OFF | Lamp.HOT).active_bits == [Lamp.OFF, Lamp.HOT]


# --- StatusMixIn ------------------------------------------------------------------------------


async def iteration() -> None:
    await asyncio.sleep(0)


async def test_callbacks_are_scheduled_when_the_status_changes() -> None:
    seen: list[Lamp] = []
    lamp = StatusMixIn(Lamp, Lamp.OFF, seen.append)
    lamp.status = Lamp.OFF
    lamp.status = Lamp.ON
    assert seen == []
    await iteration()
    assert seen == [Lamp.ON]
    lamp.callbacks.append(seen.append)
    lamp.status = Lamp.HOT
    await iteration()
    assert seen == [Lamp.ON, Lamp.HOT, Lamp.HOT]


async def test_callbacks_get_the_status_as_it_was_then() -> None:
    seen: list[Lamp] = []
    lamp = StatusMixIn(Lamp, Lamp.OFF, seen.append)
    lamp.status = Lamp.ON
    lamp.status = Lamp.HOT
    await iteration()
    assert seen == [Lamp.ON, Lamp.HOT]


async def test_the_first_call_may_come_at_once() -> None:
    seen: list[Lamp] = []
    StatusMixIn(Lamp, Lamp.OFF, seen.append, call_now=True)
    await iteration()
    assert seen == [Lamp.OFF]


async def test_a_status_is_kept_as_it_is_given() -> None:
    seen: list[Any] = []
    lamp: StatusMixIn[Any] = StatusMixIn(Lamp, Lamp.OFF, seen.append)
    assert lamp.flags is Lamp
    for status in (2, "on"):
        lamp.status = status
        assert lamp.status == status
    await iteration()
    assert seen == [2, "on"]


@pytest.mark.parametrize("kind", [list, tuple])
async def test_several_status_callbacks_are_each_called(kind: Any) -> None:
    callbacks = kind([mock.MagicMock(), mock.MagicMock()])
    lamp = StatusMixIn(Lamp, Lamp.OFF, callbacks)
    assert lamp.callbacks is callbacks
    lamp.status = Lamp.ON
    await iteration()
    for callback in callbacks:
        callback.assert_called_once_with(Lamp.ON)


async def test_nobody_watches_after_the_status_was_waited_for() -> None:
    lamp = StatusMixIn(Lamp, Lamp.OFF)
    waits = [asyncio.create_task(lamp.wait_for_status(one)) for one in (Lamp.ON, Lamp.HOT)]
    await iteration()
    assert lamp.watcher is not None
    lamp.status = Lamp.ON
    await waits[0]
    await iteration()
    assert lamp.watcher is not None  # of the other
    lamp.status = Lamp.HOT
    await waits[1]
    assert lamp.watcher is None


async def test_a_status_callback_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken(status: Lamp) -> None:
        raise ValueError("broken")

    seen: list[Lamp] = []
    lamp = StatusMixIn(Lamp, Lamp.OFF, broken)
    lamp.callbacks.append(seen.append)
    lamp.status = Lamp.ON
    await iteration()
    assert seen == [Lamp.ON]
    assert "broken raised an error" in caplog.text


def test_outside_of_a_loop_callbacks_wait_for_it_to_run() -> None:
    def check() -> list[Lamp]:
        seen: list[Lamp] = []
        lamp = StatusMixIn(Lamp, Lamp.OFF, seen.append)
        lamp.status = Lamp.ON
        loop = get_event_loop()
        loop.run_until_complete(iteration())
        loop.close()
        return seen

    assert in_a_thread(check) == [Lamp.ON]


async def test_several_may_wait_for_a_status() -> None:
    lamp = StatusMixIn(Lamp, Lamp.OFF)
    await lamp.wait_for_status(Lamp.OFF)
    waiting = [asyncio.ensure_future(lamp.wait_for_status(each)) for each in (Lamp.HOT, Lamp.HOT)]
    await iteration()
    lamp.status = Lamp.ON
    await iteration()
    assert not any(task.done() for task in waiting)
    lamp.status = Lamp.HOT
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
