"""Subscriptions to an actor's own keywords, which need no network."""

from __future__ import annotations

import asyncio
import gc
import math
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from clu import JSONActor, LegacyActor
from clu.exceptions import (
    CluError,
    CluNotImplemented,
    CluRuntimeError,
    CluTimeoutError,
    CluTypeError,
    CluValueError,
    KeywordTimeout,
)
from clu.testing import setup_test_actor
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from clu.actor import TCPBaseActor
    from clu.watch import Subscription, Update

SCHEMA = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number"},
        "state": {"type": "string"},
        "pixels": {"type": ["array", "null"], "items": {"type": "number"}},
        "lamp": {"type": "object"},
    },
    "additionalProperties": False,
}


@pytest.fixture(params=[JSONActor, LegacyActor])
async def camera(request: pytest.FixtureRequest) -> AsyncIterator[TCPBaseActor]:
    actor = await setup_test_actor(request.param("camera", "127.0.0.1", 0, schema=SCHEMA))
    yield actor
    await actor.stop()
    assert not actor._watchers  # nothing is left


async def iterations(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def take(subscription: Subscription) -> Any:
    return (await asyncio.wait_for(subscription.__anext__(), 20)).value


async def test_the_current_value_comes_at_once_and_then_each_other_one(
    camera: TCPBaseActor,
) -> None:
    camera.write("i", temperature=-20.5)
    async with camera.watch("camera.temperature") as updates:
        first = await updates.__anext__()
        assert (first.actor, first.keyword, first.value) == ("camera", "temperature", -20.5)
        assert first.name == "camera.temperature"
        assert camera.model is not None
        assert first.when == camera.model["temperature"].last_seen
        for value in (-20.5, -19.0):
            camera.write("i", temperature=value)
            assert await take(updates) == value
        assert updates.missed == 0


async def test_only_the_latest_update_is_kept_and_the_others_are_counted(
    camera: TCPBaseActor,
) -> None:
    async with camera.watch("temperature") as updates:
        for value in range(10_000):
            camera.write("i", temperature=value)
        assert await take(updates) == 9_999
        assert updates.missed == 9_999


async def test_a_keyword_is_named_in_any_case(camera: TCPBaseActor) -> None:
    camera.write("i", temperature=1)
    async with camera.watch("TEMPERATURE") as one, camera.watch("camera.Temperature") as two:
        assert (await one.__anext__()).keyword == "temperature"
        assert await take(two) == 1
        assert len(camera._get_watchers()) == 1


async def test_strategies_select_updates(camera: TCPBaseActor) -> None:
    async with (
        camera.watch("temperature", "event") as changes,
        camera.watch("temperature", delta=1.0) as steps,
        camera.watch("temperature", "event-rate", min=1000) as slow,
    ):
        found: dict[str, list[float]] = {"changes": [], "steps": [], "slow": []}
        for value in (0, 0, 0.5, 1.0, 1.5, 1.5, 0):
            camera.write("i", temperature=value)
            for name, updates in (("changes", changes), ("steps", steps), ("slow", slow)):
                update, updates._slot.update = updates._slot.update, None
                if update is not None:
                    found[name].append(update.value)
        assert found == {"changes": [0, 0.5, 1.0, 1.5, 0], "steps": [0, 1.5, 0], "slow": [0]}


async def test_timers_give_updates_without_assignments(camera: TCPBaseActor) -> None:
    camera.write("i", temperature=1)
    async with camera.watch("temperature", period=0.01) as updates:
        assert [await take(updates) for _ in range(3)] == [1, 1, 1]
    async with camera.watch("temperature", "event-rate", max=0.01) as updates:
        assert [await take(updates) for _ in range(3)] == [1, 1, 1]


# The replies of legacy actors have no dictionaries.
@pytest.mark.parametrize("camera", [JSONActor], indirect=True)
async def test_dictionaries_are_merged_as_in_models(camera: TCPBaseActor) -> None:
    camera.write("i", lamp={"on": True, "power": 3})
    async with camera.watch("lamp") as updates:
        camera.write("i", lamp={"power": 4})
        assert await take(updates) == {"on": True, "power": 4}


async def test_a_loop_that_is_left_ends_the_subscription(camera: TCPBaseActor) -> None:
    camera.write("i", temperature=1)
    async for update in camera.watch("temperature"):
        assert update.value == 1
        break
    gc.collect()
    await until(lambda: len(camera._get_watchers()) == 0)
    assert camera.model is not None
    assert camera.model["temperature"]._callbacks == []


async def test_a_task_that_is_cancelled_ends_its_subscription(camera: TCPBaseActor) -> None:
    seen: list[float] = []

    async def follow() -> None:
        async for update in camera.watch("temperature", period=0.001):
            seen.append(update.value)

    task = asyncio.create_task(follow())
    camera.write("i", temperature=1)
    await until(lambda: len(seen) > 3)
    task.cancel()
    await asyncio.wait({task})
    del task
    gc.collect()
    await until(lambda: len(camera._get_watchers()) == 0)


async def test_a_timeout_of_the_user_loses_no_update(camera: TCPBaseActor) -> None:
    async with camera.watch("temperature") as updates:
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(updates.__anext__(), 0.01)
        camera.write("i", temperature=5)
        assert await take(updates) == 5
        assert updates._slot.waiting == []


async def test_closing_ends_an_iteration_that_waits(camera: TCPBaseActor) -> None:
    updates = camera.watch("temperature")

    async def follow() -> list[Update]:
        return [update async for update in updates]

    tasks = [asyncio.create_task(follow()) for _ in range(2)]
    await iterations()
    assert "open" in repr(updates)
    updates.close()
    updates.close()
    assert await asyncio.gather(*tasks) == [[], []]
    assert updates.is_closed
    assert repr(updates) == "<Subscription (temperature, Sampling('auto'), closed)>"
    camera.write("i", temperature=5)
    with pytest.raises(StopAsyncIteration):
        await updates.__anext__()


async def test_stopping_the_actor_ends_subscriptions_and_waiting(camera: TCPBaseActor) -> None:
    camera.write("i", temperature=5)
    updates = camera.watch("temperature")
    waiting = asyncio.create_task(camera.wait_for("state"))
    await iterations()
    await camera.stop()
    assert [update.value async for update in updates] == [5]
    with pytest.raises(CluError, match="The client was stopped, which waited for state"):
        await waiting


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["camera.temprature"], "camera has no keyword 'temprature'. Did you mean temperature?"),
        (["camera.qqq"], "'qqq'. It has temperature, state, pixels, lamp."),
        (["stage.position"], "The actor 'stage' is not followed. Followed: 'camera'."),
        (["state", "differential", 1], "camera.state has no numbers: its changes have no delta."),
        (["state", None, 1], "camera.state has no numbers"),
        (["temperature", "event", 1], "The strategy event takes no parameters, and no delta."),
        (["temperature", None, -1], "delta must be a number that is not negative, not -1."),
        (["temperature", "often"], "There is no strategy 'often'."),
        ([""], "A keyword is named ACTOR.KEYWORD, not ''."),
        (["camera."], "A keyword is named ACTOR.KEYWORD, not 'camera.'."),
        ([".temperature"], "A keyword is named ACTOR.KEYWORD, not '.temperature'."),
        (["camera.a b"], "A keyword is named ACTOR.KEYWORD, not 'camera.a b'."),
    ],
)
async def test_what_makes_no_sense_is_an_error_at_once(
    camera: TCPBaseActor, arguments: list[Any], message: str
) -> None:
    name, strategy, delta = [*arguments, None, None][:3]
    with pytest.raises(CluValueError) as raised:
        camera.watch(name, strategy, delta=delta)
    assert message in str(raised.value)
    if len(arguments) == 1:
        with pytest.raises(CluValueError):
            await camera.wait_for(name)


async def test_arguments_of_a_wrong_type_are_errors_at_once(camera: TCPBaseActor) -> None:
    wrong: Any
    for wrong in (5, None, ["temperature"]):
        with pytest.raises(CluTypeError, match="A keyword is named"):
            camera.watch(wrong)
    for wrong in ("open", 5):
        with pytest.raises(CluTypeError, match="must be a function, not"):
            await camera.wait_for("state", wrong)
    for wrong in ("5", True):
        with pytest.raises(CluTypeError, match="timeout must be a number of seconds, not"):
            await camera.wait_for("state", timeout=wrong)
    for wrong in (-1, math.nan):
        with pytest.raises(CluValueError, match="timeout must not be negative"):
            await camera.wait_for("state", timeout=wrong)


def test_there_must_be_an_event_loop() -> None:
    actor = JSONActor("camera", port=0, schema=SCHEMA)
    with pytest.raises(CluRuntimeError, match="no running event loop to watch 'temperature'"):
        actor.watch("temperature")


async def test_a_schema_that_allows_for_others_lets_them_be_watched() -> None:
    actor = await setup_test_actor(JSONActor("camera", port=0, additional_properties=True))
    async with actor.watch("anything", delta=0.5) as updates:
        actor.write("i", anything=3)
        assert await take(updates) == 3
        actor.write("i", anything="not a number")
        assert await take(updates) == "not a number"


async def test_a_client_that_cannot_watch_says_so() -> None:
    from clu.base import BaseClient

    class Other(BaseClient):
        async def start(self) -> Any:
            return self

    with pytest.raises(CluNotImplemented, match="A Other cannot watch keywords"):
        Other("other").watch("camera.state")


# --- waiting ----------------------------------------------------------------------------------


async def test_a_value_that_is_there_is_not_waited_for(camera: TCPBaseActor) -> None:
    camera.write("i", state="open")
    update = await camera.wait_for("camera.state", lambda value: value == "open", timeout=0)
    assert update.value == "open"
    assert (await camera.wait_for("state")).value == "open"
    assert len(camera._get_watchers()) == 0


async def test_each_value_is_looked_at_however_short_it_was(camera: TCPBaseActor) -> None:
    waiting = asyncio.create_task(camera.wait_for("state", lambda value: value == "open"))
    await iterations()
    for state in ("closed", "open", "closed"):
        camera.write("i", state=state)
    assert (await waiting).value == "open"


async def test_a_timeout_tells_what_was_seen(camera: TCPBaseActor) -> None:
    camera.write("i", state="closed")
    waiting = asyncio.create_task(
        camera.wait_for("camera.state", lambda value: value == "open", timeout=0.05)
    )
    await iterations()
    camera.write("i", state="opening")
    with pytest.raises(KeywordTimeout) as raised:
        await waiting
    error = raised.value
    assert (error.name, error.value, error.updates) == ("camera.state", "opening", 2)
    assert error.age is not None
    assert error.age >= 0
    expected = (
        "camera.state has not got the value that was waited for within 0.05 s. 2 values came; the "
        f"last is 'opening', {error.age:.1f} s old."
    )
    assert str(error) == expected
    assert isinstance(error, TimeoutError)
    assert isinstance(error, CluTimeoutError)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


async def test_a_timeout_without_any_value_says_so(camera: TCPBaseActor) -> None:
    with pytest.raises(KeywordTimeout, match=r"within 0 s\. No value came\.$") as raised:
        await camera.wait_for("state", timeout=0)
    assert raised.value.age is None
    assert raised.value.updates == 0
    camera.write("i", pixels=None)
    with pytest.raises(KeywordTimeout, match="1 value came; the last is None, "):
        await camera.wait_for("pixels", lambda value: value is not None, timeout=0)


async def test_an_error_of_the_predicate_reaches_who_waits(camera: TCPBaseActor) -> None:
    camera.write("i", state="closed")
    with pytest.raises(TypeError, match="not supported between"):
        await camera.wait_for("state", lambda value: value > 5)

    def stops(value: Any) -> bool:
        raise StopIteration

    with pytest.raises(RuntimeError):
        await camera.wait_for("state", stops)

    async def slow(value: Any) -> bool:
        return True

    with pytest.raises(CluTypeError, match="must be a function, not a coroutine"):
        await camera.wait_for("state", slow)
    assert len(camera._get_watchers()) == 0


async def test_waiting_can_be_cancelled(camera: TCPBaseActor) -> None:
    waiting = asyncio.create_task(camera.wait_for("state"))
    await iterations()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(camera._get_watchers()) == 0


async def test_waiting_without_end_is_a_timeout_of_infinity(camera: TCPBaseActor) -> None:
    waiting = asyncio.create_task(camera.wait_for("state", timeout=math.inf))
    await iterations()
    camera.write("i", state="open")
    assert (await waiting).value == "open"


async def test_an_actor_that_is_not_watched_has_no_callbacks(camera: TCPBaseActor) -> None:
    updates = camera.watch("temperature")
    assert camera.model is not None
    assert camera.model["temperature"]._callbacks
    assert not camera.model["state"]._callbacks
    assert not camera.model._callbacks
    updates.close()
    assert not camera.model["temperature"]._callbacks


async def test_another_schema_is_followed_too(camera: TCPBaseActor) -> None:
    camera.write("i", temperature=1)
    async with camera.watch("temperature") as updates, camera.watch("state") as states:
        assert await take(updates) == 1
        camera.load_schema({"type": "object", "properties": {"temperature": {"type": "integer"}}})
        camera.write("i", temperature=2)
        assert await take(updates) == 2
        assert not states.is_closed
    with pytest.raises(CluValueError, match="camera has no keyword 'state'"):
        camera.watch("state")
