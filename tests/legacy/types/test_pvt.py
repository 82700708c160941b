"""Moving positions, and their time scales."""

from __future__ import annotations

import math
import time

import pytest


def test_numbers_may_be_texts_and_nan_is_not_known(lib):
    PVT = lib.pvt.PVT
    assert repr(PVT("1", 2, "3")) == "PVT(1.0, 2.0, 3.0)"
    assert PVT("NaN", "nan").native == (None, None, 0.0)
    assert PVT(None, None, None).native == (None, 0.0, 0.0)
    with pytest.raises(ValueError, match="could not convert string to float: 'x'"):
        PVT("x")


@pytest.mark.parametrize(
    ("args", "valid", "moving", "position"),
    [
        ((1, 2, 3), True, True, 21.0),
        ((1, 0, 3), True, False, 1.0),
        ((1, 2, 0), False, True, None),
        ((1, 2, -3), False, True, None),
        ((1, "nan", 3), False, False, None),
        ((None, 2, 3), False, True, None),
        ((math.nan, 2, 3), False, True, None),
        ((math.inf, 0, 3), False, False, None),
        ((1, math.inf, 3), False, True, None),
        ((1, 2, math.inf), False, True, None),
    ],
)
def test_a_position_is_known_when_everything_is_finite_and_the_time_positive(
    lib, args, valid, moving, position
):
    pvt = lib.pvt.PVT(*args)
    assert (pvt.isValid(), pvt.hasVel(), pvt.getPos(13)) == (valid, moving, position)


def test_the_position_now_moves_with_tai(lib):
    now = lib.pvt.taiFromPySec(time.time()) * 86400
    assert lib.pvt.PVT(10, 1, now).getPos() == pytest.approx(10, abs=5)


def test_what_is_not_given_is_not_changed(lib):
    pvt = lib.pvt.PVT(1, 2, 3)
    pvt.set(vel=6)
    assert pvt.native == (1.0, 6.0, 3.0)
    pvt.set("nan", None, "7")
    assert pvt.native == (None, 6.0, 7.0)
    with pytest.raises(ValueError, match="could not convert"):
        pvt.set(5, "x")
    assert pvt.native == (None, 6.0, 7.0)


def test_time_scales(lib):
    pvt = lib.pvt
    assert pvt.utcFromPySec(0) == 40587.0
    assert pvt.taiFromUTC(55000) == pytest.approx(55000 + 35 / 86400, abs=1e-9)
    assert pvt.taiFromPySec(1e9) == pytest.approx(52161.074479166666, abs=1e-9)
    assert pvt.getCurrPySec(5) == 5.0
    assert pvt.getCurrPySec() == pytest.approx(time.time(), abs=5)
    assert pvt.utcFromPySec() == pytest.approx(40587 + time.time() / 86400, abs=1e-3)
    assert pvt.MJDJ2000 == 51544.5


def test_numbers_or_none(lib):
    assert lib.pvt.asFloatOrNone("nan") is None
    assert lib.pvt.asFloatOrNone("inf") == math.inf
    assert math.isnan(lib.pvt.asFloatOrNone(math.nan))
    value = lib.pvt.asFloatOrNone(lib.types.Float()(1))
    assert (value, type(value)) == (1.0, float)
    with pytest.raises(TypeError):
        lib.pvt.asFloatOrNone(None)
