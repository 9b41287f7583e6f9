"""A patient is sent on from a visit; the hospital's answer comes to the open pages by itself."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
REASON = "血压控制不佳，请专科评估"


def refer(doctor: Page, purpose: str) -> None:
    """Fill the dialog and send it; the page of the visit stays."""
    doctor.locator("[data-open=refer]").click()
    doctor.locator("#refer input[name=to]").first.check()
    doctor.locator("#refer input[name=urgency][value=soon]").check()
    doctor.locator(f"#refer input[name=purpose][value={purpose}]").check()
    doctor.fill("#refer-reason", REASON)
    doctor.locator("#refer [data-act=send]").click()


def at_the_hospital(page: Page, service, count: int) -> None:
    """Wait until the hospital's own process has taken note of ``count`` referrals."""
    for _ in range(150):
        if len(service.hospital.hospital.chart.of_kind("Task")) >= count:
            return
        page.wait_for_timeout(200)
    raise AssertionError("the referral did not arrive")


def test_an_accepted_answer_appears_without_reload(service, doctor, context, shoot):
    visit = service.seeded["ahead"]
    doctor.goto(f"/console/visits/{visit}/")
    refer(doctor, "outpatient")
    expect(doctor.locator("#refer")).to_be_hidden()
    line = doctor.locator("#visit-referrals a")
    expect(line).to_have_text("北部医疗中心")

    board = doctor.context.new_page()
    board.goto("/console/")
    expect(board.locator("#replies li")).to_have_count(0)
    line.click()
    doctor.wait_for_url(re.compile("/console/referrals/"))
    expect(doctor.locator("#why")).to_contain_text(REASON)

    at_the_hospital(doctor, service, 1)
    for move in ("receive", "accept"):
        assert service.hospital.press(move).status_code == 303
    assert set(service.hospital.hospital.problems.values()) == {""}
    expect(doctor.locator("#visit-state")).to_contain_text("已接收")
    expect(board.locator("#replies li")).to_have_count(1)
    expect(board.locator("#replies")).to_contain_text("钱宝林")
    shoot(doctor, "referral")
    shoot(board, "board-replies")
    doctor.goto("/console/referrals/")
    expect(doctor.locator("#referrals tbody tr")).to_have_count(1)
    shoot(doctor, "referrals")


def test_a_second_referral_with_the_same_purpose_is_refused_in_the_dialog(service, doctor):
    doctor.goto(f"/console/visits/{service.seeded['ahead']}/")
    refer(doctor, "outpatient")
    expect(doctor.locator("#refer .errors")).to_be_visible()
    expect(doctor.locator("#refer-reason")).to_have_value(REASON)


def test_the_orders_of_the_house_are_on_the_bills_page(doctor, shoot):
    doctor.goto("/console/bills/")
    expect(doctor.locator("#orders tbody tr").first).to_be_visible()
    doctor.locator("#orders a.who").first.click()
    expect(doctor.locator("#order")).to_contain_text("25.00")
    shoot(doctor, "bills")
