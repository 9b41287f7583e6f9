"""What other rooms read about people and places."""

from datetime import date, timedelta

import pytest

from accounts import queries
from accounts.models import Licence
from kernel.clock import today
from kernel.errors import Missing
from tests.accounts import make

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def test_staff_are_those_of_the_institution_and_the_role():
    yunling, centre = make.institution("yunling"), make.institution("centre", "medical-centre")
    lin = make.staff(
        "lin", "doctor", at=yunling, name="林静怡", title="主治医师", department="全科"
    )
    make.staff("qian", "cashier", at=yunling)
    make.staff("song", "doctor", at=centre)
    assert [member.reference for member in queries.staff("yunling", "doctor")] == [lin.reference]
    member = queries.member(lin.reference, "yunling")
    assert (member.name, member.title, member.department) == ("林静怡", "主治医师", "全科")
    assert len(queries.staff("yunling")) == 2


def test_a_list_of_staff_costs_one_query(django_assert_num_queries):
    for number in range(12):
        make.staff(f"doctor{number}", "doctor", department="全科")
    with django_assert_num_queries(1):
        assert len(queries.staff("yunling")) == 12


def test_somebody_of_another_institution_is_missing():
    lin = make.staff("lin", "doctor")
    make.institution("centre", "medical-centre")
    with pytest.raises(Missing):
        queries.member(lin.reference, "centre")
    with pytest.raises(Missing):
        queries.member("Patient/1", "yunling")


def test_what_does_not_exist_is_missing():
    for ask in (queries.institution, queries.patient_account, queries.partner_for):
        with pytest.raises(Missing):
            ask("nothing")


def test_an_inactive_partner_is_missing():
    make.partner("donghua", active=False)
    with pytest.raises(Missing):
        queries.partner_for("donghua")
    assert queries.partners() == []


def test_institutions_are_listed_by_kind():
    make.institution("yunling", "chc")
    make.institution("centre", "medical-centre")
    make.institution("closed", "chc", active=False)
    assert [i.public_id for i in queries.institutions("chc")] == ["yunling"]
    assert len(queries.institutions()) == 2


def test_patients_are_those_of_the_institution():
    zhao = make.patient()
    make.patient("别家", at=make.institution("centre", "medical-centre"))
    assert queries.patients("yunling") == [zhao]


def test_names_of_everybody_cost_four_queries(django_assert_num_queries):
    lin, zhao = make.staff("lin", "doctor", name="林静怡"), make.patient("赵德明")
    make.partner("donghua")
    asked = [lin.reference, zhao.reference, "Organization/donghua", "Organization/yunling", "x"]
    with django_assert_num_queries(4):
        found = queries.names(asked)
    assert found == {
        lin.reference: "林静怡",
        zhao.reference: "赵德明",
        "Organization/donghua": "donghua",
        "Organization/yunling": "yunling",
    }


def test_only_licences_that_are_valid_today_count():
    lin = make.staff("lin", "doctor")
    facts = {"user": lin, "institution": make.institution("yunling"), "scope": "全科医学专业"}
    long_ago = date(2020, 1, 1)
    Licence.objects.create(number="1", valid_from=long_ago, valid_to=date(2021, 1, 1), **facts)
    Licence.objects.create(number="2", valid_from=long_ago, valid_to=today(), **facts)
    tomorrow = today() + timedelta(days=1)
    Licence.objects.create(number="3", valid_from=tomorrow, valid_to=tomorrow, **facts)
    assert [licence.number for licence in queries.licences(lin.reference, "yunling")] == ["2"]
