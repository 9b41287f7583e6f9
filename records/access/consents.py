"""What a patient's Consent takes away and gives (FHIR R4, Consent), as rows that queries look at.

In force is an ``active`` Consent of scope ``patient-privacy``. Of its provisions, nested ones too:

* ``deny`` hides the record from the actors named (Organization: its staff and its system;
  Practitioner, Patient, RelatedPerson, Device), or from everybody when none is; narrowed by
  ``class`` (resource types) and ``data`` (instances), for the time of ``period``. The patient, the
  author of a resource and this service itself still see it.
* ``permit`` shows the whole record to the organisations and practitioners named; a partner's
  shows nothing, for the record is more than what the partner wrote.
* A nested provision without actors or period has those of the one around it. ``purpose`` and the
  roles of actors are not looked at.

A ``deny`` that says more (security labels, codes, ``dataPeriod``, exceptions inside it) is refused,
for ignoring it would change its meaning; such a ``permit`` gives nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kernel.errors import Invalid
from kernel.principal import Principal
from records.access.seeing import milliseconds
from records.compartments import SEVERAL
from records.kinds import KINDS
from records.models import Denial, Grant, Resource
from records.models.grants import FOREVER
from records.search.values import milliseconds_of, reference

Json = dict[str, Any]
SCOPE = "patient-privacy"
READING = frozenset({"access", "use", "disclose"})  # actions without which nobody reads
ACTORS = ("Organization", "Practitioner", "Patient", "RelatedPerson", "Device")
TYPES = "http://hl7.org/fhir/resource-types"
UNKEPT = ("securityLabel", "code", "dataPeriod", "modifierExtension")


@dataclass(frozen=True, slots=True)
class Given:
    """A Consent as it was just written.

    ``patient`` is in whose record it lies, ``body`` is None when it was deleted, ``path`` begins
    the paths of errors.
    """

    id: str
    patient: str
    body: Json | None
    path: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A provision with what it has from those around it; ``inside`` is the type of the nearest."""

    node: Json
    path: str
    actors: list[Json]
    period: Json
    inside: str

    @property
    def type(self) -> str:
        """``deny``, ``permit`` or empty: a rule without a type says nothing."""
        return str(self.node.get("type", ""))


def project(consent: Given, by: Principal) -> None:
    """Make the rows of a Consent what it now says. Raises Invalid for a denial we cannot keep."""
    moment, why = milliseconds(), f"consent:{consent.id}"
    Denial.objects.filter(consent=consent.id).delete()
    Grant.objects.filter(why=why).exclude(until_ms__lte=moment).update(until_ms=moment)
    rules = [rule for rule in _rules_of(consent) if rule.type]
    heeded = bool(rules) and _is_heeded(consent.patient, by)
    for rule in rules:
        if rule.type == "deny":
            if not heeded:
                raise Invalid(rule.path, "you cannot restrict the record of this patient")
            Denial.objects.bulk_create(_denials(rule, consent))
        # A partner does not see the record of which it would show everything.
        elif heeded and not by.has("partner") and rule.inside != "deny" and not _narrows(rule):
            Grant.objects.bulk_create(_grants(rule, consent.patient, why))


def _rules_of(consent: Given) -> Iterator[Rule]:
    body = consent.body or {}
    scopes = {coding.get("code") for coding in body.get("scope", {}).get("coding", ())}
    if body.get("status") == "active" and SCOPE in scopes and "provision" in body:
        yield from _rules(body["provision"], f"{consent.path}.provision", [], {}, "")


def _rules(node: Json, path: str, actors: list[Json], period: Json, inside: str) -> Iterator[Rule]:
    rule = Rule(node, path, node.get("actor", actors), node.get("period", period), inside)
    yield rule
    for place, inner in enumerate(node.get("provision", ())):
        where = f"{path}.provision[{place}]"
        yield from _rules(inner, where, rule.actors, rule.period, rule.type or inside)


def _is_heeded(patient: str, by: Principal) -> bool:
    """Of partners only the one who wrote a patient restricts who sees the record."""
    if patient in ("", SEVERAL):
        return False
    known = Resource.objects.filter(kind="Patient", logical_id=patient, author=by.reference)
    return not by.has("partner") or known.exists()


def _narrows(rule: Rule) -> list[str]:
    """What limits a rule beyond actors and time."""
    told = [name for name in (*UNKEPT, "class", "data") if name in rule.node]
    return told + ([] if _is_of_reading(rule.node) else ["action"])


def _is_of_reading(node: Json) -> bool:
    codes = {c.get("code") for action in node.get("action", ()) for c in action.get("coding", ())}
    return not codes or not codes.isdisjoint(READING)


def _denials(rule: Rule, consent: Given) -> list[Denial]:
    for name in _narrows(rule):
        if name not in ("class", "data"):
            raise Invalid(f"{rule.path}.{name}", "a denial that depends on this cannot be kept")
    for place, inner in enumerate(rule.node.get("provision", ())):
        if inner.get("type") == "permit":
            raise Invalid(f"{rule.path}.provision[{place}]", "an exception to a denial is not kept")
    since, until = _time(rule.period)
    return [
        Denial(
            consent=consent.id,
            patient=consent.patient,
            to=to,
            kind=kind,
            logical_id=id_,
            since_ms=since,
            until_ms=until,
        )
        for to in [_actor(a, rule, n) for n, a in enumerate(rule.actors)] or [""]
        for kind, id_ in _what(rule)
    ]


def _grants(rule: Rule, patient: str, why: str) -> list[Grant]:
    since, until = _time(rule.period)
    found = [reference(actor.get("reference", {}).get("reference", "")) for actor in rule.actors]
    return [
        Grant(to=_named(to), patient=patient, why=why, since_ms=since, until_ms=until)
        for to in dict.fromkeys(found)
        if to and to.startswith(("Organization/", "Practitioner/"))
    ]


def _actor(actor: Json, rule: Rule, place: int) -> str:
    target = reference(actor.get("reference", {}).get("reference", "")) or ""
    if target.partition("/")[0] not in ACTORS:
        raise Invalid(
            f"{rule.path}.actor[{place}].reference", f"must be one of {', '.join(ACTORS)}"
        )
    return _named(target)


def _named(target: str) -> str:
    """As tables name them: an institution by its id, which its staff and its system share."""
    return target.removeprefix("Organization/")


def _what(rule: Rule) -> list[tuple[str, str]]:
    kinds = [_kind(coding, rule, n) for n, coding in enumerate(rule.node.get("class", ()))]
    if "data" not in rule.node:
        return [(kind, "") for kind in kinds or [""]]
    found = [_instance(data, rule, n) for n, data in enumerate(rule.node["data"])]
    return [(kind, id_) for kind, id_ in found if not kinds or kind in kinds]


def _kind(coding: Json, rule: Rule, place: int) -> str:
    kind = str(coding.get("code", ""))
    if coding.get("system", TYPES) != TYPES or kind not in KINDS:
        raise Invalid(f"{rule.path}.class[{place}]", f"must be a served type of {TYPES}")
    return kind


def _instance(data: Json, rule: Rule, place: int) -> tuple[str, str]:
    kind, _, id_ = (reference(data.get("reference", {}).get("reference", "")) or "").partition("/")
    if data.get("meaning") != "instance" or kind not in KINDS or not id_:
        raise Invalid(f"{rule.path}.data[{place}]", "only instances of served types can be denied")
    return kind, id_


def _time(period: Json) -> tuple[int, int]:
    first, last = milliseconds_of(period.get("start", "")), milliseconds_of(period.get("end", ""))
    return first[0] if first else 0, last[1] if last else FOREVER
