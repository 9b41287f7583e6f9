"""Numbers of the demo: right by their checksums, wrong by their owners."""

from datetime import date

import pytest

from demo import numbers
from demo.residents import residents


def test_the_checksum_of_an_identity_card_is_the_standard_s(monkeypatch):
    # GB 11643, worked example: 11010519491231002X.
    monkeypatch.setattr(numbers, "NOWHERE", "110105")
    assert numbers.identity_card(date(1949, 12, 31), 1, male=False) == "11010519491231002X"


@pytest.mark.parametrize("resident", residents(), ids=lambda resident: resident.id)
def test_everybody_s_number_says_their_birth_and_sex_and_no_real_place(resident):
    card = resident.identity_card
    assert len(card) == 18
    assert card[:2] == "99", "no province has this code"
    assert card[6:14] == resident.birth.strftime("%Y%m%d")
    assert int(card[16]) % 2 == (resident.sex == "male")
    assert len(resident.phone) == 11
    assert resident.phone.startswith("160"), "no operator has this range"


def test_numbers_belong_to_one_person():
    everybody = residents()
    assert len(everybody) == 30
    assert len({resident.identity_card for resident in everybody}) == 30
    assert len({resident.phone[-4:] for resident in everybody}) == 30


def test_credit_codes_have_the_standard_s_checksum():
    letters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    code = numbers.credit_code(7)
    total = sum(letters.index(c) * pow(3, n, 31) for n, c in enumerate(code[:17]))
    assert len(code) == 18
    assert (total + letters.index(code[17])) % 31 == 0
