"""Which search parameters put a resource into a compartment (CompartmentDefinition, R4 4.0.1).

A row is ``type: parameters``; through any of them a resource belongs to the patient, or encounter.
"""

from collections.abc import Iterator
from functools import cache

from records.kinds import KINDS
from records.search import parameters
from records.search.parameters import Parameter

Rows = dict[str, tuple[str, ...]]

_PATIENT = """
Account subject
AdverseEvent subject
AllergyIntolerance patient recorder asserter
Appointment actor
AppointmentResponse actor
AuditEvent patient
Basic patient author
BodyStructure patient
CarePlan patient performer
CareTeam patient participant
ChargeItem subject
Claim patient payee
ClaimResponse patient
ClinicalImpression subject
Communication subject sender recipient
CommunicationRequest subject sender recipient requester
Composition subject author attester
Condition patient asserter
Consent patient
Coverage policy-holder subscriber beneficiary payor
CoverageEligibilityRequest patient
CoverageEligibilityResponse patient
DetectedIssue patient
DeviceRequest subject performer
DeviceUseStatement subject
DiagnosticReport subject
DocumentManifest subject author recipient
DocumentReference subject author
Encounter patient
EnrollmentRequest subject
EpisodeOfCare patient
ExplanationOfBenefit patient payee
FamilyMemberHistory patient
Flag patient
Goal patient
Group member
ImagingStudy patient
Immunization patient
ImmunizationEvaluation patient
ImmunizationRecommendation patient
Invoice subject patient recipient
List subject source
MeasureReport patient
Media subject
MedicationAdministration patient performer subject
MedicationDispense subject patient receiver
MedicationRequest subject
MedicationStatement subject
MolecularSequence patient
NutritionOrder patient
Observation subject performer
Patient link
Person patient
Procedure patient performer
Provenance patient
QuestionnaireResponse subject author
RelatedPerson patient
RequestGroup subject participant
ResearchSubject individual
RiskAssessment subject
Schedule actor
ServiceRequest subject performer
Specimen subject
SupplyDelivery patient
SupplyRequest subject
VisionPrescription patient
"""
_ENCOUNTER = """
CarePlan encounter
CareTeam encounter
ChargeItem context
Claim encounter
ClinicalImpression encounter
Communication encounter
CommunicationRequest encounter
Composition encounter
Condition encounter
DeviceRequest encounter
DiagnosticReport encounter
DocumentManifest related-ref
DocumentReference encounter
ExplanationOfBenefit encounter
Media encounter
MedicationAdministration context
MedicationRequest encounter
NutritionOrder encounter
Observation encounter
Procedure encounter
QuestionnaireResponse encounter
RequestGroup encounter
ServiceRequest encounter
VisionPrescription encounter
"""
NOT_OF_CARE = frozenset(
    {
        *("birthdate", "entered-date", "last-date", "location-period", "modified", "payment-date"),
        *("reaction-date", "target-date", "value-date"),
    }
)
"""Dates that do not say when care was given."""


def _rows(text: str) -> Rows:
    lines = (line.split() for line in text.strip().splitlines())
    return {kind: tuple(names) for kind, *names in lines}


TABLE: dict[str, Rows] = {"Patient": _rows(_PATIENT), "Encounter": _rows(_ENCOUNTER)}


def members(owner: str, kind: str) -> list[Parameter]:
    """The parameters of ``kind`` that put it into a compartment of ``owner``; empty for none."""
    known = parameters.of(kind)
    return [known[name] for name in TABLE.get(owner, {}).get(kind, ()) if name in known]


@cache
def member_keys(owner: str) -> tuple[int, ...]:
    """The ``k`` of index rows that name the owner (``Patient``, ``Encounter``) of a compartment."""
    found = (
        parameters.of(kind).get(name) for kind, names in TABLE[owner].items() for name in names
    )
    return _keys(parameter for parameter in found if parameter)


@cache
def reference_keys() -> tuple[int, ...]:
    """The ``k`` of every index row that holds a reference."""
    return _keys(p for p in _all() if p.type == "reference")


@cache
def care_dates() -> tuple[int, ...]:
    """The ``k`` of index rows that say when care was given."""
    return _keys(p for p in _all() if p.type == "date" and p.name not in NOT_OF_CARE)


def _all() -> Iterator[Parameter]:
    for kind in KINDS:
        yield from parameters.of(kind).values()


def _keys(chosen: Iterator[Parameter]) -> tuple[int, ...]:
    return tuple(sorted({slot.key() for parameter in chosen for slot in parameter.slots}))
