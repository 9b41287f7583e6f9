"""The cashier's page, for a telephone."""

from html import escape
from string import Template

STATES = {"NOTPAY": "未支付", "SUCCESS": "已支付", "CLOSED": "已关闭", "REFUND": "转入退款"}
STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#ededed;
  color:#111;font:17px/1.5 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif}
.flag{background:#b54708;color:#fff;text-align:center;padding:8px 12px;font-size:15px}
main{max-width:430px;margin:0 auto;padding:28px 20px 40px}
.what{text-align:center;color:#444;margin:12px 0 0;overflow-wrap:anywhere}
.sum{text-align:center;font-size:46px;
  font-weight:600;margin:4px 0 24px;font-variant-numeric:tabular-nums}
.sum small{font-size:30px;margin-right:4px}
dl{background:#fff;border-radius:10px;margin:0 0 28px;padding:4px 16px}
dl div{display:flex;justify-content:space-between;
  gap:16px;padding:12px 0;border-bottom:1px solid #eee}
dl div:last-child{border:0}
dt{color:#595959;white-space:nowrap}
dd{margin:0;text-align:right;overflow-wrap:anywhere;font-size:15px}
button{width:100%;min-height:52px;border:0;border-radius:10px;
  font:inherit;font-weight:600;margin-bottom:12px;cursor:pointer}
.pay{background:#067a42;color:#fff}
.no{background:#fff;color:#111}
button:focus-visible{outline:3px solid #1d4ed8;outline-offset:2px}
.done{font-size:56px;text-align:center;color:#067a42;margin:24px 0 0}
.end{text-align:center;font-size:22px;font-weight:600}
"""
PAGE = Template("""<!doctype html>
<html lang="zh-Hans"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>$title</title><style>$style</style></head>
<body><div class="flag" role="note">沙箱（sandbox）：模拟收银台，不会产生真实扣款</div>
<main>$main</main></body></html>""")
CASHIER = Template("""<h1 class="what" style="font-size:17px;font-weight:400">$what</h1>
<p class="sum"><small>¥</small>$yuan</p>
<dl><div><dt>收款方</dt><dd>商户 $mchid</dd></div><div><dt>商户单号</dt><dd>$number</dd></div></dl>
<form method="post" action="/cashier">
<input type="hidden" name="prepay_id" value="$prepay">
<input type="hidden" name="redirect_url" value="$back">
<button class="pay" name="do" value="pay">确认支付</button>
<button class="no" name="do" value="cancel">取消</button></form>""")


def cashier(trade: object, back: str) -> str:
    """The page on which the payer decides; ``trade`` is a ``books.Trade``."""
    values = {
        "what": getattr(trade, "description", ""),
        "yuan": f"{getattr(trade, 'total', 0) / 100:.2f}",
        "mchid": getattr(trade, "mchid", ""),
        "number": getattr(trade, "out_trade_no", ""),
        "prepay": getattr(trade, "prepay_id", ""),
        "back": back,
    }
    safe = {name: escape(str(value)) for name, value in values.items()}
    return PAGE.substitute(title="沙箱收银台", style=STYLE, main=CASHIER.substitute(safe))


def end(says: str, *, good: bool) -> str:
    """A page with nothing more to do."""
    mark = '<p class="done" aria-hidden="true">✓</p>' if good else ""
    main = f'{mark}<h1 class="end">{escape(says)}</h1>'
    return PAGE.substitute(title="沙箱收银台", style=STYLE, main=main)


def home(trades: list[tuple[str, str, int, str]]) -> str:
    """What happened here, newest first: number, description, fen, state."""
    rows = "".join(
        f"<div><dt>{escape(what)}<br><small>{escape(number)}</small></dt>"
        f"<dd>¥{total / 100:.2f}<br>{escape(STATES.get(state, state))}</dd></div>"
        for number, what, total, state in trades
    )
    main = f'<h1 class="end">交易</h1><dl>{rows or "<div><dt>还没有交易</dt><dd></dd></div>"}</dl>'
    return PAGE.substitute(title="沙箱支付网关", style=STYLE, main=main)
