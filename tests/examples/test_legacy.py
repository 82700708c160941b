"""The legacy actor behind its hub, over real sockets."""

from __future__ import annotations

from .running import finish, running, start_command, talk

TYPED_AND_FOLLOWED = """\
guiding = [True]
frame = [1]
offset = [0.5, -0.25]
frame = [2]
offset = [0.25, -0.125]
guiding = [False]
text = ['The star is centred.']
""".splitlines()


def test_an_observer_follows_typed_keywords_and_anybody_can_command() -> None:
    with running("legacy") as example:
        observe, talking, command = example.suggestions
        example.read_until("The hub is connected to guider.")
        assert observe.endswith(" 5")
        assert finish(start_command(observe.removesuffix("5") + "2")) == (0, TYPED_AND_FOLLOWED)
        lines = talk(talking, [command], r"^me\.me 1 guider [:f]")
        assert "me.me 1 guider i frame=2; offset=0.25,-0.125" in lines
        assert lines[-1] == 'me.me 1 guider : text="The star is centred."'


def test_the_hub_says_when_there_is_no_such_actor() -> None:
    with running("legacy") as example:
        lines = talk(example.suggestions[1], ["me.me 7 nobody ping"], r"^me\.me 7 ")
        assert lines[-1] == 'me.me 7 hub f text="There is no actor nobody."'
