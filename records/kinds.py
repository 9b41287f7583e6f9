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


DIRECTORY = frozenset(
    [
        "Endpoint",
        "HealthcareService",
        "Location",
        "Organization",
        "OrganizationAffiliation",
        "Practitioner",
        "PractitionerRole",
        "Schedule",
        "Slot",
    ]
)
"""Who and what there is in the consortium."""
DEFINITIONS = frozenset(
    [
        "ActivityDefinition",
        "CapabilityStatement",
        "ChargeItemDefinition",
        "CodeSystem",
        "CompartmentDefinition",
        "ConceptMap",
        "EventDefinition",
        "ExampleScenario",
        "GraphDefinition",
        "ImplementationGuide",
        "Library",
        "Measure",
        "MedicationKnowledge",
        "MessageDefinition",
        "NamingSystem",
        "OperationDefinition",
        "PlanDefinition",
        "Questionnaire",
        "ResearchDefinition",
        "ResearchElementDefinition",
        "SearchParameter",
        "SpecimenDefinition",
        "StructureDefinition",
        "StructureMap",
        "TerminologyCapabilities",
        "TestScript",
        "ValueSet",
    ]
)
"""Knowledge: it speaks of no person."""
PUBLIC = DIRECTORY | DEFINITIONS
"""What every principal sees."""

_ROWS = """
Account                     subject
ActivityDefinition
AdverseEvent                subject
AllergyIntolerance          patient
Appointment                 participant.actor
AppointmentResponse         actor
AuditEvent                  agent.who entity.what
Basic                       subject
Binary                      securityContext
BiologicallyDerivedProduct
BodyStructure               patient
Bundle
CapabilityStatement
CarePlan                    subject
CareTeam                    subject
ChargeItem                  subject
ChargeItemDefinition
Claim                       patient
ClaimResponse               patient
ClinicalImpression          subject
CodeSystem
Communication               subject
CommunicationRequest        subject
CompartmentDefinition
Composition                 subject
ConceptMap
Condition                   subject
Consent                     patient
Contract                    subject
Coverage                    beneficiary
CoverageEligibilityRequest  patient
CoverageEligibilityResponse patient
DetectedIssue               patient
Device                      patient
DeviceMetric
DeviceRequest               subject
DeviceUseStatement          subject
DiagnosticReport            subject
DocumentManifest            subject
DocumentReference           subject
Encounter                   subject
Endpoint
EnrollmentRequest           candidate
EnrollmentResponse
EpisodeOfCare               patient
EventDefinition
ExampleScenario
ExplanationOfBenefit        patient
FamilyMemberHistory         patient
Flag                        subject
Goal                        subject
GraphDefinition
Group                       member.entity
GuidanceResponse            subject
HealthcareService
ImagingStudy                subject
Immunization                patient
ImmunizationEvaluation      patient
ImmunizationRecommendation  patient
ImplementationGuide
InsurancePlan
Invoice                     subject recipient
Library
Linkage
List                        subject
Location
Measure
MeasureReport               subject
Media                       subject
Medication
MedicationAdministration    subject
MedicationDispense          subject
MedicationKnowledge
MedicationRequest           subject
MedicationStatement         subject
MessageDefinition
MessageHeader
MolecularSequence           patient
NamingSystem
NutritionOrder              patient
Observation                 subject
OperationDefinition
OperationOutcome
Organization
OrganizationAffiliation
Parameters
Patient
PaymentNotice
PaymentReconciliation
Person                      link.target
PlanDefinition
Practitioner
PractitionerRole
Procedure                   subject
Provenance                  target
Questionnaire
QuestionnaireResponse       subject
RelatedPerson               patient
RequestGroup                subject
ResearchDefinition
ResearchElementDefinition
ResearchSubject             individual
RiskAssessment              subject
Schedule
SearchParameter
ServiceRequest              subject
Slot
Specimen                    subject
SpecimenDefinition
StructureDefinition
StructureMap
Subscription
Substance
SupplyDelivery              patient
SupplyRequest               deliverTo
Task                        for
TerminologyCapabilities
TestReport
TestScript
ValueSet
VerificationResult          target
VisionPrescription          patient
"""


def _kind(row: str) -> Kind:
    name, *paths = row.split()
    return Kind(name, tuple(paths))


KINDS = {kind.name: kind for kind in map(_kind, _ROWS.strip().splitlines())}
