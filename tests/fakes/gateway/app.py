"""The sandbox's doors: the merchants' API, the payer's cashier, and switches for faults."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tests.fakes.gateway import pages
from tests.fakes.gateway.books import Books, No, bill_hash
from tests.fakes.gateway.keys import Keys
from tests.fakes.gateway.notices import Faults, Notices
from tests.fakes.gateway.wire import Wire

Message = dict[str, Any]


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            raise No(400, "PARAM_ERROR", "请求体不是JSON") from None
        if not isinstance(found, dict):
            raise No(400, "PARAM_ERROR", "请求体不是对象")
        return found


@dataclass
class Answer:
    """What goes out."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: object, status: int = 200) -> Answer:
    """A JSON answer."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8"})


def as_page(html: str, status: int = 200) -> Answer:
    """A page."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "Cache-Control": "no-store",
    }
    return Answer(status, html.encode(), headers)


class Gateway:
    """The whole sandbox as one ASGI application.

    ``posting`` decides whether callbacks leave by themselves (at ``pace`` times the platform's
    speed of retrying) and refunds end ``refund_after`` seconds after they were asked for; a test
    that wants to decide when what happens leaves both to itself.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        url: str,
        state: Path | None = None,
        posting: bool = True,
        pace: float = 15.0,
        refund_after: float = 1.0,
    ) -> None:
        self.keys, self.url = keys, url
        self.wire = Wire(keys)
        self.books = Books(keys.mchid, keys.appid, state)
        self.faults = Faults()
        self.notices = Notices(self.wire, self.faults)
        self.posting, self.pace, self.refund_after = posting, pace, refund_after
        self.asked: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            answer = await self._answered(await _request(scope, receive))
            headers = [(k.lower().encode(), v.encode()) for k, v in answer.headers.items()]
            headers.append((b"content-length", str(len(answer.body)).encode()))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})

    async def _live(
        self,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self.posting:
                    self._spawn(self.notices.run(pace=self.pace))
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in self._tasks:
                    task.cancel()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answered(self, request: Request) -> Answer:
        if request.path.startswith("/v3/"):
            return await self._api(request)
        try:
            return self._page(request)
        except No as no:
            return as_page(pages.end(no.message, good=False), no.status)

    async def _api(self, request: Request) -> Answer:
        self.asked.append(f"{request.method} {request.path}")
        await asyncio.sleep(self.faults.slow)
        if self.faults.api_status:
            return as_json({"code": "SYSTEM_ERROR", "message": "系统错误"}, self.faults.api_status)
        header = request.headers.get("authorization", "")
        if why := self.wire.objection(request.method, request.target, header, request.body):
            return as_json({"code": "SIGN_ERROR", "message": why}, 401)
        try:
            answer = self._route(request)
        except No as no:
            answer = as_json({"code": no.code, "message": no.message}, no.status)
        if not self.faults.unsigned and request.path != "/v3/billdownload/file":
            answer.headers |= self.wire.headers(answer.body)
        return answer

    def _route(self, request: Request) -> Answer:
        path = request.path.removeprefix("/v3/").split("/")
        if request.method == "GET":
            return self._asked(path, request)
        match path:
            case ["pay", "transactions", "h5"]:
                return self._h5(request.json())
            case ["pay", "transactions", "native"]:
                trade = self.books.prepay(request.json())
                return as_json({"code_url": f"weixin://wxpay/bizpayurl?pr={trade.prepay_id[-9:]}"})
            case ["pay", "transactions", "out-trade-no", number, "close"]:
                self._ours(request.json().get("mchid"))
                self.books.close(number)
                return Answer(204)
            case ["refund", "domestic", "refunds"]:
                return self._refund(request.json())
        raise No(404, "RESOURCE_NOT_EXISTS", "没有这个接口")

    def _asked(self, path: list[str], request: Request) -> Answer:
        match path:
            case ["pay", "transactions", "out-trade-no", number]:
                self._ours(request.query.get("mchid"))
                return as_json(self.books.trade(number).shown())
            case ["refund", "domestic", "refunds", number]:
                return as_json(self.books.refund(number).shown())
            case ["bill", "tradebill"]:
                return self._bill(request.query.get("bill_date", ""))
            case ["billdownload", "file"]:
                packed = self.books.bill(request.query.get("token", ""))
                return Answer(200, packed, {"Content-Type": "application/gzip"})
        raise No(404, "RESOURCE_NOT_EXISTS", "没有这个接口")

    def _ours(self, mchid: object) -> None:
        if mchid != self.keys.mchid:
            raise No(400, "PARAM_ERROR", "mchid有误")

    def _h5(self, body: dict[str, Any]) -> Answer:
        scene = body.get("scene_info")
        if not isinstance(scene, dict) or not scene.get("payer_client_ip"):
            raise No(400, "PARAM_ERROR", "缺少scene_info.payer_client_ip")
        trade = self.books.prepay(body)
        return as_json({"h5_url": f"{self.url}/cashier?prepay_id={trade.prepay_id}"})

    def _refund(self, body: dict[str, Any]) -> Answer:
        known = body.get("out_refund_no") in self.books.refunds
        refund = self.books.give_back(body)
        if self.posting and not known:
            self._spawn(self._finish_later(refund.out_refund_no))
        return as_json(refund.shown())

    async def _finish_later(self, number: str) -> None:
        await asyncio.sleep(self.refund_after)
        self.finish_refund(number, self.faults.refunds)

    def finish_refund(self, number: str, status: str = "SUCCESS") -> None:
        """The bank has answered: SUCCESS, CLOSED or ABNORMAL."""
        self.notices.of_refund(self.books.finish(self.books.refund(number), status))

    def _bill(self, day: str) -> Answer:
        packed = self.books.bill(day)
        if not any(t.success_time.startswith(day) for t in self.books.trades.values()):
            raise No(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        url = f"{self.url}/v3/billdownload/file?token={quote(day)}"
        return as_json({"hash_type": "SHA1", "hash_value": bill_hash(packed), "download_url": url})

    def pay(self, number: str) -> None:
        """The payer pays the transaction ``number``; its callback is due."""
        self.notices.of_trade(self.books.pay(self.books.trade(number)))

    def _page(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET", "/":
                return as_page(pages.home(self._lately()))
            case "GET", "/cashier":
                trade = self.books.by_prepay(request.query.get("prepay_id", ""))
                return as_page(pages.cashier(trade, request.query.get("redirect_url", "")))
            case "POST", "/cashier":
                return self._decided(dict(parse_qsl(request.body.decode())))
            case "GET", "/healthz":
                return Answer(200, b"ok", {"Content-Type": "text/plain"})
            case "GET", "/sandbox/faults":
                return as_json(asdict(self.faults))
            case "POST", "/sandbox/faults":
                return self._set_faults(request.json())
        raise No(404, "NOT_FOUND", "没有这个页面")

    def _lately(self) -> list[tuple[str, str, int, str]]:
        trades = list(self.books.trades.values())[-50:]
        shown = [(t.out_trade_no, t.description, t.total, t.trade_state) for t in trades]
        return shown[::-1]

    def _decided(self, form: dict[str, str]) -> Answer:
        trade = self.books.by_prepay(form.get("prepay_id", ""))
        back = form.get("redirect_url", "")
        if form.get("do") == "pay" and trade.trade_state == "NOTPAY":
            self.pay(trade.out_trade_no)
        if urlsplit(back).scheme in ("http", "https"):
            return Answer(303, b"", {"Location": back})
        paid = trade.trade_state == "SUCCESS"
        return as_page(pages.end("支付成功" if paid else "已取消支付", good=paid))

    def _set_faults(self, wanted: dict[str, Any]) -> Answer:
        for name, value in wanted.items():
            if name not in asdict(self.faults):
                raise No(400, "PARAM_ERROR", f"unknown fault {name}")
            setattr(self.faults, name, value)
        return as_json(asdict(self.faults))


async def _request(scope: Message, receive: Callable[[], Awaitable[Message]]) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    query = scope["query_string"].decode()
    path = scope["path"]
    return Request(
        method=scope["method"],
        path=path,
        target=f"{path}?{query}" if query else path,
        query=dict(parse_qsl(query)),
        headers={key.decode().lower(): value.decode() for key, value in scope["headers"]},
        body=body,
    )
