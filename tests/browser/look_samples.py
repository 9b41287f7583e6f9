"""A page of each kind with people who do not exist, to judge the look without the service."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from consult import pages as p
from consult.plots import Reading
from kernel.clock import now

NOW = now()
INFO, OK = p.Badge("进行中", "info"), p.Badge("准备好了", "ok")
CALL_IN = p.Action("call_in", "接诊", "/x", primary=True, icon="video")
CANCEL = p.Action("cancel", "不看了", "/x", confirm="不看了？钱会全退。")
DOCTOR = p.Doctor("林静怡", "医生", p.Badge("正在看别的患者", "info", "video"))
MONEY = p.Money(18640, 12116, 4924, 1600)
EVENTS = [p.Event(NOW, "林静怡", "接诊", "info"), p.Event(NOW, "赵桂芳", "到了", "ok", todo=True)]
TABS = [p.Tab("待处理", "/x", 8, current=True), p.Tab("全部", "/y", 22)]


def _shell(key: str) -> p.Shell:
    nav = [p.NavItem(k, "/x", 1, "crit", current=k == key) for k in ("board", "visit", "refer")]
    places = [p.Place("1", "云岭社区卫生服务中心", current=True), p.Place("2", "北部医疗中心")]
    return p.Shell("云岭社区卫生服务中心", "林静怡", "全科", "工作台", nav, NOW, places, "/switch")


def _queue(number: int, minutes: int, **more: Any) -> p.QueueRow:
    since = NOW - timedelta(minutes=minutes)
    return p.QueueRow(str(number), "沈美娟", "female", 81, "/x", since, "头晕两天，复诊", **more)


def _board() -> p.BoardPage:
    told = p.Promise(10, 25)
    waiting = [
        _queue(1, 27, promise=told, flags=[p.Badge("华法林", "warn", "pill")], actions=[CALL_IN]),
        _queue(2, 3, promise=told, facts=[p.Badge("首次视频", "idle")], ready=OK),
        _queue(3, 9, lost_at=NOW, ready=p.Badge("位置留着", "hold")),
    ]
    today = [
        p.TodayRow("4", NOW, "周志强", "male", 56, "/x", "上腹不适", INFO, ready=OK),
        p.TodayRow("5", NOW, "冯美珍", "female", 69, "/x", "复查", INFO, past=True),
    ]
    owed = [p.OwedRow("6", NOW - timedelta(hours=1), "crit", "郑阿妹", "签病历", "居民在等")]
    replies = [p.ReplyRow("7", NOW, OK, "柳志明", "male", 66, "神经内科 12 床", fresh=True)]
    slots = [p.DaySlot(NOW, 15, "wait", "沈美娟", "/x")]
    return p.BoardPage(p.Day(NOW, 9, 4, 1, 8, slots), waiting, today, owed, replies, TABS)


def _banner() -> p.PatientBanner:
    return p.PatientBanner("赵桂芳", "female", date(1952, 3, 18), 74, "2846", ["青霉素过敏"], OK)


def _record() -> p.RecordPanel:
    readings = [Reading(NOW.date() - timedelta(days=14 - k), 140 + k, 85) for k in range(14)]
    vitals = [p.Vital("体重", "63.2", "kg", NOW, "warn", (61.4, 62.1, 63.2))]
    problems = [p.Problem("高血压 2 级", "2014", p.Badge("未达标", "warn"))]
    medicines = [p.Medicine("布洛芬缓释胶囊", "0.3 g 膝痛时", "外购", "warn")]
    return p.RecordPanel("头晕三天", NOW, readings, vitals, problems, medicines, [])


def _visit() -> p.VisitPage:
    option = [p.Option("a", "北部医疗中心", "通常 1 小时答", checked=True)]
    note = p.NoteView(
        subjective="头晕三天",
        saved=p.Saved(NOW, 4),
        save_url="/x",
        diagnoses=[p.Diagnosis("I10.x00x002", "原发性高血压", "/x")],
        diagnose_url="/x",
        search_url="/x",
    )
    call = p.CallPanel("live", "赵桂芳", since=NOW, patient_here=True)
    return p.VisitPage(
        id="v1",
        state=INFO,
        banner=_banner(),
        call=call,
        record=_record(),
        note=note,
        checks=[p.Check("诊断", "ok"), p.Check("何时急诊", "warn", "缺")],
        actions=[
            p.Action("complete", "结束并签名", "/x", primary=True, confirm="签名后不能再改。")
        ],
        refer=p.ReferForm("/x", option, option, option),
        referrals=[p.ReferralLine("北部医疗中心", INFO, "/x", NOW)],
        payment=p.PaymentLine(OK, MONEY),
        history=EVENTS,
    )


def _referral() -> p.ReferralPage:
    up = p.Badge("上转", "info", "up")
    owes = p.Debt("北部医疗中心", "结果，三天内", "warn")
    stops = [
        p.Stop("云岭社区", "done", ["14:10 上转"], leg=OK),
        p.Stop("北部医疗中心", "here", ["12 床"], owes=owes, icon="bed"),
    ]
    packet = [p.Check("本次病历", "ok", "14:05")]
    return p.ReferralPage(
        "r1", "QC-0392", _banner(), up, INFO, OK, stops, "疑脑卒中", packet=packet, log=EVENTS
    )


def _bills() -> p.BillsPage:
    row = p.OrderRow("1", NOW, "赵桂芳", "视频复诊", MONEY, OK, "/x", selected=True)
    order = p.OrderPage("SF-0218", "赵桂芳", "视频复诊", MONEY, OK, "微信支付", EVENTS)
    return p.BillsPage(
        p.BillTotals(46, MONEY, 1, 2500, 1), [row], [p.Balance("收入", -840150)], order, TABS
    )


def _start(step: Any, **more: Any) -> p.PatientStart:
    return p.PatientStart("云岭社区", step, NOW, DOCTOR, **more)


def _summary() -> p.PatientSummary:
    return p.PatientSummary(
        "云岭社区",
        "赵桂芳",
        DOCTOR,
        NOW,
        signed=True,
        todos=[p.ToDo("布洛芬停掉", "它会让血压升高。")],
        intakes=[p.Intake("缬沙坦胶囊", "降血压。", "加量了", "2 粒")],
        progress=EVENTS,
        bill=MONEY,
    )


def console() -> Mapping[str, Mapping[str, Any]]:
    """Template -> context, for the console."""
    row = p.ReferralRow(
        "1", NOW, "鲍惠芬", "female", 71, INFO, INFO, "北部医疗中心", "卒中", OK, "/x"
    )
    return {
        "console/board.html": {"shell": _shell("board"), "page": _board()},
        "console/visit.html": {"shell": _shell("visit"), "page": _visit()},
        "console/referrals.html": {"shell": _shell("refer"), "page": p.ReferralsPage([row], TABS)},
        "console/referral.html": {"shell": _shell("refer"), "page": _referral()},
        "console/bills.html": {"shell": _shell("bills"), "page": _bills()},
    }


def patient() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Name -> (template, context), for the patient's pages."""
    start, wait = "patient/start.html", "patient/wait.html"
    identity = p.IdentityStep("/x", "/x", "7731", sent=True, demo_code="482913", error="数字不对")
    place = p.QueuePlace(2, p.Promise(10, 25), 40)
    late = p.Notice("林医生晚 10 分钟左右", "前一位情况急，对不起。", "warn")
    waits = p.PatientWait("云岭社区", "赵桂芳", NOW, DOCTOR, place, late, [CANCEL], state="waiting")
    consent = p.ConsentStep("/x", "1", ["看诊不录像。"], "/no")
    return {
        "identity": (start, {"page": _start("identity", identity=identity)}),
        "consent": (start, {"page": _start("consent", consent=consent)}),
        "device": (start, {"page": _start("device", device=p.DeviceStep("/x", "/y"))}),
        "pay": (start, {"page": _start("pay", pay=p.PayStep(MONEY, "/x", state=INFO))}),
        "wait": (wait, {"page": waits}),
        "call": (
            "patient/call.html",
            {"page": p.PatientCall("云岭社区", DOCTOR, "赵桂芳", "", "", "/x", NOW)},
        ),
        "summary": ("patient/summary.html", {"page": _summary()}),
        "end": ("patient/end.html", {"page": p.PatientEnd("云岭社区", "doctor_absent", "林静怡")}),
    }
