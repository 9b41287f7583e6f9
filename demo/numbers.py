"""Numbers that look right and can belong to nobody.

The checksums are those of GB 11643 (identity cards) and GB 32100 (unified social credit codes), so
forms accept them; the division 990106 does not exist, and no operator has mobile numbers that
begin with 160.
"""

from datetime import date

NOWHERE = "990106"
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def identity_card(birth: date, serial: int, *, male: bool) -> str:
    """An 18-digit identity card number; odd serials are men's."""
    odd = serial * 2 + (1 if male else 0)
    body = f"{NOWHERE}{birth:%Y%m%d}{odd % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def credit_code(serial: int) -> str:
    """A unified social credit code of a public institution."""
    body = f"12{NOWHERE}{serial:09d}"
    total = sum(
        _CREDIT_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(body)
    )
    return body + _CREDIT_LETTERS[-total % 31]


def phone(serial: int) -> str:
    """A mobile number; the last four digits differ from person to person."""
    return f"1600000{2108 + 37 * serial:04d}"
