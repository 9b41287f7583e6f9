"""Geometry of the small charts: numbers in, SVG coordinates out. Pure.

Lengths are SVG user units of the viewBox that each function names, y downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

SYSTOLIC_TARGET, DIASTOLIC_TARGET = 140, 90
SYSTOLIC_HIGH, DIASTOLIC_HIGH = 160, 100
STEP = 20
TARGETS = (SYSTOLIC_TARGET, DIASTOLIC_TARGET)
LABEL_DROP = 3.5


@dataclass(frozen=True, slots=True)
class Reading:
    """One blood pressure in mmHg."""

    on: date
    systolic: int
    diastolic: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the chart with its value; ``high`` marks a value that must be looked at."""

    x: float
    y: float
    value: int
    high: bool = False

    @property
    def label_y(self) -> float:
        """The baseline of a label beside it."""
        return self.y + LABEL_DROP


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis; ``target`` marks the line to stay under."""

    at: float
    label: str
    target: bool = False

    @property
    def label_y(self) -> float:
        """The baseline of its label, for a place on the upright axis."""
        return self.at + LABEL_DROP


@dataclass(frozen=True, slots=True)
class PressureChart:
    """Two lines with two dashed targets; viewBox 0 0 356 ``height``."""

    height: float
    left: float
    right: float
    systolic: Sequence[Mark]
    diastolic: Sequence[Mark]
    rows: Sequence[Tick]
    days: Sequence[Tick]

    @property
    def high(self) -> int:
        """How many readings had a value that must be looked at."""
        return sum(s.high or d.high for s, d in zip(self.systolic, self.diastolic, strict=True))

    @property
    def systolic_points(self) -> str:
        """The upper line as an SVG ``points`` list."""
        return _points(self.systolic)

    @property
    def diastolic_points(self) -> str:
        """The lower line as an SVG ``points`` list."""
        return _points(self.diastolic)


def pressure_chart(readings: Sequence[Reading]) -> PressureChart | None:
    """The chart of ``readings`` (any order), or None when there are none.

    The scale grows beyond 60 to 180 mmHg in steps of 20 when a value lies outside; days stand as
    far apart as they were, at most four are labelled.
    """
    if not readings:
        return None
    days = sorted(readings, key=lambda r: r.on)
    low = min(60, _floor(min(r.diastolic for r in days)))
    top = max(180, -_floor(-max(r.systolic for r in days)))
    left, right, height = 34.0, 316.0, 150.0
    span = max(1, (days[-1].on - days[0].on).days)

    def x(day: date) -> float:
        return round(left + (day - days[0].on).days / span * (right - left), 1)

    def y(value: float) -> float:
        return round(130 - (value - low) / (top - low) * 120, 1)

    return PressureChart(
        height,
        left - 6,
        right + 6,
        [Mark(x(r.on), y(r.systolic), r.systolic, r.systolic >= SYSTOLIC_HIGH) for r in days],
        [Mark(x(r.on), y(r.diastolic), r.diastolic, r.diastolic >= DIASTOLIC_HIGH) for r in days],
        [Tick(y(v), str(v), v in TARGETS) for v in _rows(low, top)],
        [Tick(x(r.on), f"{r.on.month}/{r.on.day}") for r in _spread(days)],
    )


def _floor(value: int) -> int:
    return value // STEP * STEP


def _rows(low: int, top: int) -> list[int]:
    """The labelled values: every 20, but 90 stands for 80 and 100, which it would touch."""
    plain = [v for v in range(low, top + 1, STEP) if abs(v - DIASTOLIC_TARGET) > 10]
    return sorted([*plain, DIASTOLIC_TARGET])


def _spread(days: Sequence[Reading]) -> list[Reading]:
    """First, last and two between, at least two months' digits (40 units) apart."""
    distinct = list({r.on: r for r in days}.values())
    if len(distinct) <= 4:
        return distinct
    last = len(distinct) - 1
    return [distinct[round(last * k / 3)] for k in range(4)]


def _points(marks: Sequence[Mark]) -> str:
    return " ".join(f"{m.x},{m.y}" for m in marks)


@dataclass(frozen=True, slots=True)
class Spark:
    """A value's recent course without axes; viewBox 0 0 120 40, stretched to its box."""

    points: str
    x: float
    y: float
    band_y: float | None
    band_height: float


def spark(values: Sequence[float], normal: tuple[float, float] | None = None) -> Spark | None:
    """The course of ``values``, oldest first, over the band ``normal``; None under two values."""
    if len(values) < 2:
        return None
    known: list[float] = [*values, *(normal or ())]
    low, high = min(known), max(known)
    span = (high - low) or 1

    def y(value: float) -> float:
        return round(36 - (value - low) / span * 32, 1)

    step = 112 / (len(values) - 1)
    places = [(round(3 + k * step, 1), y(v)) for k, v in enumerate(values)]
    band = (y(normal[1]), round(y(normal[0]) - y(normal[1]), 1)) if normal else (None, 0.0)
    return Spark(" ".join(f"{a},{b}" for a, b in places), *places[-1], *band)


def share(part: float, whole: float) -> float:
    """``part`` of ``whole`` in percent, between 0 and 100."""
    return min(100.0, max(0.0, part / whole * 100)) if whole > 0 else 0.0
