"""The range that a patient is told."""

import pytest

from consult.waiting import promise


def test_too_few_visits_bear_out_nothing():
    assert promise([10, 12, 9, 11], 2) is None


@pytest.mark.parametrize(
    ("ahead", "told"), [(1, (0, 15)), (2, (5, 25)), (3, (15, 35)), (0, (0, 5))]
)
def test_the_range_grows_with_who_is_ahead(ahead, told):
    assert promise([8, 9, 10, 12, 13, 9, 11], ahead) == told


def test_low_never_passes_high():
    for ahead in range(6):
        told = promise([1, 5, 9, 30, 60, 2], ahead)
        assert told is not None
        assert 0 <= told[0] <= told[1]
