"""This clu does what the recorded release does, but for what is better and listed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from tests import recorded_release

from . import builds
from .differences import Accepted, Difference, accepted, differences
from .recorder import registry

if TYPE_CHECKING:
    from .builds import Transcripts

pytestmark = pytest.mark.timeout(1200)  # the first test waits for the scenarios

CLICKS = (recorded_release.OLDEST_CLICK, recorded_release.newest_click())
#: Scenarios in which click takes part, which run with the oldest and the newest.
WITH_CLICK = (
    *("click", "command.child", "command.handed", "command.parent", "overridden_write"),
    *("issue", "reliance"),
)
#: Where more scenarios differ than these, it is not because the machine was busy.
FEW = 100


def cases() -> list[tuple[str, str]]:
    names = list(registry.load())
    oldest, newest = CLICKS
    with_click = [(oldest, name) for name in names if name.startswith(WITH_CLICK)]
    return [*with_click, *((newest, name) for name in names)]


CASES = cases()


@functools.cache
def rules() -> list[Accepted]:
    return accepted()


def found(transcripts: Transcripts, click: str, name: str) -> list[Difference]:
    return differences(
        transcripts[builds.RECORDED, click][name], transcripts[builds.OURS, click][name]
    )


def unknown(transcripts: Transcripts, click: str, name: str) -> list[Difference]:
    return [
        difference
        for difference in found(transcripts, click, name)
        if not any(rule.covers(name, difference) for rule in rules())
    ]


def by_click(selected: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {click: [n for c, n in selected if c == click] for click in dict(selected)}


@pytest.fixture(scope="module")
def transcripts(request: pytest.FixtureRequest) -> Transcripts:
    """Run the scenarios of the selected tests; those that differ a second time, on their own."""
    parameters = [getattr(item, "callspec", None) for item in request.session.items]
    selected = [
        (p.params["click"], p.params["name"]) for p in parameters if p and "click" in p.params
    ]
    taken = builds.record(by_click(selected))
    differing = [(click, name) for click, name in selected if unknown(taken, click, name)]
    if differing and len(differing) <= FEW:
        for key, again in builds.record(by_click(differing)).items():
            taken[key] |= again
    return taken


@pytest.mark.parametrize(("click", "name"), CASES, ids=[f"{n}-click-{c}" for c, n in CASES])
def test_it_does_what_the_recorded_release_does(
    transcripts: Transcripts, click: str, name: str
) -> None:
    if differing := unknown(transcripts, click, name):
        pytest.fail("\n".join([f"{name} differs:", *map(str, differing)]), pytrace=False)


def test_what_is_accepted_still_differs(transcripts: Transcripts) -> None:
    run = {(click, name) for _, click in transcripts for name in transcripts[builds.OURS, click]}
    if missing := set(CASES) - run:
        stale: list[Any] = [r for r in rules() if not any(r.applies_to(n) for _, n in missing)]
    else:
        stale = rules()
    for click, name in run:
        here = found(transcripts, click, name)
        stale = [rule for rule in stale if not any(rule.covers(name, one) for one in here)]
    assert stale == []


def test_the_list_of_what_is_accepted_is_short_and_has_reasons() -> None:
    promises = " ".join((recorded_release.ROOT / "MIGRATION.md").read_text().split())
    assert len(rules()) <= 25
    assert [rule for rule in rules() if not rule.reason] == []
    assert [rule.migration for rule in rules() if rule.migration not in promises] == []
