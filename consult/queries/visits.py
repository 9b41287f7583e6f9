"""Which visit, and may they see it."""

from consult.models import Visit, VisitLink
from consult.services.booking import token_hash
from kernel.clock import now
from kernel.errors import Missing
from kernel.principal import Principal

CLINICAL = ("doctor", "nurse")


def visit_for(principal: Principal, visit_id: str) -> Visit:
    """A visit of the principal's institution, or their own. Raises Missing for strangers."""
    found = Visit.objects.filter(public_id=visit_id).first()
    if found is None or not _may_see(principal, found):
        raise Missing("no such visit")
    return found


def link_of(token: str) -> VisitLink:
    """The link with this token, with its visit. Raises Missing for unknown and expired ones."""
    rows = VisitLink.objects.select_related("visit").filter(expires_at__gt=now())
    found = rows.filter(token_hash=token_hash(token)).first()
    if found is None:
        raise Missing("no such link")
    return found


def _may_see(principal: Principal, visit: Visit) -> bool:
    if principal.reference == visit.patient:
        return True
    return principal.has(*CLINICAL) and principal.institution == visit.institution
