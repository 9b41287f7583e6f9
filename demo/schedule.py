"""Today in the practice of Dr Lin: some seen, one to sign, some waiting, some to come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import queries
from accounts.models import User
from accounts.principals import patient_principal, staff_principal
from consult import services
from consult.models import Visit
from demo.clock import at
from demo.residents import Resident
from kernel.clock import now
from kernel.principal import Principal

DOCTOR = "lin.gp"
SLOT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of the day: ``slot`` quarters of an hour from now, and how far it has come.

    ``ends``: booked, waiting, to_sign or signed. ``minutes`` is how long ago a waiting patient
    came, or how long a call lasted. ``code`` is the diagnosis that is signed.
    """

    slot: int
    name: str
    reason: str
    ends: str = "booked"
    minutes: int = 0
    code: str = ""
    pays_now: bool = False


# Whoever comes first here is the first link that a newcomer is shown.
DAY = (
    Booking(1, "孙建华", "2 型糖尿病复诊，看糖化血红蛋白", pays_now=True),
    Booking(2, "吴秀珍", "高血压长处方续方"),
    Booking(3, "许丽君", "甲状腺结节，看超声报告", pays_now=True),
    Booking(4, "蒋福根", "慢阻肺随访"),
    Booking(6, "顾雪琴", "血压复查"),
    Booking(7, "汪小莉", "产后血压随访", pays_now=True),
    Booking(-2, "沈美娟", "头晕、走路不稳 2 天，复诊", "waiting", 27),
    Booking(-1, "赵桂芳", "高血压、糖尿病复诊，续方，头晕 3 天", "waiting", 14),
    Booking(0, "何炳坤", "痛风发作，问用药", "waiting", 4),
    Booking(-3, "周志强", "上腹不适复诊", "to_sign", 9),
    Booking(-4, "冯美珍", "高脂血症复查"),
    Booking(-11, "柳志明", "血压复查，续方", "signed", 8, "I10.x04"),
    Booking(-10, "丁树德", "脑梗死出院后随访", "signed", 12, "I69.300"),
    Booking(-9, "吴根娣", "高血压续方", "signed", 7, "I10.x03"),
    Booking(-8, "陆建平", "血压偏高，调药", "signed", 10, "I10.x04"),
    Booking(-7, "施惠英", "甲减复诊，看化验", "signed", 6, "E03.900"),
    Booking(-6, "徐玲娣", "骨质疏松复诊", "signed", 9, "M81.900"),
)
NOTE = {
    "subjective": "按约复诊，无新的不适，按时服药。",
    "objective": "家庭读数已看，视频下一般情况好。",
    "assessment": "病情稳定。",
    "plan": "原方案继续，1 个月后复诊。",
    "safety_net": "胸痛、气促、说话不清或手脚无力，立即打 120。",
}


def doctor() -> Principal:
    """Dr Lin at the health centre."""
    user = User.objects.get(username=DOCTOR)
    return staff_principal(user, queries.posts_of(user)[0])


def book_day(residents: list[Resident], *, moment: datetime) -> dict[str, str]:
    """Book the day around ``moment``, play what is over; return links by patient's reference."""
    by, named = doctor(), {resident.name: resident for resident in residents}
    start = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    links = {}
    # In the order of their starts, so that each patient is told a wait that the past bears out.
    for line in sorted(DAY, key=lambda line: line.slot):
        patient = named[line.name].reference
        links[patient] = _play(line, patient, start + line.slot * SLOT, moment, by)
    first = [named[line.name].reference for line in DAY]
    return {reference: links[reference] for reference in first}


def book_rehearsal(patient: str) -> str:
    """A visit of the rehearsal patient with Dr Lin, from now; return its link."""
    by, start = doctor(), now()
    visit = services.book_visit(
        patient=patient,
        doctor=by.reference,
        institution=by.institution,
        start=start,
        reason="演练：试一试视频看诊",
        pay_later=True,
        rehearsal=True,
        by=by,
    )
    return visit.link


def _play(line: Booking, patient: str, start: datetime, moment: datetime, by: Principal) -> str:
    booked = start - timedelta(days=1)
    with at(booked):
        visit = services.book_visit(
            patient=patient,
            doctor=by.reference,
            institution=by.institution,
            start=start,
            reason=line.reason,
            pay_later=not line.pays_now,
            by=by,
        )
    # The column's own default asks Django's clock, not the house's.
    visit.created_at = booked
    visit.save(update_fields=["created_at"])
    link, here = visit.link, patient_principal(queries.patient_account(patient.split("/")[1]))
    if line.ends == "booked":
        return link
    came = moment - timedelta(minutes=line.minutes) if line.ends == "waiting" else start - SLOT
    with at(came):
        visit = services.identify(visit, by=here)
        visit = services.give_consent(visit, by=here)
        visit = services.check_devices(visit, works=True, by=here)
        visit = services.check_in(visit, by=here)
    if line.ends != "waiting":
        _see(line, visit, start, here, by)
    return link


def _see(line: Booking, visit: Visit, start: datetime, here: Principal, by: Principal) -> None:
    with at(start + timedelta(minutes=1)):
        visit = services.call_in(visit, by=by)
        for who in (by, here):
            services.presence(visit.purpose, who.reference, True)
    with at(start + timedelta(minutes=1 + line.minutes)):
        visit = services.end_call(visit, by=by)
        texts = NOTE if line.ends == "signed" else {"subjective": line.reason}
        services.save_note(visit, texts=texts, version=0, by=by)
    if line.ends == "signed":
        with at(start + timedelta(minutes=3 + line.minutes)):
            services.add_diagnosis(visit, code=line.code, by=by)
            services.sign(visit, by=by)
