"""What is known of keywords is what their actor has written, whatever gets lost meanwhile."""

from __future__ import annotations

import asyncio
import collections
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from clu._watch.reply_source import ReplySource
from clu._watch.requests import VALUES, Answer, Ended
from clu._watch.sampling import Sampling
from clu._watch.watchers import Watchers
from clu.exceptions import CluConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from clu.watch import Subscription

KEYWORDS = ["a", "b", "c", "d", "e"]
ACTOR = "stage"


class Wire:
    """A client, the actor that it follows, and the messages between them, in their order."""

    def __init__(self, has_values: bool) -> None:
        self.values: dict[str, int] = {}
        self.has_values = has_values
        self.is_connected = True
        self.is_there = True
        self.is_busy = False  # so that it answers when nobody waits for that any more
        self.take: Callable[[Any], None] | None = None
        self.messages: collections.deque[Callable[[], None]] = collections.deque()
        self.asked: list[asyncio.Future[Answer]] = []
        self.commands: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    # What a link does.

    def receive(self, take: Callable[[Any], None], on: bool) -> None:
        assert on is (self.take is None)
        self.take = take if on else None

    async def prepare(self) -> None:
        if not self.is_connected:
            raise CluConnectionError("There is no connection.")

    def model(self, actor: str) -> Any:
        return None

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.append(task)
        return task

    async def ask(self, actor: str, text: str, internal: bool) -> Answer:
        await self.prepare()
        self.commands.append(text)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.asked.append(future)
        self.messages.append(lambda: self.answer(future, text))
        return await future

    # What the actor and the network do.

    def answer(self, future: asyncio.Future[Answer], text: str) -> None:
        """Answer a command when it reaches the actor: the replies take their time, too."""
        if self.is_busy:
            future.set_result(Answer(Ended.SILENT, {}, "It has not answered."))
        if not self.is_there:
            answer = Answer(Ended.ABSENT, {}, "There is no such actor.")
            self.messages.append(lambda: self.settle(future, answer, []))
            return
        found = Ended.DONE
        replies: list[dict[str, Any]] = []
        if text.startswith("keyword --value ") and self.has_values:
            word = text.split()[-1].strip("'")
            values = {
                name: {"value": value, "when": 1.0}
                for name, value in self.values.items()
                if word in ("*", name)
            }
            replies.append({VALUES: values})
        elif text == "get-command-model":
            replies.append({"command_model": {"commands": {"status": {}}}})
        elif text == "status":
            replies += [{name: value} for name, value in self.values.items()]
        else:
            found = Ended.FAILED
        keywords = {name: value for reply in replies for name, value in reply.items()}
        self.messages.append(lambda: self.settle(future, Answer(found, keywords), replies))

    def settle(
        self, future: asyncio.Future[Answer], answer: Answer, replies: list[dict[str, Any]]
    ) -> None:
        for body in replies:
            self.deliver(body)
        if not future.done():
            future.set_result(answer)

    def write(self, keyword: str, value: int) -> None:
        if self.is_there:
            self.values[keyword] = value
            if self.is_connected:
                self.messages.append(lambda: self.deliver({keyword.upper(): value}))

    def deliver(self, body: dict[str, Any]) -> None:
        if self.take is not None:
            reply = SimpleNamespace(sender=ACTOR, body=body, message_code="i", command_id=None)
            self.take(reply)

    def lose(self) -> None:
        self.is_connected = False
        self.messages.clear()
        for future in self.asked:
            if not future.done():
                future.set_exception(CluConnectionError("The connection was lost."))
        self.asked.clear()

    async def settled(self) -> None:
        for _ in range(2000):
            await asyncio.sleep(0)
            if self.messages:
                self.messages.popleft()()
            elif all(task.done() for task in self.tasks):
                return
        raise AssertionError("it asks for ever")


#: Few of them, or so many that they are asked for together.
NAMES = st.just("a") | st.sampled_from(KEYWORDS)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, st.integers(0, 3)),
        st.tuples(st.just("watch"), NAMES),
        st.tuples(st.just("close"), st.integers(0, 5)),
        st.tuples(st.sampled_from(["lose", "restore"])),
        st.tuples(st.sampled_from(["leave", "come", "come quietly"])),
        st.tuples(st.just("go on"), st.integers(1, 6) | st.just(100)),
    ),
    min_size=10,
    max_size=40,
)


BEGIN: list[tuple[Any, ...]] = [("watch", "a"), ("write", "a", 1), ("go on", 100)]


@given(OPERATIONS, st.booleans())
@example([*BEGIN, ("lose",), ("write", "a", 2), ("restore",)], True)
@example([*BEGIN, ("lose",), ("write", "a", 2), ("restore",)], False)
@example([*BEGIN, ("lose",), ("restore",), ("go on", 2), ("write", "a", 2)], True)
@example([("leave",), *BEGIN, ("come",), ("write", "a", 2)], True)
@example([*BEGIN, ("close", 0), ("write", "a", 2), ("watch", "a")], True)
def test_in_the_end_each_keyword_has_the_value_that_its_actor_wrote(
    operations: list[tuple[Any, ...]], has_values: bool
) -> None:
    asyncio.run(play(operations, has_values))


async def play(operations: list[tuple[Any, ...]], has_values: bool) -> None:
    wire = Wire(has_values)
    source = ReplySource(wire)
    watchers = Watchers(lambda _: source)
    subscriptions: list[Subscription] = []
    for name, *arguments in operations:
        if name == "write":
            wire.write(*arguments)
        elif name == "watch":
            subscriptions.append(watchers.watch(f"{ACTOR}.{arguments[0]}", Sampling()))
        elif name == "close" and subscriptions:
            subscriptions.pop(arguments[0] % len(subscriptions)).close()
        elif name == "lose" and wire.is_connected:
            wire.lose()
        elif name == "restore" and not wire.is_connected:
            wire.is_connected = True
            watchers.restored()
        elif name == "leave":
            wire.is_there = False
        elif name.startswith("come") and not wire.is_there:
            wire.is_there = True
            if has_values and wire.is_connected and name == "come":
                wire.messages.append(lambda: watchers.announced(ACTOR))
        elif name == "go on":
            for _ in range(arguments[0]):
                await asyncio.sleep(0)
                if wire.messages:
                    wire.messages.popleft()()
    wire.is_there = True
    if not wire.is_connected:
        wire.is_connected = True
        watchers.restored()
    wire.write("other", 1)  # whoever was not there says something
    await wire.settled()
    for subscription in subscriptions:
        keyword = subscription.name.partition(".")[2]
        expected = wire.values.get(keyword)
        latest = subscription._keyword.latest
        assert (None if latest is None else latest.value) == expected, wire.commands
        assert not subscription.is_closed
    for subscription in subscriptions:
        subscription.close()
    await wire.settled()
    assert len(watchers) == 0
    assert wire.take is None


async def test_an_actor_that_answers_too_late_counts_all_the_same() -> None:
    wire = Wire(has_values=True)
    source = ReplySource(wire)
    watchers = Watchers(lambda _: source)
    wire.values["a"] = 3
    wire.is_busy = True
    async with watchers.watch(f"{ACTOR}.a", Sampling()) as updates:
        await wire.settled()
        assert (await updates.__anext__()).value == 3
        assert wire.commands == ["get_schema", "keyword --value a"]
