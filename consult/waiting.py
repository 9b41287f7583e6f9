"""How long a patient will wait, said as a range that the past bears out. Pure."""

from collections.abc import Sequence
from statistics import quantiles

from consult.rules import ENOUGH_SAMPLES

STEP = 5


def promise(lengths: Sequence[float], ahead: int) -> tuple[int, int] | None:
    """Minutes (low, high) until one is called with ``ahead`` people before.

    ``lengths`` are the minutes of the doctor's recent visits; the range is from their first to
    their third quartile, in steps of five minutes. None while there are too few of them.
    """
    if len(lengths) < ENOUGH_SAMPLES:
        return None
    low, _median, high = quantiles(lengths, n=4, method="inclusive")
    # The visit that is on has some of its time behind it, so the low end counts one less.
    return _down(low * max(ahead - 1, 0)), _up(high * max(ahead, 0)) or STEP


def _down(minutes: float) -> int:
    return int(minutes // STEP) * STEP


def _up(minutes: float) -> int:
    return -int(-minutes // STEP) * STEP
