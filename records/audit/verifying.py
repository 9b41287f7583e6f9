"""Reads the trail again and says where it was changed."""

from dataclasses import dataclass

from records.audit.events import COLUMNS, ORIGIN, Event, digest
from records.models import AuditRow


@dataclass(frozen=True, slots=True)
class Fault:
    """The first row of a chain that is wrong, and how."""

    chain: int
    number: int
    says: str


@dataclass(slots=True)
class Verdict:
    """How much was read, and what is wrong with it (empty: nothing)."""

    rows: int
    chains: int
    faults: list[Fault]


def verify() -> Verdict:
    """Compute every hash again, chain by chain; memory does not grow with the trail.

    A row that was changed, taken out or put in breaks its chain; a chain that lost its end leaves
    the head of a later one without the row that it names.
    """
    verdict = Verdict(0, 0, [])
    heads = AuditRow.objects.filter(number=0).exclude(before=ORIGIN)
    wanted = dict(heads.values_list("before", "chain"))
    chains = AuditRow.objects.order_by("chain").values_list("chain", flat=True).distinct()
    for chain in list(chains):
        verdict.chains += 1
        number, fault = _walk(chain, wanted)
        verdict.rows += number
        if fault:
            verdict.faults.append(fault)
    says = "the row that was the newest at its start is missing"
    verdict.faults += [Fault(chain, 0, says) for chain in wanted.values()]
    return verdict


def _walk(chain: int, wanted: dict[str, int]) -> tuple[int, Fault | None]:
    """How many rows are right, and the first that is not; what is found is wanted no more."""
    number, before = 0, ""
    for row in AuditRow.objects.filter(chain=chain).order_by("number").iterator():
        if row.number != number:
            missing = "its head" if number == 0 else f"row {number}"
            return number, Fault(chain, number, f"{missing} is missing")
        if number and row.before != before:
            return number, Fault(chain, number, "does not follow the row before")
        event = Event(**{name: getattr(row, name) for name in COLUMNS})
        if digest(row.before, chain, number, event) != row.hash:
            return number, Fault(chain, number, "was changed")
        wanted.pop(row.hash, None)
        number, before = number + 1, row.hash
    return number, None
