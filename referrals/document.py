"""The referral note as a FHIR document: what the receiving doctor reads. Pure mapping.

Sections after the national form (双向转诊单): why, the story in short, and the record behind it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from kernel.workflow import mark as _
from records import build
from referrals.fhir import LOINC, PURPOSE, URI, placer
from referrals.models import Referral
from referrals.workflow import PURPOSES, URGENCIES

Body = dict[str, Any]
Say = Callable[[str], str]

EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
TITLE = _("Referral note")
NOTHING = _("Nothing on record")

# section, LOINC code, title, kinds of resources it shows
RECORD_SECTIONS = (
    ("11450-4", _("Diagnoses on record"), ("Condition",)),
    ("10160-0", _("Medicines in use"), ("MedicationRequest", "MedicationStatement")),
    ("48765-2", _("Allergies on record"), ("AllergyIntolerance",)),
    ("30954-2", _("Findings on record"), ("Observation",)),
)


@dataclass(frozen=True, slots=True)
class Packet:
    """What goes with a referral: resources as they are at the moment of sending.

    ``people`` are the patient, the sender and the sending institution, in that order; ``facts``
    are what the sections show. ``reason`` and ``summary`` are the sender's own words.
    """

    reason: str
    summary: str
    people: Sequence[Body]
    facts: Sequence[Body] = field(default_factory=tuple)


def document(referral: Referral, packet: Packet, *, at: str, base: str, say: Say) -> Body:
    """The document Bundle: the Composition first, then everything that it refers to.

    ``at`` is an instant in ISO 8601, ``base`` the FHIR base without a slash at its end, ``say``
    translates titles.
    """
    note = _composition(referral, packet, at=at, say=say)
    content = [note, *packet.people, *packet.facts]
    return {
        "resourceType": "Bundle",
        "id": referral.document_id,
        "identifier": build.identifier(URI, f"urn:uuid:{referral.document_id}"),
        "type": "document",
        "timestamp": at,
        "entry": [
            {"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each}
            for each in content
        ],
    }


def title_of(resource: Mapping[str, Any]) -> str:
    """The words by which people know a clinical resource: its concept's text or first display."""
    for element in ("code", "medicationCodeableConcept"):
        concept = resource.get(element)
        if concept:
            return _words(concept)
    return str(resource.get("medicationReference", {}).get("display", resource["resourceType"]))


def _composition(referral: Referral, packet: Packet, *, at: str, say: Say) -> Body:
    _patient, author, institution = packet.people
    return {
        "resourceType": "Composition",
        # The note and its document are one thing: they share the number, not the kind.
        "id": referral.document_id,
        "identifier": placer(referral),
        "status": "final",
        "type": {"coding": [build.coding(LOINC, "57133-1", "Referral note")]},
        "subject": {"reference": referral.patient},
        "date": at,
        "author": [_pointer(author)],
        "custodian": _pointer(institution),
        "title": say(TITLE),
        "event": [{"code": [_purpose(referral, say)]}],
        "section": [
            _told("42349-1", say(_("Reason for referral")), _reason(referral, packet, say)),
            _told("10164-2", say(_("Summary of the illness")), packet.summary or say(NOTHING)),
            *(_listed(section, packet.facts, say) for section in RECORD_SECTIONS),
        ],
    }


def _purpose(referral: Referral, say: Say) -> Body:
    words = PURPOSES[referral.purpose]
    return {"coding": [build.coding(PURPOSE, referral.purpose, words)], "text": say(words)}


def _reason(referral: Referral, packet: Packet, say: Say) -> str:
    kind = f"{say(PURPOSES[referral.purpose])} · {say(URGENCIES[referral.urgency])}"
    return f"{kind}\n{packet.reason}"


def _told(code: str, title: str, text: str) -> Body:
    paragraphs = [line for line in text.splitlines() if line.strip()]
    return {
        "title": title,
        "code": {"coding": [build.coding(LOINC, code)]},
        "text": _narrative("p", paragraphs),
    }


def _listed(section: tuple[str, str, tuple[str, ...]], facts: Sequence[Body], say: Say) -> Body:
    code, title, kinds = section
    shown = [fact for fact in facts if fact["resourceType"] in kinds]
    if not shown:
        empty = {"coding": [build.coding(EMPTY, "unavailable", "Unavailable")]}
        return {**_told(code, say(title), say(NOTHING)), "emptyReason": empty}
    return {
        "title": say(title),
        "code": {"coding": [build.coding(LOINC, code)]},
        "text": _narrative("p", [_line(fact) for fact in shown]),
        "entry": [_pointer(fact) for fact in shown],
    }


def _line(fact: Mapping[str, Any]) -> str:
    parts = [title_of(fact), *_measured(fact), *_dosed(fact)]
    when = str(fact.get("effectiveDateTime", fact.get("onsetDateTime", "")))[:10]
    return " ".join(str(part) for part in [*parts, when] if part not in (None, ""))


def _measured(fact: Mapping[str, Any]) -> list[str]:
    """Value and unit; the parts of one measurement (a blood pressure) as 148/88 mmHg."""
    found = [part["valueQuantity"] for part in fact.get("component", []) if "valueQuantity" in part]
    if "valueQuantity" in fact:
        found = [fact["valueQuantity"]]
    if not found:
        return []
    return ["/".join(str(value.get("value", "")) for value in found), str(found[0].get("unit", ""))]


def _dosed(fact: Mapping[str, Any]) -> list[str]:
    return [str(dose["text"]) for dose in fact.get("dosageInstruction", []) if "text" in dose]


def _narrative(tag: str, lines: Sequence[str]) -> Body:
    inside = "".join(f"<{tag}>{escape(line)}</{tag}>" for line in lines)
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>',
    }


def _words(concept: Mapping[str, Any]) -> str:
    codings = concept.get("coding", [])
    displays = [c.get("display") or c.get("code", "") for c in codings]
    return str(concept.get("text") or next(iter(displays), ""))


def _pointer(resource: Mapping[str, Any]) -> Body:
    return build.reference(resource["resourceType"], resource["id"])
