"""The platform's books: transactions, refunds, and its rules."""

import gzip
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

SHANGHAI = timezone(timedelta(hours=8))
HEADINGS = (
    "交易时间,公众账号ID,商户号,商户订单号,微信订单号,交易状态,订单金额,"
    "微信退款单号,商户退款单号,申请退款金额,退款状态,商品名称"
)


class No(Exception):
    """The platform refuses: an HTTP status and its code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def stamp() -> str:
    """The present in the platform's manner."""
    return datetime.now(SHANGHAI).replace(microsecond=0).isoformat()


@dataclass
class Trade:
    """One transaction."""

    out_trade_no: str
    appid: str
    mchid: str
    description: str
    total: int
    notify_url: str
    time_expire: str = ""
    trade_state: str = "NOTPAY"
    prepay_id: str = field(default_factory=lambda: f"wx{secrets.token_hex(17)}")
    transaction_id: str = ""
    success_time: str = ""

    def expired(self) -> bool:
        """True when its time to be paid is over."""
        return bool(self.time_expire) and datetime.fromisoformat(self.time_expire) < datetime.now(
            SHANGHAI
        )

    def shown(self) -> dict[str, Any]:
        """As queries and notices show it."""
        base: dict[str, Any] = {
            "appid": self.appid,
            "mchid": self.mchid,
            "out_trade_no": self.out_trade_no,
            "trade_state": self.trade_state,
            "trade_state_desc": self.trade_state,
        }
        if self.transaction_id:
            base |= {
                "transaction_id": self.transaction_id,
                "trade_type": "MWEB",
                "bank_type": "OTHERS",
                "success_time": self.success_time,
                "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
                "amount": {
                    **{"total": self.total, "payer_total": self.total},
                    **{"currency": "CNY", "payer_currency": "CNY"},
                },
            }
        return base


@dataclass
class Refund:
    """One refund."""

    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    refund: int
    total: int
    reason: str
    notify_url: str
    status: str = "PROCESSING"
    refund_id: str = field(default_factory=lambda: f"503{secrets.randbelow(10**25):025d}")
    create_time: str = field(default_factory=stamp)
    success_time: str = ""

    def shown(self) -> dict[str, Any]:
        """As answers show it."""
        found: dict[str, Any] = {
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "transaction_id": self.transaction_id,
            "out_trade_no": self.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": self.create_time,
            "status": self.status,
            "funds_account": "AVAILABLE",
            "amount": {
                **{"total": self.total, "refund": self.refund, "payer_total": self.total},
                **{"payer_refund": self.refund, "settlement_refund": self.refund},
                **{"settlement_total": self.total, "discount_refund": 0, "currency": "CNY"},
            },
        }
        return found | ({"success_time": self.success_time} if self.success_time else {})

    def noticed(self, mchid: str) -> dict[str, Any]:
        """As its notice shows it."""
        return {
            "mchid": mchid,
            "transaction_id": self.transaction_id,
            "out_trade_no": self.out_trade_no,
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "refund_status": self.status,
            "success_time": self.success_time,
            "user_received_account": "支付用户零钱",
            "amount": {
                **{"total": self.total, "refund": self.refund},
                **{"payer_total": self.total, "payer_refund": self.refund},
            },
        }


class Books:
    """All transactions and refunds; ``state`` names a file that keeps them between runs."""

    def __init__(self, mchid: str, appid: str, state: Path | None = None) -> None:
        self.mchid, self.appid, self._state = mchid, appid, state
        self.trades: dict[str, Trade] = {}
        self.refunds: dict[str, Refund] = {}
        if state and state.exists():
            kept = json.loads(state.read_text())
            self.trades = {row["out_trade_no"]: Trade(**row) for row in kept["trades"]}
            self.refunds = {row["out_refund_no"]: Refund(**row) for row in kept["refunds"]}

    def save(self) -> None:
        """Write the file, if there is one."""
        if self._state:
            rows = {
                "trades": [asdict(trade) for trade in self.trades.values()],
                "refunds": [asdict(refund) for refund in self.refunds.values()],
            }
            fresh = self._state.with_suffix(".new")
            fresh.write_text(json.dumps(rows, ensure_ascii=False))
            fresh.replace(self._state)

    def prepay(self, body: dict[str, Any]) -> Trade:
        """Open a transaction; the same one again gives the same."""
        try:
            total, currency = body["amount"]["total"], body["amount"].get("currency", "CNY")
            fresh = Trade(
                out_trade_no=body["out_trade_no"],
                appid=body["appid"],
                mchid=body["mchid"],
                description=body["description"],
                total=total,
                notify_url=body["notify_url"],
                time_expire=body.get("time_expire", ""),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise No(400, "PARAM_ERROR", f"缺少参数 {error}") from None
        if type(total) is not int or total < 1 or currency != "CNY":
            raise No(400, "PARAM_ERROR", "金额有误")
        if not 6 <= len(fresh.out_trade_no) <= 32 or not 0 < len(fresh.description) <= 127:
            raise No(400, "PARAM_ERROR", "商户订单号或商品描述长度有误")
        if (fresh.mchid, fresh.appid) != (self.mchid, self.appid):
            raise No(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
        return self._entered(fresh)

    def _entered(self, fresh: Trade) -> Trade:
        found = self.trades.setdefault(fresh.out_trade_no, fresh)
        if found.trade_state in ("SUCCESS", "REFUND"):
            raise No(400, "ORDERPAID", "该订单已支付")
        if found.trade_state == "CLOSED" or found.expired():
            raise No(400, "ORDER_CLOSED", "该订单已关闭")
        if (found.total, found.description, found.notify_url) != (
            *(fresh.total, fresh.description),
            fresh.notify_url,
        ):
            raise No(400, "INVALID_REQUEST", "201 商户订单号重复")
        self.save()
        return found

    def trade(self, number: str) -> Trade:
        """A transaction by the merchant's number."""
        try:
            return self.trades[number]
        except KeyError:
            raise No(404, "ORDER_NOT_EXIST", "查询的订单不存在") from None

    def by_prepay(self, prepay_id: str) -> Trade:
        """A transaction by the id in the cashier's address."""
        for trade in self.trades.values():
            if trade.prepay_id == prepay_id:
                return trade
        raise No(404, "ORDER_NOT_EXIST", "订单不存在")

    def pay(self, trade: Trade) -> Trade:
        """The payer pays."""
        if trade.trade_state != "NOTPAY" or trade.expired():
            raise No(400, "ORDER_CLOSED", "该订单已支付或已关闭")
        trade.trade_state = "SUCCESS"
        trade.transaction_id = f"42000{secrets.randbelow(10**23):023d}"
        trade.success_time = stamp()
        self.save()
        return trade

    def close(self, number: str) -> None:
        """The merchant closes a transaction."""
        trade = self.trade(number)
        if trade.trade_state in ("SUCCESS", "REFUND"):
            raise No(400, "ORDERPAID", "该订单已支付")
        trade.trade_state = "CLOSED"
        self.save()

    def give_back(self, body: dict[str, Any]) -> Refund:
        """The merchant refunds; the same number again gives the same refund."""
        try:
            trade = self.trade(body["out_trade_no"])
            number, amount = body["out_refund_no"], body["amount"]["refund"]
            total, reason = body["amount"]["total"], body.get("reason", "")
            notify_url = body.get("notify_url", "")
        except (KeyError, TypeError) as error:
            raise No(400, "PARAM_ERROR", f"缺少参数 {error}") from None
        if number in self.refunds:
            return self._same(self.refunds[number], trade, amount)
        if trade.trade_state not in ("SUCCESS", "REFUND"):
            raise No(400, "INVALID_REQUEST", "订单未支付")
        gone = sum(
            r.refund for r in self._refunds_of(trade) if r.status in ("SUCCESS", "PROCESSING")
        )
        if (
            type(amount) is not int
            or amount < 1
            or total != trade.total
            or len(reason.encode()) > 80
        ):
            raise No(400, "PARAM_ERROR", "退款金额或原因有误")
        if gone + amount > trade.total:
            raise No(400, "INVALID_REQUEST", "退款金额大于支付金额")
        refund = Refund(
            *(number, trade.out_trade_no, trade.transaction_id, amount, total, reason, notify_url)
        )
        self.refunds[number] = refund
        trade.trade_state = "REFUND"
        self.save()
        return refund

    def _same(self, refund: Refund, trade: Trade, amount: int) -> Refund:
        if (refund.out_trade_no, refund.refund) != (trade.out_trade_no, amount):
            raise No(400, "INVALID_REQUEST", "订单号不匹配")
        return refund

    def _refunds_of(self, trade: Trade) -> list[Refund]:
        return [r for r in self.refunds.values() if r.out_trade_no == trade.out_trade_no]

    def refund(self, number: str) -> Refund:
        """A refund by the merchant's number."""
        try:
            return self.refunds[number]
        except KeyError:
            raise No(404, "RESOURCE_NOT_EXISTS", "退款单不存在") from None

    def finish(self, refund: Refund, status: str = "SUCCESS") -> Refund:
        """The bank has done its part: SUCCESS, CLOSED or ABNORMAL."""
        refund.status = status
        refund.success_time = stamp() if status == "SUCCESS" else ""
        self.save()
        return refund

    def bill(self, day: str) -> bytes:
        """The day's trade bill, packed."""
        rows = [HEADINGS]
        paid = [t for t in self.trades.values() if t.success_time.startswith(day)]
        back = [r for r in self.refunds.values() if r.create_time.startswith(day)]
        for trade in paid:
            rows.append(self._row(trade, trade.success_time, "SUCCESS", "", "", 0, ""))
        for refund in back:
            trade = self.trades[refund.out_trade_no]
            fields = (refund.refund_id, refund.out_refund_no, refund.refund, refund.status)
            rows.append(self._row(trade, refund.create_time, "REFUND", *fields))
        rows.append("总交易单数,订单总金额,退款总金额")
        sums = sum(t.total for t in paid), sum(r.refund for r in back)
        rows.append(f"`{len(paid) + len(back)},`{sums[0] / 100:.2f},`{sums[1] / 100:.2f}")
        return gzip.compress(("\ufeff" + "\r\n".join(rows) + "\r\n").encode(), mtime=0)

    def _row(self, trade: Trade, at: str, state: str, *more: object) -> str:
        refund_id, number, amount, status = more
        fields = (
            *(at[:19].replace("T", " "), trade.appid, trade.mchid, trade.out_trade_no),
            *(trade.transaction_id, state, f"{trade.total / 100:.2f}", refund_id, number),
            *(f"{int(str(amount)) / 100:.2f}", status, trade.description.replace(",", " ")),
        )
        return ",".join(f"`{value}" for value in fields)


def bill_hash(packed: bytes) -> str:
    """The SHA-1 of the unpacked bill, as the platform tells it."""
    return hashlib.sha1(gzip.decompress(packed), usedforsecurity=False).hexdigest()
