"""Who pays what: insurance fund, the patient's insurance account, cash. Pure arithmetic."""

from dataclasses import dataclass

from payments.money import fen

WHOLE = 10_000  # basis points


@dataclass(frozen=True, slots=True)
class Cover:
    """What the insurance pays of a fee.

    ``rate_bp`` is the fund's share in basis points (7000 = 70 %), ``fund_left`` what the fund may
    still pay this year, ``account_left`` the balance of the patient's insurance account; fen.
    """

    rate_bp: int = 0
    fund_left: int = 0
    account_left: int = 0

    def __post_init__(self) -> None:
        fen(self.fund_left)
        fen(self.account_left)
        if type(self.rate_bp) is not int or not 0 <= self.rate_bp <= WHOLE:
            raise ValueError("a rate lies between 0 and 10000 basis points")


NO_COVER = Cover()


@dataclass(frozen=True, slots=True)
class Split:
    """A fee in three parts, each whole fen; they always add up to the fee."""

    fund: int
    account: int
    cash: int

    @property
    def fee(self) -> int:
        """The whole."""
        return self.fund + self.account + self.cash


def split(fee: int, cover: Cover = NO_COVER) -> Split:
    """The parts of ``fee`` (fen): the fund first, then the account, the rest in cash.

    The fund's part is rounded down, so that rounding never costs the fund.
    Raises ValueError when ``fee`` is not a sum of money.
    """
    fund = min(fen(fee) * cover.rate_bp // WHOLE, cover.fund_left)
    account = min(fee - fund, cover.account_left)
    return Split(fund, account, cash=fee - fund - account)
