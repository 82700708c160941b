"""The page about scale: its tables and plots are those of the data that were measured."""

from __future__ import annotations

import importlib
import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest

from tests.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

PLOTS = ("followers", "actors", "keywords", "in-flight", "brokers")


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("scale")


@pytest.fixture
def data(scale: ModuleType) -> Any:
    return json.loads(scale.DATA.read_text())


@pytest.mark.parametrize("plot", PLOTS)
def test_the_tables_of_the_page_come_from_the_data(scale: ModuleType, data: Any, plot: str) -> None:
    start, end = scale.markers(plot)
    page = scale.PAGE.read_text()
    assert page.partition(start)[2].partition(end)[0].strip() == scale.table(plot, data)
    assert f"benchmarks/scale-{plot}.svg" in page


@pytest.mark.parametrize("plot", [plot for plot in PLOTS if plot != "brokers"])
def test_every_point_was_measured(scale: ModuleType, data: Any, plot: str) -> None:
    names, values = scale.POINTS[plot]
    found = {name: list(points) for name, points in data["figures"][plot].items()}
    assert found == {name: [str(x) for x in values] for name in names}


def test_every_arrangement_was_measured(scale: ModuleType, data: Any) -> None:
    names = [arrangement.name for arrangement in scale.scale_brokers.ARRANGEMENTS]
    assert list(data["figures"]["brokers"]) == names


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_has_no_background_and_shows_all_series(
    scale: ModuleType, data: Any, plot: str
) -> None:
    root = ET.parse(scale.FOLDER / f"scale-{plot}.svg").getroot()
    texts = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(data["figures"][plot]) <= texts
    styles = [element.get("style", "") for element in root.iter()]
    assert not any("fill: #ffffff" in style for style in styles)
    assert not any("#000000" in style for style in styles)


def test_a_point_that_fails_is_named_and_left_out(
    scale: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure_point(plot: str, series: str, x: int, *_: Any) -> dict[str, float]:
        if x == 100:
            raise scale.PointFailed("no reason")
        return {"wall": 4.0, "actors": 1.00004, "broker": 0.0, "clients": 2.0}

    class NoBroker:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(scale, "measure_point", measure_point)
    monkeypatch.setattr(scale, "private_broker", NoBroker)
    figures = scale.measure(["keywords"], 2, 1.0)
    assert "keywords, AMQP, 100: no reason" in capsys.readouterr().err
    assert list(figures["keywords"]["AMQP"]) == ["10", "1000", "5000"]
    assert figures["keywords"]["AMQP"]["10"]["actors"] == 1.0
    table = scale.table("keywords", {"about": {"keywords": "Here"}, "figures": figures})
    assert "| AMQP | 5,000 | 1.00 | - | 2.00 | 3.00 | 4.00 |" in table


def test_a_plot_of_the_same_data_is_the_same(scale: ModuleType, data: Any, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.svg", "other.svg")]
    for path in paths:
        scale.scale_plots.draw("brokers", data["figures"]["brokers"], path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
