"""One video visit in two real browsers, from the link in the message to the signed record."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.consult.cast import shown_code

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
SEES = """async () => {
  const found = await window.inbound();
  return found.some((r) => r.kind === "video" && r.decoded > 20 && r.width >= 320)
    && found.some((r) => r.kind === "audio" && r.energy > 0);
}"""

VOICE = "parseFloat(document.querySelector('[data-device=level]').getAttribute('width')) > 0"


def eventually(page: Page, script: str, *, within: int = 40) -> None:
    """Wait until an asynchronous script gives true."""
    for _ in range(within * 5):
        if page.evaluate(script):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"never: {script}")


def decoded(page: Page) -> int:
    return sum(r["decoded"] for r in page.evaluate("window.inbound()") if r["kind"] == "video")


def arrive(patient: Page, link: str, shoot) -> None:
    """The patient's steps up to the payment."""
    patient.goto(link)
    shoot(patient, "patient-1-identity")
    patient.locator("form[action$='/code'] button").first.click()
    patient.fill("#code", shown_code(patient.locator("#step .notice").inner_text()))
    patient.locator("form[action$='/check'] button").click()
    expect(patient.locator(".p-check li").first).to_be_visible()
    shoot(patient, "patient-2-consent")
    patient.locator("button[name=agree]").click()
    patient.wait_for_load_state("load")
    patient.locator("[data-device=try]").click()
    expect(patient.locator("[data-device=form]")).to_be_visible()
    eventually(patient, VOICE)
    shoot(patient, "patient-3-device")
    patient.locator("[data-device=form] button").click()
    expect(patient.locator("form[action$='/pay']")).to_be_visible()


def pay(patient: Page, shoot) -> None:
    """At the gateway's own page, and back."""
    shoot(patient, "patient-4-pay")
    patient.locator("form[action$='/pay'] button").click()
    patient.wait_for_url(re.compile("/cashier"))
    shoot(patient, "gateway-cashier")
    patient.locator("button.pay").click()
    patient.wait_for_url(re.compile("/visit/[^/]+/$"))


def test_a_visit_from_the_link_to_the_signature(service, doctor, patient, shoot):
    seeded = service.seeded
    doctor.goto("/console/")
    expect(doctor.locator("#waiting")).to_be_visible()
    arrive(patient, seeded["link"], shoot)
    pay(patient, shoot)
    expect(patient.locator("#place .range")).to_be_visible()
    expect(patient.locator("#place")).to_contain_text("1")
    shoot(patient, "patient-5-wait")

    row = doctor.locator(f"#visit-{seeded['visit']}")
    expect(row).to_be_visible()
    shoot(doctor, "board")
    row.locator("[data-act=call_in]").click()
    doctor.wait_for_url(re.compile(seeded["visit"]))

    patient.wait_for_url(re.compile("/call/$"))
    for page in (doctor, patient):
        eventually(page, SEES)
    before = [decoded(page) for page in (doctor, patient)]
    doctor.wait_for_timeout(1500)
    after = [decoded(page) for page in (doctor, patient)]
    assert all(later > earlier + 10 for earlier, later in zip(before, after, strict=True))
    expect(doctor.locator("[data-call=remote-video]")).to_be_visible()
    expect(doctor.locator("#finish [data-act=complete]")).to_be_visible()
    shoot(patient, "patient-6-call")

    doctor.locator("[data-call=chat]").click()
    doctor.fill("#say", "请把血压计靠近一点")
    doctor.locator("[data-call=send]").click()
    patient.locator("[data-call=chat]").click()
    expect(patient.locator("#chat-lines")).to_contain_text("请把血压计靠近一点")
    patient.locator("[data-call=chat-close]").click()
    doctor.locator("[data-call=chat-close]").click()

    patient.reload()
    eventually(patient, SEES)
    seen = decoded(doctor)
    eventually(doctor, f"async () => (await inbound()).some((r) => r.decoded > {seen} + 20)")

    for field, text in (
        ("#n-s", "头晕 3 天，晨起明显。"),
        ("#n-a", "血压升高，考虑与布洛芬有关。"),
        ("#n-p", "布洛芬停掉\n每天早晚量血压"),
        ("#n-advice", "胸痛或喘不上气"),
    ):
        doctor.fill(field, text)
    expect(doctor.locator("#saved[data-tone=ok]")).to_be_visible()
    doctor.fill("#dx", "原发性高")
    expect(doctor.locator("#dx-hits [role=option]").first).to_be_visible()
    doctor.press("#dx", "Enter")
    expect(doctor.locator("#dx-list .chip")).to_contain_text("原发性高血压")
    expect(doctor.locator("#finish-checks [data-tone=warn]")).to_have_count(0)
    shoot(doctor, "visit")

    doctor.locator("#finish [data-act=complete]").click()
    expect(doctor.locator("#note")).to_contain_text("考虑与布洛芬有关")
    expect(doctor.locator("#note-form")).to_have_count(0)
    patient.wait_for_url(re.compile("/visit/[^/]+/$"))
    expect(patient.locator("main")).to_contain_text("布洛芬停掉")
    expect(patient.locator("main")).to_contain_text("胸痛或喘不上气")
    shoot(patient, "patient-7-summary")
    shoot(doctor, "visit-signed")
