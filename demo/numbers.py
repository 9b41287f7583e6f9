"""Numbers that look right and can belong to nobody.

The checksums are those of GB 11643 (identity cards), GB 32100 (unified social credit codes) and
GB 11714 (organization codes), so forms accept them; the division 990106 does not exist, and no
operator has mobile numbers that begin with 160.
"""

from datetime import date

NOWHERE = "990106"
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANIZATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def identity_card(birth: date, serial: int, *, male: bool) -> str:
    """An 18-digit identity card number; odd serials are men's."""
    odd = serial * 2 + (1 if male else 0)
    body = f"{NOWHERE}{birth:%Y%m%d}{odd % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def credit_code(serial: int) -> str:
    """A unified social credit code of a public institution, its organization code within."""
    body = f"12{NOWHERE}{organization_code(serial)}"
    total = sum(
        _CREDIT_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(body)
    )
    return body + _CREDIT_LETTERS[-total % 31]


def organization_code(serial: int) -> str:
    """An organization code (GB 11714): eight digits and their check digit."""
    digits = f"{serial:08d}"
    total = sum(int(d) * weight for d, weight in zip(digits, _ORGANIZATION_WEIGHTS, strict=True))
    return digits + "0X987654321"[total % 11]


def phone(serial: int) -> str:
    """A mobile number; the last four digits differ from person to person."""
    return f"1600000{2108 + 37 * serial:04d}"
