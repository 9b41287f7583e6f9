"""The resource types that are served: adding one is one row (docs/decisions/0004).

A row is ``(type, where its patient is)``: the element whose first reference to a Patient puts the
resource into that patient's compartment (FHIR R4 §2.4, CompartmentDefinition "patient"), or empty
where there is none.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One served type; ``patient`` is a tuple of paths, tried in order, to a reference."""

    name: str
    patient: tuple[str, ...]


PUBLIC = frozenset(
    [
        "Organization",
        "OrganizationAffiliation",
        "Practitioner",
        "PractitionerRole",
        "Location",
        "HealthcareService",
        "Slot",
        "Schedule",
    ]
)

_ROWS = """
Account                   subject
AllergyIntolerance        patient
Appointment               participant.actor
AuditEvent                agent.who entity.what
Binary                    securityContext
Bundle
CarePlan                  subject
CareTeam                  subject
ChargeItem                subject
Claim                     patient
Communication             subject
Composition               subject
Condition                 subject
Consent                   patient
Coverage                  beneficiary
Device                    patient
DiagnosticReport          subject
DocumentReference         subject
Encounter                 subject
ExplanationOfBenefit      patient
Flag                      subject
Goal                      subject
HealthcareService
ImagingStudy              subject
Immunization              patient
Invoice                   subject recipient
List                      subject
Location
Media                     subject
Medication
MedicationAdministration  subject
MedicationRequest         subject
MedicationStatement       subject
Observation               subject
Organization
OrganizationAffiliation
Patient
PaymentNotice
Practitioner
PractitionerRole
Procedure                 subject
Provenance                target
QuestionnaireResponse     subject
RelatedPerson             patient
Schedule
ServiceRequest            subject
Slot
SupplyDelivery            patient
Task                      for
"""


def _kind(row: str) -> Kind:
    name, *paths = row.split()
    return Kind(name, tuple(paths))


KINDS = {kind.name: kind for kind in map(_kind, _ROWS.strip().splitlines())}
