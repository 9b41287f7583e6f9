"""Numbers and codes of China: each check says what is wrong, or nothing, and repeats no value.

Sources: GB 11643-1999 公民身份号码, GB 32100-2015 法人和其他组织统一社会信用代码编码规则,
GB 11714-1997 全国组织机构代码编制规则, ICD-10 国家临床版 2.0 and 医保版 2.0.
"""

import re
from datetime import date

CARD = re.compile(r"[1-9][0-9]{16}[0-9X]")
CARD_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORGANIZATION = re.compile(r"([0-9A-Z]{8})-?([0-9X])")
ORGANIZATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
ICD10 = re.compile(r"[A-Z]\d{2}\.[\dx]\d{2}(x\d{3})?(\+[A-Z]\d{2}(\.[\dx])?\*)?", re.ASCII)


def identity_card_fault(text: str) -> str:
    """An 18-character identity card number (GB 11643): its form, its day and its check digit."""
    if not CARD.fullmatch(text):
        return "must be 17 digits and a digit or X (GB 11643)"
    if born(text) is None:
        return "names a day of birth that the calendar has not (GB 11643)"
    total = sum(int(digit) * weight for digit, weight in zip(text, CARD_WEIGHTS, strict=False))
    return "" if "10X98765432"[total % 11] == text[17] else "has a wrong check digit (GB 11643)"


def born(card: str) -> date | None:
    """The day of birth that an identity card number names, None when there is no such day."""
    try:
        return date(int(card[6:10]), int(card[10:12]), int(card[12:14]))
    except ValueError:
        return None


def is_male(card: str) -> bool:
    """The sex that an identity card number names: odd serials are men's."""
    return int(card[16]) % 2 == 1


def credit_code_fault(text: str) -> str:
    """A unified social credit code (GB 32100), the organization code within it too."""
    if len(text) != 18 or not set(text) <= set(CREDIT_LETTERS):
        return "must be 18 digits and letters without I, O, S, V and Z (GB 32100)"
    total = sum(
        CREDIT_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(text[:17])
    )
    if CREDIT_LETTERS[-total % 31] != text[17]:
        return "has a wrong check digit (GB 32100)"
    return organization_code_fault(text[8:17])


def organization_code_fault(text: str) -> str:
    """An organization code of 8 characters and its check digit (GB 11714)."""
    found = ORGANIZATION.fullmatch(text)
    if found is None:
        return "must be 8 digits or letters and a check digit (GB 11714)"
    total = sum(
        int(letter, 36) * weight
        for letter, weight in zip(found[1], ORGANIZATION_WEIGHTS, strict=True)
    )
    wanted = "0X987654321"[total % 11]
    return "" if found[2] == wanted else "has a wrong check digit of its organization (GB 11714)"


def institution_code_fault(text: str) -> str:
    """A unified social credit code, or the older organization code."""
    return organization_code_fault(text) if len(text) < 18 else credit_code_fault(text)


def diagnosis_fault(text: str) -> str:
    """A code of ICD-10 as the national clinical and insurance editions write it."""
    says = "is not written as ICD-10 国临版 or 医保版 write a code (I10.x00x002, A01.001+K77.0*)"
    return "" if ICD10.fullmatch(text) else says
