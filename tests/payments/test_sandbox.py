"""The sandbox as people and processes meet it: cashier page, callbacks by itself, own process."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import sync_playwright

from kernel.principal import SYSTEM
from payments import inquiries, services
from payments.gateways import wechat_keys
from payments.gateways.wechat import WeChatPay
from payments.models import Callback, Payment
from tests.chromium import options
from tests.fakes.gateway import keys
from tests.fakes.gateway.app import Gateway
from tests.fakes.gateway.server import Running, free_port
from tests.payments.cast import an_order, eventually, fresh, start, the_payment
from tests.payments.test_wechat import request as a_request

ROOT = Path(__file__).resolve().parents[2]
FAST = 150.0


@pytest.fixture
def posting(running, settings, live_server):
    """A sandbox that posts its callbacks by itself to the service, which really listens."""
    port = free_port()
    gateway = Gateway(running.keys, url=f"http://127.0.0.1:{port}", pace=FAST, refund_after=0.1)
    settings.WECHAT_PAY = running.keys.settings(gateway.url)
    settings.PUBLIC_URL = live_server.url
    with Running(gateway, port):
        yield gateway


def pay_by_form(url: str, do: str = "pay") -> httpx.Response:
    """What the payer's browser does."""
    form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return httpx.post(f"{url.partition('/cashier')[0]}/cashier", data={**form, "do": do})


@pytest.mark.django_db(transaction=True)
def test_pay_and_refund_with_callbacks_over_the_network(posting, live_server):
    order = an_order()
    answer = pay_by_form(start(order))
    assert (answer.status_code, answer.headers["location"]) == (
        *(303, f"{live_server.url}/visit/abc/"),
    )
    eventually(lambda: fresh(order).state == "paid")
    services.request_refund(order, reason="the doctor never came", by=SYSTEM)
    inquiries.pursue_due()
    eventually(lambda: fresh(order).state == "refunded")
    # The order moves before the callback's own row says how it ended.
    eventually(lambda: set(Callback.objects.values_list("verdict", flat=True)) == {"settled"})
    assert Callback.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_gateway_tries_until_we_take_it(posting):
    order = an_order()
    url = start(order)
    posting.faults.forge = True
    pay_by_form(url)
    eventually(lambda: len(posting.notices.sent) >= 2)
    assert set(posting.notices.sent[0].statuses) == {401}
    posting.faults.forge = False
    eventually(lambda: fresh(order).state == "paid")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [{"duplicate": 3}, {"delay": 0.3}])
def test_duplicates_and_delays_end_the_same(posting, fault):
    order = an_order()
    url = start(order)
    httpx.post(f"{posting.url}/sandbox/faults", json=fault).raise_for_status()
    pay_by_form(url)
    eventually(lambda: len(posting.notices.sent) == 1 + fault.get("duplicate", 0))
    assert {notice.statuses[-1] for notice in posting.notices.sent} == {200}
    assert fresh(order).state == "paid"


@pytest.mark.django_db
def test_cancelling_pays_nothing(sandbox):
    order = an_order()
    answer = pay_by_form(start(order), do="cancel")
    assert answer.status_code == 303
    assert sandbox.books.trade(the_payment(order).number).trade_state == "NOTPAY"
    assert not sandbox.notices.waiting


@pytest.mark.parametrize("back", ["javascript:alert(1)", ""])
def test_the_cashier_sends_nobody_to_a_script(sandbox, back):
    client = WeChatPay(wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url="http://x"))
    url = client.start(a_request(description='<b>"诊查费"</b>'))
    page = httpx.get(client.with_return(url, '"><script>alert(1)</script>')).text
    assert "<script>" not in page
    assert "<b>" not in page
    assert pay_by_form(client.with_return(url, back)).status_code == 200


def test_its_first_page_shows_what_happened(sandbox):
    client = WeChatPay(wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url="http://x"))
    assert "还没有交易" in httpx.get(sandbox.url).text
    client.start(a_request(description="<i>诊查费</i>"))
    sandbox.pay("order0001")
    page = httpx.get(sandbox.url).text
    assert "order0001" in page
    assert "已支付" in page
    assert "<i>" not in page


def test_a_request_that_is_not_the_merchant_s_is_refused(sandbox):
    answer = httpx.get(f"{sandbox.url}/v3/pay/transactions/out-trade-no/x?mchid=1900000109")
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")


def test_a_recorded_request_cannot_be_sent_again(sandbox):
    client = WeChatPay(wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url="http://x"))
    sent: list[httpx.Request] = []
    client._http.event_hooks["request"].append(sent.append)
    client.start(a_request())
    again = httpx.Client().send(sent[0])
    assert (again.status_code, again.json()["code"]) == (401, "SIGN_ERROR")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_he_pays_with_his_thumb_and_comes_back(posting, live_server, tmp_path):
    order = an_order()
    started = services.start_payment(
        order, client_ip="203.0.113.7", return_url="/healthz", by=SYSTEM
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options())
        page = browser.new_page(viewport={"width": 390, "height": 844}, locale="zh-CN")
        page.goto(started.url)
        assert page.get_by_text("¥25.00").is_visible()
        assert page.get_by_text("沙箱").is_visible()
        button = page.get_by_role("button", name="确认支付")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        page.screenshot(path=str(tmp_path / "cashier.png"))
        button.click()
        page.wait_for_url(f"{live_server.url}/healthz")
        browser.close()
    eventually(lambda: fresh(order).state == "paid")


def test_its_own_process_keys_and_memory(tmp_path):
    module = [sys.executable, "-m", "tests.fakes.gateway"]
    folder, port = tmp_path / "keys", free_port()
    said = subprocess.run(
        [*module, "--make-keys", folder, "--port", str(port)],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    environment = json.loads(said.stdout)
    assert environment["WECHAT_PAY_URL"] == f"http://127.0.0.1:{port}"
    names = {name: name.removeprefix("WECHAT_PAY_").lower() for name in environment}
    config = {names[name]: value for name, value in environment.items()}
    client = WeChatPay(wechat_keys.load(config, public_url="http://127.0.0.1:9"))
    command = [*module, "--keys", folder, "--port", str(port)]

    def up() -> bool:
        try:
            return httpx.get(f"{config['url']}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    for expected in ("unknown", "waiting"):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            eventually(up)
            assert client.query("order0001").state == expected
            client.start(a_request())
        finally:
            process.terminate()
            process.wait(10)
    assert oct((folder / "merchant_key.pem").stat().st_mode)[-3:] == "600"
    assert keys.read(folder).apiv3_key == config["apiv3_key"]


def test_no_order_is_lost_between_database_and_gateway(sandbox, db):
    order = an_order()
    start(order)
    assert set(sandbox.books.trades) == set(Payment.objects.values_list("number", flat=True))
