"""What the load writes: a patient, an observation, Bundles of them."""

from typing import Any

Json = dict[str, Any]
MRN = "http://hospital.example/mrn"


def bundle(entries: list[Json]) -> Json:
    """A transaction."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def entry(resource: Json) -> Json:
    """An entry that creates ``resource``."""
    return {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


def patient(tag: str) -> Json:
    """A patient whose identifiers and name hold ``tag``."""
    return {
        "resourceType": "Patient",
        "identifier": [
            {"system": "urn:oid:2.16.840.1.113883.4.1", "value": tag},
            {"use": "usual", "system": MRN, "value": f"M-{tag}"},
        ],
        "active": True,
        "name": [{"use": "official", "family": f"Fam{tag}", "given": ["Anna", "Maria"]}],
        "telecom": [
            {"system": "phone", "value": f"+86-{tag}", "use": "mobile"},
            {"system": "email", "value": f"{tag}@example.org"},
        ],
        "gender": "female",
        "birthDate": "1974-12-25",
        "address": [{"use": "home", "line": ["1 Road"], "city": "Shanghai", "country": "CN"}],
        "communication": [
            {
                "language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "zh"}]},
                "preferred": True,
            }
        ],
    }


def observation(subject: str, number: int, *, components: int = 0) -> Json:
    """An observation of ``subject``; large ones have ``components``."""
    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": category, "code": "vital-signs"}]}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "8867-4"}],
            "text": "Heart rate",
        },
        "subject": {"reference": subject},
        "effectiveDateTime": f"2024-05-{number % 28 + 1:02d}T10:00:00Z",
        "issued": "2024-05-02T10:05:00.000Z",
        "valueQuantity": _rate(60 + number),
        **({"component": [_component(n) for n in range(components)]} if components else {}),
    }


def _rate(value: int) -> Json:
    unit = {"unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}
    return {"value": value, **unit}


def _component(number: int) -> Json:
    code = {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}
    return {"code": {"coding": [code]}, "valueQuantity": _rate(60 + number)}


def encounter(subject: str, number: int) -> Json:
    """An encounter of ``subject``."""
    ambulatory = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    checkup = {"system": "http://snomed.info/sct", "code": "185349003", "display": "Check-up"}
    day = f"2024-05-{number % 28 + 1:02d}"
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": ambulatory,
        "type": [{"coding": [checkup], "text": "Check-up"}],
        "subject": {"reference": subject},
        "period": {"start": f"{day}T09:00:00Z", "end": f"{day}T09:30:00Z"},
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">' + "A check-up. " * 150 + "</div>",
        },
    }


CODES = tuple(f"{number}-{number % 10}" for number in range(8860, 8880))


def filled_patient(number: int) -> Json:
    """One of many patients, under an id of its own and with a name that nobody shares."""
    return patient(f"fill-{number}") | {
        "id": f"p{number}",
        "name": [{"family": family(number), "given": ["Anna"]}],
    }


def family(number: int) -> str:
    """A family name of seven letters; no name begins another."""
    return "".join(chr(97 + number // 26**place % 26) for place in range(7))


def filled_observation(subject: str, number: int) -> Json:
    """One of many observations of a patient: twenty codes, five years."""
    coding = [{"system": "http://loinc.org", "code": CODES[number % len(CODES)]}]
    day = f"{2019 + number // 100}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    return observation(subject, number) | {
        "code": {"coding": coding, "text": "A measurement"},
        "effectiveDateTime": f"{day}T10:00:00Z",
    }
