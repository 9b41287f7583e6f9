"""Our WeChat Pay client against the sandbox, and both against an independent client of that API."""

import gzip
import json
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from wechatpayv3 import WeChatPay as Oracle
from wechatpayv3 import WeChatPayType
from wechatpayv3.utils import load_public_key, rsa_verify

from kernel.clock import now, today
from payments.errors import CallbackRefused, GatewayError, NotConfigured
from payments.gateways import signing, wechat_bill, wechat_keys
from payments.gateways.base import BillLine, Request
from payments.gateways.wechat import WeChatPay
from tests.fakes.gateway.app import Gateway
from tests.fakes.gateway.keys import make

PUBLIC = "https://clinic.example"


@pytest.fixture
def client(sandbox):
    return WeChatPay(wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url=PUBLIC))


@pytest.fixture
def oracle(sandbox):
    """An independent client, pointed at the sandbox."""
    keys = sandbox.keys
    made = Oracle(
        wechatpay_type=WeChatPayType.H5,
        mchid=keys.mchid,
        private_key=keys.merchant_key,
        cert_serial_no=keys.serial,
        appid=keys.appid,
        apiv3_key=keys.apiv3_key,
        notify_url=f"{PUBLIC}/pay/callback/wechat",
        public_key=keys.platform_public,
        public_key_id=keys.platform_id,
    )
    made._core._gate_way = sandbox.url
    return made


def request(number: str = "order0001", amount: int = 2500, **more: Any) -> Request:
    wanted: dict[str, Any] = {
        **{"number": number, "amount": amount, "description": "互联网诊室诊查费"},
        **{"client_ip": "203.0.113.7", "notify_url": f"{PUBLIC}/pay/callback/wechat"},
        "expires_at": now() + timedelta(hours=1),
    }
    return Request(**{**wanted, **more})


def test_a_payment_from_its_start_to_its_refund(client, sandbox):
    assert client.query("order0001").state == "unknown"
    url = client.start(request())
    assert url.startswith(f"{sandbox.url}/cashier?")
    assert client.query("order0001").state == "waiting"
    sandbox.pay("order0001")
    charge = client.query("order0001")
    assert (charge.state, charge.amount, charge.transaction[:5]) == ("paid", 2500, "42000")
    assert charge.paid_at is not None
    refund = {"number": "refund0001", "payment": "order0001", "amount": 2500, "total": 2500}
    assert client.query_refund("refund0001").state == "unknown"
    assert client.refund(**refund, reason="医生未到" * 20).state == "processing"
    assert len(sandbox.books.refund("refund0001").reason.encode()) <= 80
    sandbox.finish_refund("refund0001")
    assert client.query_refund("refund0001").state == "done"
    assert client.refund(**refund, reason="again").state == "done"
    assert client.query("order0001").state == "paid"


def test_closing(client, sandbox):
    client.close("never-seen")
    client.start(request())
    client.close("order0001")
    client.close("order0001")
    assert client.query("order0001").state == "closed"
    client.start(request("order0002"))
    sandbox.pay("order0002")
    with pytest.raises(GatewayError) as caught:
        client.close("order0002")
    assert (caught.value.code, caught.value.permanent) == ("ORDERPAID", True)


def test_a_code_for_a_screen(client):
    assert client.start_native(request()).startswith("weixin://")


@pytest.mark.parametrize(
    ("fault", "permanent"), [({"api_status": 500}, False), ({"api_status": 429}, False)]
)
def test_trying_again_may_help(client, sandbox, fault, permanent):
    sandbox.faults.api_status = fault["api_status"]
    with pytest.raises(GatewayError) as caught:
        client.query("order0001")
    assert caught.value.permanent is permanent


def test_trying_again_does_not_help(client):
    with pytest.raises(GatewayError) as caught:
        client.start(request(amount=0))
    assert (caught.value.permanent, caught.value.code) == (True, "PARAM_ERROR")


def test_a_wrong_merchant_key_is_refused_for_good(sandbox, tmp_path):
    config = sandbox.keys.settings(sandbox.url)
    config["key_file"] = str(make(tmp_path).folder / "merchant_key.pem")
    with pytest.raises(GatewayError) as caught:
        WeChatPay(wechat_keys.load(config, public_url=PUBLIC)).query("order0001")
    assert (caught.value.permanent, caught.value.code) == (True, "SIGN_ERROR")


def test_a_slow_gateway_is_not_waited_for(client, sandbox, monkeypatch):
    monkeypatch.setattr(client._http, "timeout", httpx.Timeout(0.2))
    sandbox.faults.slow = 0.6
    with pytest.raises(GatewayError) as caught:
        client.query("order0001")
    assert not caught.value.permanent


def test_nobody_there(sandbox, settings):
    config = sandbox.keys.settings("http://127.0.0.1:9")
    with pytest.raises(GatewayError) as caught:
        WeChatPay(wechat_keys.load(config, public_url=PUBLIC)).query("order0001")
    assert not caught.value.permanent


PAID = {
    **{"appid": "wxd678efh567hg6787", "mchid": "1900000109", "out_trade_no": "order0001"},
    **{"trade_state": "SUCCESS", "transaction_id": "42", "amount": {"total": 2500}},
}


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "order0002"},
        {"mchid": "1"},
        {"appid": "1"},
        {"trade_state": "UNHEARD_OF"},
        {"amount": {"total": 25.0}},
        {"amount": {"total": 2500, "currency": "USD"}},
        {"amount": None},
        {"transaction_id": None},
    ],
)
def test_an_answer_about_something_else_is_an_error_not_a_payment(sandbox, change):
    body = json.dumps({**PAID, **change}).encode()
    answer = httpx.Response(200, content=body, headers=sandbox.wire.headers(body))
    keys = wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url=PUBLIC)
    client = WeChatPay(keys, transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(GatewayError):
        client.query("order0001")


@pytest.mark.parametrize("change", ["body", "signature", "stale", "none"])
def test_an_answer_that_the_gateway_did_not_sign_is_an_error(sandbox, change):
    body = json.dumps(PAID).encode()
    headers = sandbox.wire.headers(body, at=1.7e9 if change == "stale" else None)
    if change == "body":
        body = body.replace(b"2500", b"2501")
    if change == "signature":
        headers["Wechatpay-Signature"] = "AAAA"
    answer = httpx.Response(200, content=body, headers={} if change == "none" else headers)
    keys = wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url=PUBLIC)
    client = WeChatPay(keys, transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(GatewayError, match="not the gateway's"):
        client.query("order0001")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mchid": ""}, "WECHAT_PAY_MCHID"),
        ({"apiv3_key": "short"}, "WECHAT_PAY_APIV3_KEY"),
        ({"key_file": "/nowhere.pem"}, "WECHAT_PAY_KEY_FILE"),
        ({"platform_key_file": __file__}, "WECHAT_PAY_PLATFORM_KEY_FILE"),
    ],
)
def test_wrong_settings_are_named(sandbox, change, says):
    config = {**sandbox.keys.settings(sandbox.url), **change}
    with pytest.raises(NotConfigured, match=says):
        wechat_keys.load(config, public_url=PUBLIC)


def test_keys_are_not_printed(sandbox):
    keys = wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url=PUBLIC)
    assert sandbox.keys.apiv3_key not in repr(keys)


def test_the_bill_says_what_happened(client, sandbox):
    for number in ("order0001", "order0002"):
        client.start(request(number))
        sandbox.pay(number)
    client.refund(number="refund0001", payment="order0001", amount=2500, total=2500, reason="r")
    assert client.bill(today().isoformat()) == [
        BillLine("payment", "order0001", 2500),
        BillLine("payment", "order0002", 2500),
        BillLine("refund", "refund0001", -2500),
    ]


def test_a_damaged_bill_is_refused(client, sandbox):
    client.start(request())
    sandbox.pay("order0001")
    text = gzip.decompress(sandbox.books.bill(today().isoformat()))
    with pytest.raises(ValueError, match="hash"):
        wechat_bill.read(text, sha1="0" * 40)


# --- an independent client on one side, ours on the other ---


def test_the_other_client_s_verifier_accepts_our_signature(sandbox):
    keys = wechat_keys.load(sandbox.keys.settings(sandbox.url), public_url=PUBLIC)
    body = '{"描述": "诊查费"}'
    header = signing.authorization(
        keys.private_key,
        **{"mchid": "1", "serial": "2", "method": "POST", "target": "/v3/x?a=1"},
        body=body.encode(),
    )
    said = dict(part.split("=", 1) for part in header.split(" ", 1)[1].split(","))
    said = {name: value.strip('"') for name, value in said.items()}
    # Its verifier joins three parts; a request has two more before them.
    public = load_public_key(sandbox.keys.merchant_public)
    stamp = f"POST\n/v3/x?a=1\n{said['timestamp']}"
    assert rsa_verify(stamp, said["nonce_str"], body, said["signature"], public)
    assert not rsa_verify(stamp, said["nonce_str"], body + " ", said["signature"], public)


def test_the_other_client_works_with_the_sandbox(oracle, sandbox):
    scene = {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}
    amount = {"total": 100, "currency": "CNY"}
    code, text = oracle.pay("诊查费", "oracle0001", amount, scene_info=scene)
    assert code == 200
    assert json.loads(text)["h5_url"].startswith(sandbox.url)
    sandbox.pay("oracle0001")
    code, text = oracle.query(out_trade_no="oracle0001")
    assert (code, json.loads(text)["trade_state"]) == (200, "SUCCESS")
    code, text = oracle.refund(
        out_refund_no="oraclerefund1",
        out_trade_no="oracle0001",
        amount={"refund": 100, "total": 100, "currency": "CNY"},
    )
    assert (code, json.loads(text)["status"]) == (200, "PROCESSING")


def a_callback(sandbox: Gateway, client: WeChatPay) -> tuple[bytes, dict[str, str]]:
    client.start(request())
    sandbox.pay("order0001")
    return sandbox.notices.packed(sandbox.notices.waiting[0])


def test_the_other_client_and_ours_read_the_same_in_a_callback(client, oracle, sandbox):
    body, headers = a_callback(sandbox, client)
    theirs = oracle.callback(headers, body)
    ours = client.read_callback({name.lower(): value for name, value in headers.items()}, body)
    assert theirs["resource"]["out_trade_no"] == ours.number == "order0001"
    assert theirs["resource"]["amount"]["total"] == ours.amount == 2500
    assert theirs["id"] == ours.event


def test_what_the_other_client_refuses_ours_refuses_too(client, oracle, sandbox):
    body, headers = a_callback(sandbox, client)
    for spoilt in (body.replace(b"SUCCESS", b"SUCCES5"), body + b" "):
        assert oracle.callback(headers, spoilt) is None
        with pytest.raises(CallbackRefused):
            client.read_callback({name.lower(): v for name, v in headers.items()}, spoilt)


def test_ours_refuses_yesterday_s_callback_which_the_other_takes(client, oracle, sandbox):
    body, _ = a_callback(sandbox, client)
    headers = sandbox.wire.headers(body, at=now().timestamp() - 86_400)
    assert oracle.callback(headers, body)["resource"]["out_trade_no"] == "order0001"
    with pytest.raises(CallbackRefused, match="stale"):
        client.read_callback({name.lower(): value for name, value in headers.items()}, body)


def test_one_client_serves_many_threads(client, sandbox):
    client.start(request())
    states = []
    threads = [
        threading.Thread(target=lambda: states.append(client.query("order0001").state))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == ["waiting"] * 8
