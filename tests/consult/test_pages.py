"""The console's pages over HTTP: what they show, whom they refuse, what they cost."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from consult.models import Note, Visit
from demo.numbers import identity_card
from records import build
from records.models import AuditRow
from tests.accounts import make
from tests.consult.cast import (
    NOTE,
    PRESSURE,
    Cast,
    again,
    order_of,
    write_known,
    write_patient,
)

pytestmark = pytest.mark.django_db
CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"


@pytest.fixture
def lin(cast):
    """Dr Lin's browser."""
    return make.signed_in(cast.lin)


def url(visit: Visit, rest: str = "") -> str:
    return f"/console/visits/{visit.public_id}/{rest}"


def test_the_board_shows_who_waits_and_how_to_call_them(cast, lin):
    visit = cast.waiting()
    html = lin.get("/console/").content.decode()
    assert "赵桂芳" in html
    assert f'id="visit-{visit.public_id}"' in html
    assert url(visit, "do/call_in") in html


def test_a_shared_computer_keeps_nothing_of_the_console(cast, lin):
    visit = cast.waiting()
    for address in ("/console/", url(visit), "/console/referrals/", "/console/bills/"):
        assert "no-store" in lin.get(address)["Cache-Control"]


def test_opening_a_patients_record_leaves_one_trace(cast, lin, trail):
    visit = cast.waiting()
    assert lin.get(url(visit)).status_code == 200
    trail.flush()
    (row,) = AuditRow.objects.filter(interaction="console")
    assert (row.who, f"Patient/{row.patient}") == (cast.doctor.reference, visit.patient)
    assert row.keeper == visit.institution


def test_no_record_is_opened_without_room_for_its_trace(cast, lin, monkeypatch):
    visit = cast.waiting()
    monkeypatch.setattr("records.audit.writer.MOST_WAITING", 0)
    assert lin.get(url(visit)).status_code == 503


def loinc(code: str) -> dict[str, Any]:
    return build.codeable("http://loinc.org", code, code)


def test_the_board_warns_of_allergies_and_of_a_dangerous_pressure(cast, lin):
    visit = cast.waiting()
    about = {"reference": visit.patient}
    active = build.codeable(CLINICAL, "active", "Active")
    write_known("AllergyIntolerance", patient=about, code={"text": "青霉素"}, clinicalStatus=active)
    morning = timezone.localtime().replace(hour=7) - timedelta(days=1)
    write_known(
        "Observation",
        status="final",
        subject=about,
        effectiveDateTime=build.moment(morning),
        code=loinc("85354-9"),
        component=[
            {"code": loinc("8480-6"), "valueQuantity": {"value": 186}},
            {"code": loinc("8462-4"), "valueQuantity": {"value": 112}},
        ],
    )
    html = lin.get("/console/").content.decode()
    assert "青霉素过敏" in html
    assert "家庭血压 186/112" in html
    (reading,) = lin.get(url(visit)).context["page"].record.pressure
    assert reading.on == morning.date(), "early hours belong to the day of the institution"


def test_a_page_names_the_zone_of_its_clock(lin):
    assert 'data-zone="Asia/Shanghai"' in lin.get("/console/").content.decode()


def test_the_page_of_a_visit_has_its_parts(cast, lin):
    html = lin.get(url(cast.waiting())).content.decode()
    for part in ("banner", "call", "record", "note", "finish-checks", "visit-history"):
        assert f'id="{part}"' in html
    assert "2846" in html


def test_calling_in_leads_to_the_call(cast, lin):
    visit = cast.waiting()
    answer = lin.post(url(visit, "do/call_in"))
    assert (answer.status_code, answer["Location"]) == (302, url(visit))
    assert 'data-phase="live"' in lin.get(url(visit)).content.decode()
    ticket = lin.post(url(visit, "ticket"))
    assert ticket.status_code == 200
    assert set(ticket.json()) == {"room", "ticket"}


def test_a_refusal_is_409_and_says_why(cast, lin):
    cast.in_call()
    other = cast.waiting(cast.qian)
    answer = lin.post(url(other, "do/call_in"))
    assert answer.status_code == 409
    part = lin.post(url(other, "do/call_in"), headers={"HX-Request": "true"})
    assert part.status_code == 409
    assert 'id="finish"' in part.content.decode()


def test_the_note_is_saved_as_it_is_typed_and_a_stale_page_is_told(cast, lin):
    visit = cast.in_call()
    first = lin.post(url(visit, "note"), {**NOTE, "version": "0"})
    assert first.status_code == 200
    assert 'data-version="1"' in first.content.decode()
    stale = lin.post(url(visit, "note"), {"plan": "别的", "version": "0"})
    assert stale.status_code == 409
    assert Note.objects.get().plan == NOTE["plan"]


@pytest.mark.parametrize("version", ["", "x", "1.5"])
def test_a_note_without_a_version_is_refused(cast, lin, version):
    answer = lin.post(url(cast.in_call(), "note"), {"plan": "x", "version": version})
    assert answer.status_code == 422
    assert not Note.objects.exists()


def test_diagnoses_are_searched_added_and_removed(cast, lin):
    visit = cast.in_call()
    assert PRESSURE in lin.get("/console/diagnoses", {"q": "原发性"}).content.decode()
    assert lin.post(url(visit, "diagnoses"), {"code": "nonsense"}).status_code == 422
    for code in (PRESSURE, "E11.201+N08.3*"):
        answer = lin.post(url(visit, "diagnoses"), {"code": code})
        assert answer.status_code == 200
        assert code in answer.content.decode()
    removal = re.findall(r'hx-post="([^"]+remove)"', answer.content.decode())
    assert lin.post(removal[1]).status_code == 200
    assert [found.code for found in visit.diagnoses.all()] == [PRESSURE]


def test_signing_by_the_button_shows_the_record(cast, lin):
    visit = cast.written(cast.in_call())
    assert lin.post(url(visit, "do/complete")).status_code == 302
    html = lin.get(url(visit)).content.decode()
    assert NOTE["assessment"] in html
    assert "n-s" not in re.findall(r'<textarea[^>]+id="([^"]+)"', html)


def test_signing_too_early_names_what_is_missing(cast, lin):
    visit = cast.in_call()
    answer = lin.post(url(visit, "do/complete"))
    assert answer.status_code == 409
    assert again(visit).state == "in_progress"


def test_pages_of_one_house_do_not_open_to_another(cast):
    visit = cast.written(cast.in_call())
    wu = make.signed_in(cast.wu)
    order = order_of(cast.visit(cast.qian, pay_later=False)).public_id
    for method, rest in (
        ("get", ""),
        ("post", "do/end_call"),
        ("post", "do/complete"),
        ("post", "do/cancel_by_clinic"),
        ("post", "ticket"),
        ("post", "note"),
        ("post", "diagnoses"),
        ("post", f"diagnoses/{PRESSURE}/remove"),
        ("post", "refer"),
    ):
        assert getattr(wu, method)(url(visit, rest)).status_code == 404, rest
    assert wu.get(f"/console/bills/{order}/").status_code == 404
    assert "赵桂芳" not in wu.get("/console/").content.decode()
    assert again(visit).state == "in_progress"


def test_a_colleague_sees_the_visit_and_does_nothing_with_it(cast):
    visit = cast.written(cast.in_call())
    gu = make.signed_in(cast.gu)
    html = gu.get(url(visit)).content.decode()
    assert "/do/" not in html
    assert gu.post(url(visit, "do/end_call")).status_code == 403
    assert gu.post(url(visit, "ticket")).status_code == 403


@pytest.mark.parametrize("role", ["cashier", "auditor", "pharmacist"])
def test_visits_are_for_clinical_staff(cast, role):
    visit = cast.visit()
    other = make.signed_in(make.staff(role, role, at=make.institution("yunling")))
    assert other.get(url(visit)).status_code == 403
    assert other.post(url(visit, "do/call_in")).status_code == 403


def test_nobody_comes_in_without_signing_in(cast, client):
    visit = cast.visit()
    answer = client.get(url(visit))
    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]
    assert client.post(url(visit, "note")).status_code == 302


def test_posts_need_the_csrf_token(cast):
    visit = cast.in_call()
    strict = make.signed_in(cast.lin, client=Client(enforce_csrf_checks=True))
    assert strict.post(url(visit, "do/end_call")).status_code == 403
    assert again(visit).state == "in_progress"


def test_unknown_acts_and_wrong_methods_are_refused(cast, lin):
    visit = cast.visit()
    assert lin.post(url(visit, "do/dance")).status_code == 404
    assert lin.get(url(visit, "do/call_in")).status_code == 405
    assert lin.get("/console/visits/nonsense/").status_code == 404


def crowd(cast: Cast, count: int, *, first: int = 0) -> None:
    for number in range(first, first + count):
        account = make.patient(
            f"居民{number}", at=make.institution("yunling"), phone=f"1990001{number:04}"
        )
        card = identity_card(date(1950, 1, 1), number, male=False)
        write_patient(account, gender="female", born="1950-01-01", card=card)
        cast.waiting(account)


def test_the_board_with_twenty_costs_what_it_costs_with_ten(
    cast, lin, django_assert_max_num_queries
):
    crowd(cast, 10)
    with django_assert_max_num_queries(40) as ten:
        lin.get("/console/")
    crowd(cast, 10, first=10)
    with django_assert_max_num_queries(40) as twenty:
        html = lin.get("/console/").content.decode()
    assert html.count('id="visit-') == 20
    assert len(twenty) == len(ten)


def test_bills_show_the_orders_of_the_house(cast, lin):
    visit = cast.visit(pay_later=False)
    order = order_of(visit)
    html = lin.get("/console/bills/").content.decode()
    assert f'id="order-{order.public_id}"' in html
    assert lin.get(f"/console/bills/{order.public_id}/").status_code == 200
    cashier = make.signed_in(make.staff("qian", "cashier", at=make.institution("yunling")))
    closed = cashier.post(f"/console/bills/{order.public_id}/do/close")
    assert closed.status_code == 302
    assert order_of(visit).state == "closed"
    assert lin.post(f"/console/bills/{order.public_id}/do/close").status_code == 403


def test_lists_of_referrals_open_empty(cast, lin):
    assert lin.get("/console/referrals/").status_code == 200
    assert lin.get("/console/referrals/nonsense/").status_code == 404


def test_a_refusal_of_the_table_is_said_in_words_for_people(cast, lin):
    visit = cast.visit()
    answer = lin.post(url(visit, "do/end_call"))
    assert answer.status_code == 409
    assert "end_call" not in answer.content.decode().replace("do/end_call", "")
    assert "not possible from" not in answer.content.decode()
