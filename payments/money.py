"""Money is whole fen, an ``int``; never a float or a string. Pure arithmetic, no Django."""

MOST = 100_000_000_00  # one hundred million yuan: more is a mistake


def fen(value: object) -> int:
    """``value`` if it is a sum of money: whole fen, not negative, not absurd.

    Raises ValueError otherwise; True is not 1 fen, 1.0 is not either.
    """
    if type(value) is not int:
        raise ValueError(f"money is whole fen, not {type(value).__name__}")
    if not 0 <= value <= MOST:
        raise ValueError("the sum is out of range")
    return value


def yuan(amount: int) -> str:
    """``amount`` (fen) written in yuan with two decimals and no separators: ``"12.05"``."""
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{rest // 100}.{rest % 100:02d}"


def from_yuan(text: str) -> int:
    """Fen from yuan as bills write them: ``"12.05"``, ``"12.5"``, ``"12"``, ``"-0.01"``.

    Raises ValueError for anything else, above all for a third decimal.
    """
    sign = -1 if text.startswith("-") else 1
    whole, dot, part = text.removeprefix("-").partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdigit() and whole) or len(part) > 2 or (dot and not part):
        raise ValueError("not a sum in yuan")
    return sign * (int(whole) * 100 + int(part.ljust(2, "0") or 0))
