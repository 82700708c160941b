"""This clu does what the recorded release does, but for what is better and listed."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests import recorded_release

from . import builds
from .differences import Accepted, Difference, accepted, differences
from .recorder import registry

pytestmark = pytest.mark.timeout(900)

CLICKS = (recorded_release.OLDEST_CLICK, recorded_release.newest_click())
#: Scenarios in which click takes part, which run with the oldest and the newest.
WITH_CLICK = (
    "click",
    "command.child",
    "command.handed",
    "command.parent",
    "overridden_write",
    "issue",
    "reliance",
)


def runs() -> dict[str, list[str]]:
    """Return the scenarios for each click."""
    names = list(registry.load())
    with_click = [name for name in names if name.startswith(WITH_CLICK)]
    return {CLICKS[0]: with_click, CLICKS[1]: names}


CASES = [(click, name) for click, names in runs().items() for name in names]


@pytest.fixture(scope="module")
def transcripts(request: pytest.FixtureRequest) -> dict[tuple[str, str], Any]:
    """Run the scenarios of the tests that were selected, and those of accepted differences."""
    wanted: dict[str, list[str]] = {}
    for item in request.session.items:
        if "click" in getattr(getattr(item, "callspec", None), "params", {}):
            params = item.callspec.params
            wanted.setdefault(params["click"], []).append(params["name"])
    return builds.record(wanted)


@functools.cache
def rules() -> list[Accepted]:
    return accepted()


def found(transcripts: dict[tuple[str, str], Any], click: str, name: str) -> list[Difference]:
    return differences(
        transcripts[builds.RECORDED, click][name], transcripts[builds.OURS, click][name]
    )


@pytest.mark.parametrize(("click", "name"), CASES, ids=[f"{n}-click-{c}" for c, n in CASES])
def test_it_does_what_the_recorded_release_does(
    transcripts: dict[tuple[str, str], Any], click: str, name: str
) -> None:
    unknown = [
        difference
        for difference in found(transcripts, click, name)
        if not any(rule.covers(name, difference) for rule in rules())
    ]
    if unknown:
        pytest.fail("\n".join([f"{name} differs:", *map(str, unknown)]), pytrace=False)


def test_what_is_accepted_still_differs(transcripts: dict[tuple[str, str], Any]) -> None:
    taken = {
        rule
        for _, click in transcripts
        for name in transcripts[builds.OURS, click]
        for difference in found(transcripts, click, name)
        for rule in rules()
        if rule.covers(name, difference)
    }
    # Scenarios that were not selected tell nothing of the rules for them.
    run = {name for _, click in transcripts for name in transcripts[builds.OURS, click]}
    stale = [
        rule
        for rule in rules()
        if rule not in taken
        and any(rule.applies_to(name) for name in run)
        and not any(rule.applies_to(name) for _, name in CASES if name not in run)
    ]
    assert stale == []


def test_the_list_of_what_is_accepted_is_short_and_has_reasons() -> None:
    assert len(rules()) <= 25
    assert all(rule.reason and rule.migration for rule in rules())
