"""The rows of the table of values."""

from __future__ import annotations

from clu.cli.watch.follow import Change
from clu.cli.watch.rows import Rows


def make_rows() -> Rows:
    rows = Rows()
    for number in range(5):
        rows.take(Change("stage", f"axis{number}", number), 0.0)
    rows.take(Change("camera", "state", "idle"), 0.0)
    return rows


def keywords(rows: Rows, size: int) -> list[str]:
    return [row.keyword for row in rows.page(size)[0]]


def test_rows_are_by_actor_and_within_it_in_the_order_in_which_they_came() -> None:
    assert keywords(make_rows(), 3) == ["state", "axis0", "axis1"]


def test_scrolling_stops_at_the_ends() -> None:
    rows = make_rows()
    rows.start = 100
    assert keywords(rows, 2) == ["axis3", "axis4"]
    assert rows.start == 4
    assert keywords(rows, 10)[0] == "state"
    assert rows.start == 0


def test_the_filter_is_for_actors_keywords_and_values() -> None:
    rows = make_rows()
    for text, found in (("CAM", ["state"]), ("axis3", ["axis3"]), ("idle", ["state"]), ("x", None)):
        rows.filter = text
        assert keywords(rows, 9) == (found or [f"axis{number}" for number in range(5)])


def test_frozen_rows_stay_until_they_are_let_go() -> None:
    rows = make_rows()
    rows.freeze(1.0)
    rows.take(Change("camera", "state", "busy"), 2.0)
    rows.take(Change("camera", "new", 1), 2.0)
    assert rows.page(1)[0][0].value == "idle"
    assert len(rows) == 6
    rows.freeze(None)
    assert [row.value for row in rows.page(2)[0]] == ["busy", "1"]


def test_values_cannot_control_the_terminal() -> None:
    rows = Rows()
    rows.take(Change("camera", "state", "\x1b[2J"), 0.0)
    assert "\x1b" not in rows.page(1)[0][0].value
