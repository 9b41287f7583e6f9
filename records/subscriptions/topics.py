"""The topics that are offered: adding one is one row.

R4 has no SubscriptionTopic; a topic is its canonical address, listed in the CapabilityStatement.
"""

from dataclasses import dataclass
from typing import Any

BASE = "urn:tongzhen:subscription-topic:"
GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport"
LISTED = f"{GUIDE}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
PROFILE = f"{GUIDE}/StructureDefinition/backport-subscription"
ANY_CHANGE = "create update delete"


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of event: which ``interactions`` with which type, and what it may be filtered by."""

    url: str
    kind: str
    interactions: frozenset[str]
    filters: frozenset[str]


_ROWS = f"""
task-changed               | Task              | {ANY_CHANGE} | owner requester status business-status code focus patient
service-request-changed    | ServiceRequest    | {ANY_CHANGE} | patient subject requester performer status intent code
appointment-changed        | Appointment       | {ANY_CHANGE} | patient practitioner location actor status date
slot-changed               | Slot              | {ANY_CHANGE} | schedule status start
encounter-changed          | Encounter         | {ANY_CHANGE} | patient subject status class service-provider
patient-record-changed     | Patient           | {ANY_CHANGE} | identifier organization general-practitioner
consent-changed            | Consent           | {ANY_CHANGE} | patient status category
document-created           | DocumentReference | create       | patient subject type category status
observation-created        | Observation       | create       | patient subject code category status
condition-changed          | Condition         | {ANY_CHANGE} | patient subject code category clinical-status
diagnostic-report-changed  | DiagnosticReport  | {ANY_CHANGE} | patient subject code category status
medication-request-changed | MedicationRequest | {ANY_CHANGE} | patient subject status intent
communication-created      | Communication     | create       | patient subject recipient sender status
"""  # noqa: E501  a table


def _topic(row: str) -> Topic:
    code, kind, interactions, filters = (part.strip() for part in row.split("|"))
    return Topic(
        BASE + code, kind, frozenset(interactions.split()), frozenset(["_id", *filters.split()])
    )


TOPICS = {topic.url: topic for topic in map(_topic, _ROWS.strip().splitlines())}


def capability() -> dict[str, Any]:
    """What the CapabilityStatement says of topics, in its entry for Subscription."""
    return {
        "extension": [{"url": LISTED, "valueCanonical": url} for url in TOPICS],
        "supportedProfile": [PROFILE],
    }
