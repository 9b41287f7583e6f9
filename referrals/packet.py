"""Gathers what goes with a referral from the patient's record."""

from typing import Any

from kernel.principal import Principal
from records import search, store
from referrals.document import Packet
from referrals.models import Referral

Body = dict[str, Any]

# kind, further search criteria, how many at most: the newest that a duty doctor reads in a minute
FACTS = (
    ("Condition", (), 30),
    ("MedicationRequest", (("status", "active"),), 30),
    ("MedicationStatement", (("status", "active"),), 30),
    ("AllergyIntolerance", (), 20),
    ("Observation", (("_sort", "-date"),), 30),
)


def gather(referral: Referral, *, reason: str, summary: str, by: Principal) -> Packet:
    """The packet as the sender sees the record now. Raises Missing for a patient not theirs."""
    people = (referral.patient, referral.requester, f"Organization/{referral.from_institution}")
    return Packet(
        reason=reason,
        summary=summary,
        people=[_read(reference, by) for reference in people],
        facts=[body for kind in FACTS for body in _found(referral.patient, *kind, by=by)],
    )


def _read(reference: str, by: Principal) -> Body:
    kind, _, logical_id = reference.partition("/")
    return store.read(kind, logical_id, by=by).body


def _found(
    patient: str, kind: str, criteria: tuple[tuple[str, str], ...], most: int, *, by: Principal
) -> list[Body]:
    asked = [("patient", patient), *criteria, ("_count", str(most))]
    page = search.search(kind, asked, by=by)
    return [found.body for found in page.matches][:most]
