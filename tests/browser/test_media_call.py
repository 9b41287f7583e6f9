"""Two real browsers with fake cameras talk through a real node."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from signaling import link
from tests.chromium import CALLING, options
from tests.signaling.cast import until
from tests.signaling.server import open_room, serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def in_one_process(settings):
    settings.REDIS_URL = ""
    settings.MEDIA_ADDRESSES = ["127.0.0.1"]
    settings.MEDIA_PORTS = None


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**options(*CALLING))
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def address() -> AsyncIterator[str]:
    async with serving() as address:
        yield address


async def enter(browser: Browser, address: str, room: str, who: str, **options: bool) -> Page:
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()
    await page.goto(f"http://{address}/")
    await page.wait_for_function("window.ready")
    await page.evaluate("([r, w, o]) => startCall(r, w, o)", [room, who, options])
    await page.wait_for_function("call.state === 'connected'")
    return page


async def eventually(page: Page, script: str, argument: object = None) -> None:
    """Wait until a script is true; Playwright's own waiting would take a promise for it."""
    async with asyncio.timeout(30):
        while not await page.evaluate(script, argument):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def sees_and_hears(page: Page, others: int = 1) -> None:
    """Wait until pictures are decoded and sound has energy."""
    script = """async (others) => {
        const found = await inbound();
        const pictures = found.filter((r) => r.kind === "video" && r.decoded > 20);
        const sounds = found.filter((r) => r.kind === "audio" && r.energy > 0);
        return pictures.length >= others && sounds.length >= others;
    }"""
    await eventually(page, script, others)


async def picture(page: Page) -> dict[str, int]:
    return next(r for r in await page.evaluate("inbound()") if r["kind"] == "video")


async def test_two_browsers_see_and_hear_each_other(browser, address):
    room = (await open_room()).public_id
    lin = await enter(browser, address, room, "lin")
    zhao = await enter(browser, address, room, "zhao")
    for page in (lin, zhao):
        await sees_and_hears(page)
    before = await picture(lin)
    assert (before["width"], before["height"]) == (640, 480)
    await eventually(
        lin, "async (n) => (await inbound()).some((r) => r.decoded > n + 40)", before["decoded"]
    )
    after = await picture(lin)
    assert after["freezes"] == 0
    await zhao.evaluate("call.say('  您好 ')")
    await lin.wait_for_function("log.some(([n, d]) => n === 'chat' && d.text === '您好')")
    await zhao.evaluate("call.mute({ video: true })")
    await lin.wait_for_function("[...call.others.values()].some((o) => !o.video && o.audio)")
    await zhao.evaluate("call.close()")
    await lin.wait_for_function("call.others.size === 0")
    assert await lin.evaluate("document.querySelector('video').srcObject.getTracks().length") == 0


async def test_a_reload_comes_back_as_the_same_person(browser, address):
    room = (await open_room()).public_id
    lin = await enter(browser, address, room, "lin")
    zhao = await enter(browser, address, room, "zhao")
    await sees_and_hears(lin)
    identifier = await zhao.evaluate("call.you.id")
    await zhao.reload()
    await zhao.wait_for_function("window.ready")
    await zhao.evaluate("([r, w]) => startCall(r, w)", [room, "zhao"])
    await sees_and_hears(zhao)
    assert await zhao.evaluate("call.you.id") == identifier
    # The counters may have gone on from before: what counts is that they rise.
    before = await lin.evaluate("inbound()")
    script = """async (before) => (await inbound()).every((now, n) =>
        now.decoded > before[n].decoded + 20 || now.energy > before[n].energy)"""
    await eventually(lin, script, before)
    assert await lin.evaluate("!document.querySelector('video').paused")


async def test_a_call_survives_the_loss_of_its_node_and_of_its_media(browser, address):
    room = (await open_room()).public_id
    lin = await enter(browser, address, room, "lin")
    zhao = await enter(browser, address, room, "zhao")
    await sees_and_hears(lin)
    here = link.current()
    assert isinstance(here, link.EmbeddedLink)
    node = here._node
    assert node is not None
    node.close_room(room, "rejoin")
    for page in (lin, zhao):
        await page.wait_for_function(
            "log.some(([n, d]) => n === 'state' && d.state === 'reconnecting')"
        )
        await page.wait_for_function("call.state === 'connected'")
        await sees_and_hears(page)
    peer = next(p for p in node._rooms[room].peers if p.who == "zhao")
    before = peer.uplink
    before.transport.close()
    await until(lambda: peer.uplink is not before and peer.uplink.tracks)
    for page in (lin, zhao):
        await sees_and_hears(page)


async def test_whoever_has_no_camera_can_watch_and_send_later(browser, address):
    room = (await open_room()).public_id
    lin = await enter(browser, address, room, "lin")
    zhao = await enter(browser, address, room, "zhao", silent=True)
    await sees_and_hears(zhao)
    await zhao.evaluate("async () => call.publish(await capture())")
    await sees_and_hears(lin)
    assert (await picture(lin))["width"] == 640
