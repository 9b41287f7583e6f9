"""WeChat Pay API v3 (https://pay.weixin.qq.com/doc/v3), H5 payments, public-key mode."""

import gzip
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import httpx

from payments import money
from payments.errors import CallbackRefused, GatewayError
from payments.gateways import signing, wechat_bill
from payments.gateways.base import BillLine, Charge, Notice, Repayment, Request
from payments.gateways.wechat_keys import Keys

log = logging.getLogger(__name__)

SHANGHAI = ZoneInfo("Asia/Shanghai")
TIMEOUT = httpx.Timeout(8.0, connect=4.0)
# Codes that a later try may not meet, though their HTTP status is one of refusal.
PASSING = {
    "SYSTEM_ERROR",
    "FREQUENCY_LIMITED",
    "FREQUENCY_LIMIT_EXCEED",
    "BANK_ERROR",
    "USERPAYING",
}
NEVER_HEARD = {"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"}
CHARGES: dict[str, Literal["waiting", "paid", "closed"]] = {
    "SUCCESS": "paid",
    "REFUND": "paid",  # paid, and (partly) given back since
    "NOTPAY": "waiting",
    "USERPAYING": "waiting",
    "PAYERROR": "waiting",
    "CLOSED": "closed",
    "REVOKED": "closed",
}
REPAYMENTS: dict[str, Literal["processing", "done", "failed"]] = {
    "SUCCESS": "done",
    "PROCESSING": "processing",
    "ABNORMAL": "failed",
    "CLOSED": "failed",
}
EVENTS: dict[str, Literal["payment", "refund"]] = {
    "TRANSACTION.SUCCESS": "payment",
    "REFUND.SUCCESS": "refund",
    "REFUND.ABNORMAL": "refund",
    "REFUND.CLOSED": "refund",
}


class WeChatPay:
    """The gateway's client; safe to share between threads."""

    name = "wechat"

    def __init__(self, keys: Keys, *, transport: httpx.BaseTransport | None = None) -> None:
        self._keys = keys
        self._http = httpx.Client(
            base_url=keys.url,
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
            # The gateway's address is settings', never the environment's proxy's.
            trust_env=False,
            headers={"Accept": "application/json", "Wechatpay-Serial": keys.platform_id},
        )

    def start(self, request: Request) -> str:
        """Open an H5 payment; its page lives for five minutes (``/v3/pay/transactions/h5``)."""
        scene = {"payer_client_ip": request.client_ip, "h5_info": {"type": "Wap"}}
        answer = self._post(
            "/v3/pay/transactions/h5", {**self._order(request), "scene_info": scene}
        )
        return self._text(answer, "h5_url")

    def start_native(self, request: Request) -> str:
        """Open a payment by QR code, for a screen; the text of the code."""
        return self._text(
            self._post("/v3/pay/transactions/native", self._order(request)), "code_url"
        )

    def with_return(self, url: str, return_url: str) -> str:
        """The page's address with the ``redirect_url`` that brings the browser back."""
        joint = "&" if urlsplit(url).query else "?"
        return f"{url}{joint}redirect_url={quote(return_url, safe='')}"

    def query(self, number: str) -> Charge:
        """Ask about a payment by our number."""
        target = f"/v3/pay/transactions/out-trade-no/{number}?mchid={self._keys.mchid}"
        try:
            answer = self._get(target)
        except GatewayError as error:
            if error.code in NEVER_HEARD:
                return Charge(number, "unknown")
            raise
        return self._charge(number, answer)

    def close(self, number: str) -> None:
        """Close an unpaid payment. Raises GatewayError ``ORDERPAID`` for a paid one."""
        target = f"/v3/pay/transactions/out-trade-no/{number}/close"
        try:
            self._post(target, {"mchid": self._keys.mchid})
        except GatewayError as error:
            if error.code not in NEVER_HEARD | {"ORDER_CLOSED", "ORDERCLOSED"}:
                raise

    def refund(
        self, *, number: str, payment: str, amount: int, total: int, reason: str
    ) -> Repayment:
        """Give money back; idempotent by ``number`` (``out_refund_no``)."""
        body = {
            "out_trade_no": payment,
            "out_refund_no": number,
            "reason": reason.encode()[:80].decode(errors="ignore"),
            "notify_url": self._keys.notify_url,
            "amount": {"refund": amount, "total": total, "currency": "CNY"},
        }
        return self._repayment(number, self._post("/v3/refund/domestic/refunds", body))

    def query_refund(self, number: str) -> Repayment:
        """Ask about a refund by our number."""
        try:
            return self._repayment(number, self._get(f"/v3/refund/domestic/refunds/{number}"))
        except GatewayError as error:
            if error.code in NEVER_HEARD:
                return Repayment(number, "unknown")
            raise

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify serial, freshness, signature and seal. Raises CallbackRefused with what failed."""
        self._check_headers(headers, body)
        try:
            envelope = signing.an_object(body)
            resource = envelope["resource"]
            inside = signing.unseal(self._keys.apiv3_key, resource)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CallbackRefused("sealed") from None
        return self._notice(envelope, inside)

    def bill(self, day: str) -> list[BillLine]:
        """Download the day's trade bill; the file itself is not signed, its SHA-1 is."""
        query = urlencode({"bill_date": day, "bill_type": "ALL", "tar_type": "GZIP"})
        try:
            answer = self._get(f"/v3/bill/tradebill?{query}")
        except GatewayError as error:
            if error.code == "NO_STATEMENT_EXIST":
                return []
            raise
        parts = urlsplit(self._text(answer, "download_url"))
        packed = self._send("GET", f"{parts.path}?{parts.query}").content
        try:
            text = gzip.decompress(packed)
            return wechat_bill.read(text, sha1=self._text(answer, "hash_value"))
        except (OSError, EOFError, ValueError) as error:
            raise GatewayError("the bill is damaged", permanent=False) from error

    def _order(self, request: Request) -> dict[str, Any]:
        until = request.expires_at.astimezone(SHANGHAI).replace(microsecond=0)
        return {
            "appid": self._keys.appid,
            "mchid": self._keys.mchid,
            "description": request.description,
            "out_trade_no": request.number,
            "time_expire": until.isoformat(),
            "notify_url": request.notify_url,
            "amount": {"total": request.amount, "currency": "CNY"},
        }

    def _get(self, target: str) -> dict[str, Any]:
        return self._signed_object(self._send("GET", target))

    def _post(self, target: str, body: Mapping[str, Any]) -> dict[str, Any]:
        sent = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return self._signed_object(self._send("POST", target, sent))

    def _send(self, method: str, target: str, body: bytes = b"") -> httpx.Response:
        keys = self._keys
        headers = {
            "Content-Type": "application/json",
            "Authorization": signing.authorization(
                keys.private_key,
                mchid=keys.mchid,
                serial=keys.serial,
                method=method,
                target=target,
                body=body,
            ),
        }
        try:
            response = self._http.request(method, target, content=body or None, headers=headers)
        except httpx.HTTPError as error:
            raise GatewayError(
                f"the gateway did not answer ({type(error).__name__})", permanent=False
            ) from error
        if not response.is_success:
            raise _refusal(response)
        return response

    def _signed_object(self, response: httpx.Response) -> dict[str, Any]:
        try:
            self._check_headers(response.headers, response.content)
            return signing.an_object(response.content) if response.content else {}
        except (CallbackRefused, ValueError) as error:
            raise GatewayError(
                f"the answer is not the gateway's: {error}", permanent=False
            ) from error

    def _check_headers(self, headers: Mapping[str, str], body: bytes) -> None:
        stamp = headers.get("wechatpay-timestamp", "")
        if headers.get("wechatpay-signature-type", signing.SCHEME) != signing.SCHEME:
            raise CallbackRefused("scheme")
        if headers.get("wechatpay-serial", "") != self._keys.platform_id:
            raise CallbackRefused("serial")
        if not signing.is_fresh(stamp):
            raise CallbackRefused("stale")
        if not signing.is_signed(
            self._keys.platform_key,
            stamp=stamp,
            nonce=headers.get("wechatpay-nonce", ""),
            body=body,
            signature=headers.get("wechatpay-signature", ""),
        ):
            raise CallbackRefused("signature")

    def _notice(self, envelope: dict[str, Any], inside: dict[str, Any]) -> Notice:
        about = EVENTS.get(str(envelope.get("event_type")))
        if about is None:
            raise CallbackRefused("event")
        if inside.get("mchid") != self._keys.mchid:
            raise CallbackRefused("mchid")
        # A refund's notice names no application.
        if about == "payment" and inside.get("appid") != self._keys.appid:
            raise CallbackRefused("appid")
        try:
            amount = money.fen(inside["amount"]["total" if about == "payment" else "refund"])
            number = inside["out_trade_no" if about == "payment" else "out_refund_no"]
        except (KeyError, TypeError, ValueError):
            raise CallbackRefused("content") from None
        event = envelope.get("id")
        if not (isinstance(event, str) and 0 < len(event) <= 64 and isinstance(number, str)):
            raise CallbackRefused("content")
        return Notice(event, about, number, amount)

    def _charge(self, number: str, answer: dict[str, Any]) -> Charge:
        state = CHARGES.get(str(answer.get("trade_state")))
        if state is None or answer.get("out_trade_no") != number or not self._is_ours(answer):
            raise GatewayError("the gateway's answer is about something else", permanent=False)
        if state != "paid":
            return Charge(number, state)
        return Charge(
            *(number, state, _amount(answer, "total")),
            transaction=self._text(answer, "transaction_id"),
            paid_at=_moment(answer.get("success_time")),
        )

    def _is_ours(self, answer: dict[str, Any]) -> bool:
        keys = self._keys
        return answer.get("mchid") == keys.mchid and answer.get("appid") == keys.appid

    def _repayment(self, number: str, answer: dict[str, Any]) -> Repayment:
        state = REPAYMENTS.get(str(answer.get("status")))
        if state is None or answer.get("out_refund_no") != number:
            raise GatewayError("the gateway's answer is about something else", permanent=False)
        return Repayment(number, state, _amount(answer, "refund"), says=str(answer["status"]))

    @staticmethod
    def _text(answer: Mapping[str, Any], name: str) -> str:
        value = answer.get(name)
        if not isinstance(value, str) or not value:
            raise GatewayError(f"the gateway's answer has no {name}", permanent=False)
        return value


def _refusal(response: httpx.Response) -> GatewayError:
    """An error answer in our words; the gateway's own sentence stays out (it may quote input)."""
    try:
        code = str(signing.an_object(response.content).get("code") or "")[:40]
    except ValueError:
        code = ""
    status = response.status_code
    passing = status >= 500 or status in (408, 429) or code in PASSING
    return GatewayError(f"the gateway answers {status} {code}", permanent=not passing, code=code)


def _amount(answer: Mapping[str, Any], name: str) -> int:
    amount = answer.get("amount")
    try:
        if not isinstance(amount, dict) or amount.get("currency", "CNY") != "CNY":
            raise ValueError("no amount in CNY")
        return money.fen(amount.get(name))
    except ValueError as error:
        raise GatewayError(f"the gateway's answer: {error}", permanent=False) from error


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=SHANGHAI)
