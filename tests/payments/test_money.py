"""Money is whole fen, and the parts of a fee always add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import MOST, fen, from_yuan, yuan
from payments.split import NO_COVER, WHOLE, Cover, split

sums = st.integers(0, MOST)
covers = st.builds(
    Cover, rate_bp=st.integers(0, WHOLE), fund_left=sums, account_left=st.integers(0, 10_000_00)
)


@given(sums, covers)
def test_the_parts_add_up_and_none_is_below_zero_or_above_its_limit(fee, cover):
    parts = split(fee, cover)
    assert parts.fund + parts.account + parts.cash == parts.fee == fee
    assert 0 <= parts.fund <= cover.fund_left
    assert 0 <= parts.account <= cover.account_left
    assert parts.cash >= 0


@given(sums, covers)
def test_the_fund_never_pays_more_than_its_rate(fee, cover):
    assert split(fee, cover).fund * WHOLE <= fee * cover.rate_bp


@given(sums)
def test_without_cover_everything_is_cash(fee):
    parts = split(fee, NO_COVER)
    assert (parts.fund, parts.account, parts.cash) == (0, 0, fee)


def test_seventy_percent_of_a_visit():
    parts = split(2501, Cover(rate_bp=7000, fund_left=10_000_00, account_left=500))
    assert (parts.fund, parts.account, parts.cash) == (1750, 500, 251)


@given(st.integers(-MOST, MOST))
def test_yuan_and_back_loses_nothing(amount):
    assert from_yuan(yuan(amount)) == amount


@pytest.mark.parametrize(
    "text", ["", ".", "1.", ".5", "1.234", "1e3", "+1", "--1", "１", "1,000", " 1"]
)
def test_what_is_no_sum_in_yuan_is_refused(text):
    with pytest.raises(ValueError, match="not a sum"):
        from_yuan(text)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, MOST + 1, float("nan")])
def test_what_is_no_money_is_refused(value):
    with pytest.raises(ValueError, match=r"money|range"):
        fen(value)


@pytest.mark.parametrize("rate", [-1, WHOLE + 1, 0.5])
def test_a_rate_outside_of_its_range_is_refused(rate):
    with pytest.raises(ValueError, match="basis points"):
        Cover(rate_bp=rate)
