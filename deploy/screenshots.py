"""``python -m deploy.screenshots``: the pictures of ``docs/screenshots/``, from a running demo.

Start ``./dev demo --reset`` first: the walk below uses up its rehearsal and its first patient. Two
real browsers walk through a day: Dr Lin calls in the rehearsal patient, then a patient comes by
their own link, pays, is seen and referred, and the partner hospital accepts.
"""

import argparse
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, sync_playwright

from demo.portrait import (
    CYCLE,
    HEIGHT,
    RATE,
    SKIN,
    WALL,
    WIDTH,
    Canvas,
    Colour,
    background,
    portrait,
)
from deploy.processes import ROOT

SHOTS = ROOT / "docs" / "screenshots"
HOME = ROOT / ".demo"
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
WHITE: Colour = (226, 128, 128)
DARK: Colour = (40, 128, 130)
GREY: Colour = (120, 128, 128)
BLUE: Colour = (112, 150, 112)
REHEARSAL_NOTE = {
    "#n-s": "头晕 3 天，晨起明显，无胸痛、无黑矇。",
    "#n-o": "家庭血压 14 天均值 148/88，视频下面色可，言语清楚。",
    "#n-a": "血压未达标，晨峰明显。",
}
NOTE = {
    "#n-s": "按约复诊，空腹血糖 6 到 7，无低血糖。",
    "#n-o": "家庭读数已看，视频下一般情况好。",
    "#n-a": "2 型糖尿病，控制尚可，需查眼底。",
    "#n-p": "二甲双胍早晚各 1 片，继续吃\n每周量 3 次空腹血糖\n去东华医院查眼底",
    "#n-advice": "心慌、出冷汗，吃糖不缓解\n眼前突然发黑",
}


def main() -> None:
    """Walk through the demo's day and take every picture."""
    parser = argparse.ArgumentParser(prog="python -m deploy.screenshots")
    parser.add_argument("--base", default="http://127.0.0.1:8000")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        walk = Walk(playwright, options.base, options.chromium)
        with walk.browser(WHITE, DARK) as desk, walk.browser(BLUE, GREY) as phone:
            doctor = walk.page(desk, DESK)
            walk.board(doctor)
            walk.rehearsal(doctor)
            patient = walk.page(phone, PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
            walk.patient_comes(patient)
            walk.patient_is_seen(doctor, patient)
            walk.hospital(doctor)
            walk.bills(doctor)


class Walk:
    """The steps of the day; each takes its pictures."""

    def __init__(self, playwright: Playwright, base: str, chromium: str | None) -> None:
        self.playwright = playwright
        self.base = base
        self.chromium = chromium

    @contextmanager
    def browser(self, coat: Colour, hair: Colour) -> Iterator[Browser]:
        """A browser whose camera shows somebody drawn, in this coat and with this hair."""
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder) / "camera.y4m"
            film.write_bytes(filmed(coat, hair))
            browser = self.playwright.chromium.launch(
                executable_path=self.chromium,
                args=[
                    "--no-sandbox",
                    "--use-fake-ui-for-media-stream",
                    "--use-fake-device-for-media-stream",
                    f"--use-file-for-fake-video-capture={film}",
                ],
            )
            try:
                yield browser
            finally:
                browser.close()

    def page(self, browser: Browser, viewport: Any, **more: Any) -> Page:
        """A fresh page in Chinese and in daylight."""
        context: BrowserContext = browser.new_context(
            viewport=viewport,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            color_scheme="light",
            reduced_motion="reduce",
            **more,
        )
        return context.new_page()

    def board(self, doctor: Page) -> None:
        """Sign-in and the board: by day, by night, in English."""
        doctor.goto(f"{self.base}/console/")
        shoot(doctor, "sign-in")
        doctor.get_by_role("button", name="林静怡").click()
        self._row(doctor, "演练患者").wait_for()
        shoot(doctor, "board")
        doctor.emulate_media(color_scheme="dark")
        shoot(doctor, "board-dark")
        doctor.emulate_media(color_scheme="light")
        self._speak(doctor, "en")
        self._row(doctor, "演练患者").wait_for()
        shoot(doctor, "board-en")
        self._speak(doctor, "zh-hans")

    def rehearsal(self, doctor: Page) -> None:
        """The call that a newcomer can try alone, with a note being written."""
        self._call_in(doctor, "演练患者")
        doctor.locator("[data-call=remote][data-connected]").wait_for()
        doctor.locator("#visit-state [data-tone=info]").wait_for()
        self._write(doctor, REHEARSAL_NOTE)
        self._diagnose(doctor, "高血压2级")
        doctor.fill("#n-p", "氨氯地平早 1 片，继续吃\n早晚各量 1 次血压，记下来")
        doctor.locator("#saved[data-tone=ok]").wait_for()
        shoot(doctor, "visit")
        doctor.fill("#n-advice", "胸痛，说话不清，手脚没力气")
        self._finish(doctor)

    def patient_comes(self, patient: Page) -> None:
        """From the link in the message to the waiting room."""
        people = json.loads((HOME / "credentials.json").read_text(encoding="utf-8"))["patients"]
        patient.goto(self.base + people[0]["visit_links"][0])
        shoot(patient, "patient-start")
        press(patient, "form[action$='/code'] button")
        code = re.search(r"\d{6}", patient.locator("#step .notice").inner_text())
        patient.fill("#code", code.group() if code else "")
        press(patient, "form[action$='/check'] button")
        press(patient, "button[name=agree]")
        press(patient, "[data-device=try]")
        patient.locator("[data-device=form]").wait_for()
        patient.wait_for_function("document.querySelector('video').videoWidth > 0")
        shoot(patient, "patient-device")
        press(patient, "[data-device=form] button")
        press(patient, "form[action$='/pay'] button")
        patient.wait_for_url(re.compile("/cashier"))
        press(patient, "button.pay")
        patient.locator("#place .range").wait_for()
        shoot(patient, "patient-wait")

    def patient_is_seen(self, doctor: Page, patient: Page) -> None:
        """The call from the patient's side, and what they take home."""
        doctor.goto(f"{self.base}/console/")
        self._call_in(doctor, "孙建华")
        patient.wait_for_url(re.compile("/call/$"))
        for page in (doctor, patient):
            page.locator("[data-call=remote][data-connected]").wait_for()
        patient.locator("[data-call=quality]:not([hidden])").wait_for()
        shoot(patient, "patient-call")
        self._write(doctor, NOTE)
        self._diagnose(doctor, "2型糖尿病")
        self._refer(doctor)
        self._finish(doctor)
        patient.wait_for_url(re.compile("/visit/[^/]+/$"))
        patient.locator(".steps").wait_for()
        shoot(patient, "patient-summary")

    def hospital(self, doctor: Page) -> None:
        """The hospital accepts; its page and ours."""
        partner = json.loads((HOME / "environment.json").read_text(encoding="utf-8"))
        clerk = self.page(doctor.context.browser, DESK)  # type: ignore[arg-type]
        for move in ("receive", "accept"):
            self._reload_until(clerk, f"http://127.0.0.1:{partner['PARTNER_PORT']}/", move)
            clerk.locator(f"button[value={move}]").first.click()
        clerk.wait_for_load_state()
        clerk.locator("details summary").first.click()
        shoot(clerk, "partner")
        doctor.goto(f"{self.base}/console/referrals/")
        doctor.locator("main tbody a").first.click()
        doctor.locator("#track").wait_for()
        shoot(doctor, "referral")

    def bills(self, doctor: Page) -> None:
        """The orders, with the one that was paid."""
        doctor.goto(f"{self.base}/console/bills/")
        doctor.locator("#orders tr").filter(has_text="孙建华").locator("a").first.click()
        doctor.locator("#order .timeline").wait_for()
        shoot(doctor, "bills")

    def _row(self, doctor: Page, name: str) -> Locator:
        return doctor.locator("#waiting li").filter(has_text=name)

    def _call_in(self, doctor: Page, name: str) -> None:
        self._row(doctor, name).locator("[data-act=call_in]").click()
        doctor.wait_for_url(re.compile("/visits/"))

    def _speak(self, doctor: Page, language: str) -> None:
        doctor.locator("#person summary").click()
        press(doctor, f"button[name=language][value={language}]")

    def _write(self, doctor: Page, note: dict[str, str]) -> None:
        for field, text in note.items():
            doctor.fill(field, text)

    def _diagnose(self, doctor: Page, name: str) -> None:
        doctor.fill("#dx", name)
        doctor.locator("#dx-hits [role=option]").first.wait_for()
        doctor.press("#dx", "Enter")
        doctor.locator("#dx-list .chip").wait_for()

    def _refer(self, doctor: Page) -> None:
        doctor.locator("[data-open=refer]").click()
        doctor.locator("#refer input[name=to]").first.check()
        doctor.fill("#refer-reason", "糖尿病 8 年，请查眼底")
        doctor.locator("#refer [data-act=send]").click()
        doctor.locator("#visit-referrals a").first.wait_for()

    def _finish(self, doctor: Page) -> None:
        doctor.locator("#finish-checks [data-tone=warn]").first.wait_for(state="detached")
        doctor.locator("#finish [data-act=complete]").click()
        doctor.locator("#note-form").wait_for(state="detached")

    def _reload_until(self, clerk: Page, url: str, move: str) -> None:
        for _ in range(60):
            clerk.goto(url)
            if clerk.locator(f"button[value={move}]").count():
                return
            clerk.wait_for_timeout(1000)
        raise SystemExit(f"the partner hospital never offered {move}")


def press(page: Page, selector: str) -> None:
    """Press a button and wait for the page that follows."""
    page.locator(selector).first.click()
    page.wait_for_load_state()


def shoot(page: Page, name: str) -> None:
    """Keep what is seen, once it has come to rest."""
    page.wait_for_timeout(1200)
    page.screenshot(path=str(SHOTS / f"{name}.png"))
    print(name, flush=True)


def filmed(coat: Colour, hair: Colour) -> bytes:
    """Four seconds of somebody drawn, as a YUV4MPEG2 file for the camera of a browser."""
    base = background()
    base.rectangle(0, HEIGHT - 28, 90, 28, WALL)
    base.ellipse(240, 270, 132, 165, hair)
    base.ellipse(240, 300, 108, 140, SKIN)
    base.ellipse(240, 640, 210, 190, coat)
    frames = (portrait(base, step) for step in range(CYCLE))
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode()
    return head + b"".join(b"FRAME\n" + _raw(frame) for frame in frames)


def _raw(frame: Canvas) -> bytes:
    return b"".join(bytes(plane) for plane in frame.planes)


if __name__ == "__main__":
    main()
