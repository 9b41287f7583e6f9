"""The charts' geometry."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from consult.plots import Reading, pressure_chart, share, spark

START = date(2026, 11, 10)


def readings(*pairs: tuple[int, int], every: int = 1) -> list[Reading]:
    return [Reading(START + timedelta(days=k * every), s, d) for k, (s, d) in enumerate(pairs)]


def chart(*pairs: tuple[int, int]):
    found = pressure_chart(readings(*pairs))
    assert found is not None
    return found


def test_no_readings_no_chart():
    assert pressure_chart([]) is None


def test_higher_pressure_stands_higher_on_the_page():
    low, high = chart((120, 70), (150, 70)).systolic
    assert high.y < low.y


def test_later_days_stand_further_right_and_gaps_stay_gaps():
    days = [Reading(START + timedelta(days=d), 120, 80) for d in (0, 1, 4)]
    found = pressure_chart(days)
    assert found is not None
    first, second, last = (m.x for m in found.systolic)
    assert (last - second) == pytest.approx(3 * (second - first), abs=0.3)


def test_the_order_of_the_readings_does_not_matter():
    pairs = readings((120, 70), (150, 90), (130, 80))
    assert pressure_chart(pairs) == pressure_chart(pairs[::-1])


def test_one_reading_is_a_chart_too():
    assert len(chart((120, 80)).days) == 1


@pytest.mark.parametrize(("pair", "high"), [((159, 99), 0), ((160, 80), 1), ((130, 100), 1)])
def test_readings_to_look_at_are_counted(pair: tuple[int, int], high: int):
    assert chart(pair).high == high


def test_a_value_beyond_the_usual_scale_still_lies_inside_the_picture():
    found = chart((232, 131), (88, 41))
    marks = [*found.systolic, *found.diastolic]
    assert all(0 <= m.y <= found.height - 20 for m in marks)


def test_both_targets_are_labelled_and_no_label_touches_another():
    rows = chart((232, 131)).rows
    assert {r.label for r in rows if r.target} == {"90", "140"}
    places = sorted(r.at for r in rows)
    assert all(b - a >= 7 for a, b in pairwise(places))


def test_at_most_four_days_are_labelled_first_and_last_among_them():
    days = chart(*[(120, 80)] * 14).days
    assert [d.label for d in days][:: len(days) - 1] == ["11/10", "11/23"]
    assert len(days) == 4


def test_a_spark_needs_two_values():
    assert spark([5.0]) is None


def test_a_spark_shows_the_normal_band_behind_the_last_value():
    found = spark([60, 70, 80], (60, 100))
    assert found is not None
    assert found.band_y is not None
    assert found.band_y <= found.y <= found.band_y + found.band_height


def test_a_flat_spark_is_a_line_in_the_picture():
    found = spark([7, 7, 7])
    assert found is not None
    assert 0 <= found.y <= 40


@pytest.mark.parametrize(
    ("part", "whole", "percent"), [(1, 4, 25), (5, 4, 100), (-1, 4, 0), (1, 0, 0)]
)
def test_a_share_stays_between_nothing_and_all(part: float, whole: float, percent: float):
    assert share(part, whole) == percent
