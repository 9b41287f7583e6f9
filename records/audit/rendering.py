"""A row of the trail as FHIR's AuditEvent (R4). Pure: no database."""

import re
from datetime import UTC, datetime
from typing import Any

from records.models import AuditRow

Json = dict[str, Any]
ID = re.compile(r"trail-(\d{1,18})", re.ASCII)
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
REST = {
    "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
    "code": "rest",
    "display": "RESTful Operation",
}
OTHER = {
    "start": {"system": DICOM, "code": "110100", "display": "Application Activity"},
    "console": {"system": DICOM, "code": "110110", "display": "Patient Record"},
    "notification": {"system": DICOM, "code": "110106", "display": "Export"},
    "break-glass": {"system": DICOM, "code": "110113", "display": "Security Alert"},
}
"""What of the trail does not come through the REST API."""
INTERACTION = "http://hl7.org/fhir/restful-interaction"
EMERGENCY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG"}
PERSON = {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1"}
PATIENT = {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1"}
TYPES = "http://hl7.org/fhir/resource-types"
OBSERVER = "Device/tongzhen"


def audit_event(row: AuditRow) -> Json:
    """The AuditEvent of a row."""
    moment = datetime.fromtimestamp(row.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    said = moment.replace("+00:00", "Z")
    event: Json = {
        "resourceType": "AuditEvent",
        "id": f"trail-{row.pk}",
        "meta": {"versionId": "1", "lastUpdated": said},
        "type": OTHER.get(row.interaction, REST),
        "subtype": _subtypes(row.interaction),
        "action": row.action,
        "recorded": said,
        "outcome": "0" if row.status < 400 else "4" if row.status < 500 else "8",
        "outcomeDesc": f"HTTP {row.status}",
        "agent": _agents(row),
        "source": {"observer": {"reference": OBSERVER}},
    }
    if row.why:
        event["purposeOfEvent"] = [{"coding": [EMERGENCY], "text": row.why}]
    if entities := _entities(row):
        event["entity"] = entities
    return event


def _subtypes(interaction: str) -> list[Json]:
    if interaction in OTHER:
        return [{"code": interaction}]
    if interaction.startswith("$"):
        return [{"system": INTERACTION, "code": "operation"}, {"code": interaction}]
    return [{"system": INTERACTION, "code": interaction}]


def _agents(row: AuditRow) -> list[Json]:
    if not row.who:
        return [{"who": {"reference": OBSERVER}, "requestor": False}]
    actor: Json = {"who": {"reference": row.who}, "requestor": True}
    if row.client:
        actor["name"] = row.client
    if row.role:
        actor["role"] = [{"text": role} for role in row.role.split(",")]
    house = f"Organization/{row.institution}"
    if not row.institution or house == row.who:
        return [actor]
    return [actor, {"who": {"reference": house}, "requestor": False}]


def _entities(row: AuditRow) -> list[Json]:
    found: list[Json] = []
    if row.kind:
        entity: Json = {"type": {"system": TYPES, "code": row.kind}}
        if row.logical_id:
            version = f"/_history/{row.version}" if row.version else ""
            entity["what"] = {"reference": f"{row.kind}/{row.logical_id}{version}"}
        found.append(entity)
    if row.patient and (row.kind, row.logical_id) != ("Patient", row.patient):
        what = {"reference": f"Patient/{row.patient}"}
        found.append({"what": what, "type": PERSON, "role": PATIENT})
    details = [("parameters", row.asked), ("results", row.found), ("request", row.request)]
    told = [{"type": name, "valueString": str(v)} for name, v in details if v not in ("", None)]
    if told:
        if not found:
            found.append({})
        found[0]["detail"] = told
    return found
