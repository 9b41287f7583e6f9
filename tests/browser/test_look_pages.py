"""The pages in a real browser: readable, named, reachable, never wider than the window."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.browser import look_audit, look_samples
from tests.chromium import options

pytestmark = pytest.mark.browser

BASE = "http://pages.test"
CSP = "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:"
DESKTOP, LAPTOP, PHONE = (1440, 900), (1280, 720), (390, 844)
CONSOLE = sorted(look_samples.console())
PATIENT = sorted(look_samples.patient())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options())
        yield browser
        browser.close()


def opened(
    browser: Browser,
    template: str,
    context: Mapping[str, Any],
    *,
    size: tuple[int, int],
    theme: Any = "light",
    language: str = "zh-hans",
) -> Page:
    """The template with its sample, served under the product's content security policy."""
    with translation.override(language):
        text = render_to_string(template, dict(context), request=RequestFactory().get("/"))

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(BASE)
        found = finders.find(path.removeprefix("/static/")) if path != "/" else None
        if path == "/":
            headers = {"Content-Security-Policy": CSP, "Content-Type": "text/html; charset=utf-8"}
            route.fulfill(body=text, headers=headers)
        elif isinstance(found, str):
            route.fulfill(path=Path(found))
        else:
            route.fulfill(status=404)

    window = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=theme, reduced_motion="reduce"
    )
    page = window.new_page()
    page.route("**/*", answer)
    page.goto(f"{BASE}/")
    return page


@pytest.mark.parametrize("template", CONSOLE)
@pytest.mark.parametrize(
    ("size", "theme", "language"),
    [
        (DESKTOP, "light", "zh-hans"),
        (DESKTOP, "dark", "zh-hans"),
        (LAPTOP, "light", "en"),
        (PHONE, "light", "zh-hans"),
    ],
)
def test_a_console_page_has_nothing_to_complain_about(
    chromium: Browser, template: str, size: tuple[int, int], theme: str, language: str
):
    context = look_samples.console()[template]
    page = opened(chromium, template, context, size=size, theme=theme, language=language)
    assert look_audit.findings(page) == []
    page.context.close()


@pytest.mark.parametrize("name", PATIENT)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_patients_page_has_nothing_to_complain_about(chromium: Browser, name: str, theme: str):
    template, context = look_samples.patient()[name]
    page = opened(chromium, template, context, size=PHONE, theme=theme)
    assert look_audit.findings(page) == []
    page.context.close()


@pytest.mark.parametrize("name", PATIENT)
def test_large_text_fits_a_small_phone(chromium: Browser, name: str):
    template, context = look_samples.patient()[name]
    page = opened(chromium, template, context, size=(360, 780))
    page.evaluate("document.documentElement.dataset.size = 'xl'")
    assert look_audit.findings(page) == []
    page.context.close()


def test_large_text_is_kept_for_the_next_page(chromium: Browser):
    template, context = look_samples.patient()["wait"]
    page = opened(chromium, template, context, size=PHONE)
    page.get_by_role("button", name="大字").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.size") == "xl"
    assert page.get_by_role("button", name="大字").get_attribute("aria-pressed") == "true"
    page.context.close()


@pytest.mark.parametrize("template", CONSOLE)
def test_whoever_uses_the_keyboard_sees_where_they_are(chromium: Browser, template: str):
    page = opened(chromium, template, look_samples.console()[template], size=DESKTOP)
    assert all(look_audit.focus_is_seen(page) for _ in range(12))
    page.context.close()


def test_what_cannot_be_undone_is_asked_first_and_the_harmless_answer_has_the_focus(
    chromium: Browser,
):
    page = opened(
        chromium, "console/visit.html", look_samples.console()["console/visit.html"], size=LAPTOP
    )
    page.get_by_role("button", name="结束并签名").click()
    assert page.locator("#confirm").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "返回"
    page.keyboard.press("Escape")
    assert page.url == f"{BASE}/"
    page.context.close()


def test_the_tabs_of_the_note_follow_the_arrow_keys(chromium: Browser):
    page = opened(
        chromium, "console/visit.html", look_samples.console()["console/visit.html"], size=LAPTOP
    )
    page.locator("#tab-note").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#pane-history").is_visible()
    assert page.locator("#pane-note").is_hidden()
    page.context.close()


def test_waiting_time_turns_critical_by_itself(chromium: Browser):
    page = opened(
        chromium, "console/board.html", look_samples.console()["console/board.html"], size=DESKTOP
    )
    assert page.locator("#visit-1 .elapsed").get_attribute("data-tone") == "crit"
    page.evaluate(
        """() => {
          const clock = document.querySelector('#visit-2 .elapsed');
          clock.dataset.since = new Date(Date.now() - 40 * 60000).toISOString();
        }"""
    )
    page.wait_for_selector("#visit-2 .elapsed[data-tone=crit]")
    assert "15" in page.locator("#visit-2 .elapsed small").inner_text()
    page.context.close()


def test_the_waiting_room_follows_a_visit_that_somebody_else_moved_on(chromium: Browser):
    template, context = look_samples.patient()["wait"]
    page = opened(chromium, template, context, size=PHONE)
    pushed = '<i id="stage" hx-swap-oob="true" data-state="cancelled" hidden></i>'
    with page.expect_navigation():
        page.evaluate("text => htmx.swap('#news', text, {swapStyle: 'none'})", pushed)
    assert page.locator("#stage").get_attribute("data-state") == "waiting"
    page.context.close()
