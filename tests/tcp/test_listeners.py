"""Clients that ask for the replies to the commands of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest

from clu import Command, JSONActor
from clu.parsers.click import CluCommand, CluGroup, help_, ping
from tests.tcp_client import Client, codes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Lamp(JSONActor):
    parser = CluGroup("lamp", commands={"ping": ping, "help": help_})


@pytest.fixture
async def lamp() -> AsyncIterator[JSONActor]:
    lamp = await Lamp("lamp", port=0).start()
    yield lamp
    await lamp.stop()


async def test_replies_to_others_come_once_and_only_to_those_who_ask(lamp: JSONActor) -> None:
    async with (
        await Client.connect(lamp.port) as listener,
        await Client.connect(lamp.port) as deaf,
        await Client.connect(lamp.port) as sender,
    ):
        answer = await listener.ask("7 all-replies --on")
        assert answer[-1]["data"] == {"text": "Replies to other clients are on."}
        own = await sender.ask("8 ping")
        heard = [await listener.reply(), await listener.reply()]
        assert heard == own
        assert heard[0]["header"]["commander_id"] != answer[0]["header"]["commander_id"]
        assert codes(await listener.ask("9 ping")) == [">", ":"]
        lamp.write("i", text="for all")
        assert (await listener.reply())["data"] == {"text": "for all"}
        # Whatever came before is ahead of it.
        assert (await deaf.reply())["data"] == {"text": "for all"}


async def test_they_end_when_they_are_turned_off_or_the_listener_leaves(lamp: JSONActor) -> None:
    async with await Client.connect(lamp.port) as sender:
        async with await Client.connect(lamp.port) as listener:
            await listener.ask("1 all-replies")
            await listener.ask("2 all-replies --off")
            await sender.ask("3 ping")
            assert [item["header"]["command_id"] for item in await listener.ask("4 ping")] == [4, 4]
            await listener.ask("5 all-replies")
        assert codes(await sender.ask("6 ping")) == [">", ":"]


async def test_a_command_of_this_name_that_the_actor_has_is_kept() -> None:
    @click.command(name="all-replies", cls=CluCommand)
    def own(command: Command[Any]) -> None:
        command.finish(text="mine")

    class Other(JSONActor):
        parser = CluGroup("other", commands={"all-replies": own})

    other = await Other("other", port=0).start()
    try:
        async with await Client.connect(other.port) as client:
            assert (await client.ask("1 all-replies"))[-1]["data"] == {"text": "mine"}
    finally:
        await other.stop()


async def test_it_is_not_among_the_commands_that_help_lists(lamp: JSONActor) -> None:
    async with await Client.connect(lamp.port) as client:
        text = str(await client.ask("1 --help"))
        assert "multiline" in text
        assert "all-replies" not in text
