"""Who acts in these tests, and what they write."""

from kernel.principal import Principal

NORTH, SOUTH = "north-chc", "south-hospital"
DR_LIN = Principal("Practitioner/lin", institution=NORTH, roles=frozenset({"doctor"}), name="Lin")
DR_SUN = Principal("Practitioner/sun", institution=SOUTH, roles=frozenset({"doctor"}), name="Sun")
MR_ZHAO = Principal("Patient/zhao", roles=frozenset({"patient"}), name="Zhao")
MS_QIAN = Principal("Patient/qian", roles=frozenset({"patient"}), name="Qian")


def partner(*scopes, organization="partner-hospital"):
    return Principal(
        f"Organization/{organization}",
        institution=organization,
        roles=frozenset({"partner"}),
        scopes=frozenset(scopes or {"system/*.cruds"}),
    )


def patient(**more):
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "http://hospital.example/mrn", "value": "M-1"}],
        "name": [
            {"use": "official", "family": "Zhào", "given": ["Anna", "Maria"], "text": "赵安娜"}
        ],
        "telecom": [{"system": "phone", "value": "13800000000"}],
        "gender": "female",
        "birthDate": "1974-12-25",
    } | more


def observation(subject="Patient/zhao", value=72, at="2024-05-01T10:00:00Z", code="8867-4", **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": "Heart rate"},
        "subject": {"reference": subject},
        "effectiveDateTime": at,
        "valueQuantity": {
            "value": value,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    } | more


def task(**more):
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"reference": "Patient/zhao"},
    } | more
