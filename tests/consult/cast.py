"""Who acts in the tests of visits: Lin and Gu of Yunling, Wu of Pengpu, Mrs Zhao, Mr Qian."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import PatientAccount, User
from accounts.principals import patient_principal, staff_principal
from consult import services
from consult.models import Visit
from kernel.clock import now
from kernel.principal import SYSTEM, Principal
from payments import queries as orders
from records import store
from tests.accounts import make

NOTE = {
    "subjective": "头晕 3 天，晨起明显。",
    "objective": "家庭血压 162/95。",
    "assessment": "血压升高，考虑与布洛芬有关。",
    "plan": "布洛芬停掉\n每天早晚量血压",
    "safety_net": "胸痛或喘不上气",
}
PRESSURE = "I10.x09"


@dataclass(frozen=True)
class Cast:
    """Everybody, with their principals."""

    lin: User
    gu: User
    wu: User
    zhao: PatientAccount
    qian: PatientAccount

    def principal(self, who: User) -> Principal:
        """A member of staff at their one post."""
        return staff_principal(who, who.posts.select_related("institution").get())

    @property
    def doctor(self) -> Principal:
        """Dr Lin at Yunling."""
        return self.principal(self.lin)

    @property
    def patient(self) -> Principal:
        """Mrs Zhao."""
        return patient_principal(self.zhao)

    def visit(self, who: PatientAccount | None = None, **facts: Any) -> Visit:
        """A visit of Mrs Zhao (or ``who``) with Dr Lin in 15 minutes, to be paid later."""
        return services.book_visit(
            **{
                "patient": (who or self.zhao).reference,
                "doctor": self.lin.reference,
                "institution": "yunling",
                "start": now() + timedelta(minutes=15),
                "reason": "高血压复诊",
                "by": self.doctor,
                "pay_later": True,
                **facts,
            }
        )

    def waiting(self, who: PatientAccount | None = None, **facts: Any) -> Visit:
        """A visit whose patient waits."""
        account = who or self.zhao
        visit, by = self.visit(account, **facts), patient_principal(account)
        services.identify(visit, by=by)
        services.give_consent(visit, by=by)
        services.check_devices(visit, works=True, by=by)
        return services.check_in(visit, by=by)

    def in_call(self, **facts: Any) -> Visit:
        """A visit in which both are there."""
        visit = services.call_in(self.waiting(**facts), by=self.doctor)
        for who in (visit.doctor, visit.patient):
            services.presence(visit.purpose, who, True)
        return again(visit)

    def written(self, visit: Visit) -> Visit:
        """The same visit with a note and a diagnosis that can be signed."""
        services.save_note(visit, texts=NOTE, version=0, by=self.doctor)
        services.add_diagnosis(visit, code=PRESSURE, by=self.doctor)
        return visit


def gather() -> Cast:
    """Put everybody into the database, patients with their FHIR Patient."""
    yunling = make.institution("yunling", name="云岭社区卫生服务中心")
    pengpu = make.institution("pengpu", name="彭浦社区卫生服务中心")
    cast = Cast(
        lin=make.staff("lin", "doctor", at=yunling, title="全科", name="林静怡"),
        gu=make.staff("gu", "doctor", at=yunling, name="顾一鸣"),
        wu=make.staff("wu", "doctor", at=pengpu, name="吴敏"),
        zhao=make.patient("赵桂芳", at=yunling, phone="19900002846"),
        qian=make.patient("钱宝林", at=yunling, phone="19900007731"),
    )
    for house in (yunling, pengpu):
        write("Organization", house.public_id, name=house.name)
    for doctor in (cast.lin, cast.gu, cast.wu):
        write("Practitioner", doctor.practitioner_id, name=[{"text": doctor.name}])
    write_patient(cast.zhao, gender="female", born="1952-03-18", card="990118195203182846")
    write_patient(cast.qian, gender="male", born="1947-01-02", card="990104194701027731")
    return cast


def write_patient(account: PatientAccount, *, gender: str, born: str, card: str) -> None:
    """The FHIR Patient of an account."""
    body = {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": card}],
        "name": [{"text": account.name}],
        "gender": gender,
        "birthDate": born,
    }
    store.create(
        "Patient", body, by=SYSTEM, id=account.fhir_id, institution=account.institution.public_id
    )


def write(kind: str, key: str, **body: Any) -> None:
    """A resource of a public kind."""
    store.create(kind, {"resourceType": kind, **body}, by=SYSTEM, id=key)


def write_known(kind: str, **body: Any) -> None:
    """Something that Yunling knows of a patient."""
    store.create(kind, {"resourceType": kind, **body}, by=SYSTEM, institution="yunling")


def again(visit: Visit) -> Visit:
    """The visit as it now is."""
    return Visit.objects.get(pk=visit.pk)


def order_of(visit: Visit) -> Any:
    """The visit's order, which must be there."""
    found = orders.order_for(visit.purpose)
    assert found is not None
    return found


def shown_code(html: str) -> str:
    """The six digits that a demonstration shows."""
    found = re.search(r"\b\d{6}\b", html)
    assert found is not None
    return found.group()


def resource(kind: str, key: str) -> dict[str, Any]:
    """A resource as it now is."""
    return store.read(kind, key, by=SYSTEM).body


def at(moment: datetime) -> str:
    """A moment as FHIR writes it."""
    return moment.isoformat(timespec="milliseconds")
