"""The patient's own pages: every visit of theirs."""

from typing import TYPE_CHECKING

from django.urls import reverse

from accounts import queries as directory
from consult.models import Visit
from consult.pages import OwnVisit, PatientHome
from consult.queries.actions import state_badge
from consult.workflow import VISIT
from kernel.errors import Missing
from kernel.principal import Principal

if TYPE_CHECKING:
    from accounts.models import PatientAccount

MOST = 50


def home_page(account: "PatientAccount", principal: Principal) -> PatientHome:
    """``patient/me.html``: what comes first, then what was."""
    visits = list(Visit.objects.filter(patient=principal.reference).order_by("-start")[:MOST])
    names = directory.names([visit.doctor for visit in visits])
    rows = [_row(visit, names.get(visit.doctor, "")) for visit in visits]
    return PatientHome(
        institution=account.institution.name,
        name=principal.name,
        coming=[row for row in reversed(rows) if not row.past],
        past=[row for row in rows if row.past],
    )


def own_visit(principal: Principal, visit_id: str) -> Visit:
    """One of the patient's visits. Raises Missing."""
    found = Visit.objects.filter(patient=principal.reference, public_id=visit_id).first()
    if found is None:
        raise Missing("no such visit")
    return found


def _row(visit: Visit, doctor: str) -> OwnVisit:
    return OwnVisit(
        at=visit.start,
        doctor=doctor,
        reason=visit.reason,
        state=state_badge(visit),
        open_url=reverse("patient:open", args=(visit.public_id,)),
        past=VISIT.is_final(visit.state),
    )
