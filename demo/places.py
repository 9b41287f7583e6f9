"""The demo's consortium: invented, as it could stand in the north of Jing'an."""

from dataclasses import dataclass
from typing import Any

from accounts.models import Department, Institution
from demo.numbers import credit_code
from kernel.principal import SYSTEM
from records import build, store

Json = dict[str, Any]
ORGANIZATION_TYPE = "http://terminology.hl7.org/CodeSystem/organization-type"
LOCATION_TYPE = "http://terminology.hl7.org/CodeSystem/location-physical-type"
CODE = "urn:oid:2.16.156.10011.1.5"
CONSORTIUM = "beibu"


@dataclass(frozen=True, slots=True)
class Place:
    """An institution with what it offers; ``services`` are names of HealthcareServices."""

    id: str
    kind: str
    name: str
    name_en: str
    address: str
    departments: tuple[str, ...]
    services: tuple[str, ...] = ()


PLACES = (
    Place(
        "yunling",
        "chc",
        "云岭社区卫生服务中心",
        "Yunling Community Health Centre",
        "静安区云岭路 188 号",
        ("全科", "护理", "药房", "收费", "办公室"),
        ("视频复诊", "家庭医生签约", "家庭病床"),
    ),
    Place(
        "beibu-centre",
        "medical-centre",
        "北部医疗中心",
        "Northern Medical Centre",
        "静安区彭江东路 66 号",
        ("心内科", "肾内科", "神经内科", "急诊"),
        ("心内科门诊", "肾内科门诊", "神经内科病房", "远程会诊"),
    ),
    Place(
        "beibu-rehab",
        "rehabilitation",
        "北部康复医院",
        "Northern Rehabilitation Hospital",
        "静安区汾溪路 9 号",
        ("神经康复", "骨科康复"),
        ("神经康复病房",),
    ),
    Place(
        "pengyue",
        "nursing-home",
        "彭越护理院",
        "Pengyue Nursing Home",
        "静安区越秀里 21 号",
        ("护理部",),
        ("长期照护",),
    ),
    Place(
        CONSORTIUM,
        "consortium",
        "北部医共体",
        "Northern Medical Consortium",
        "静安区彭江东路 66 号",
        ("办公室",),
    ),
)


def seed_places() -> dict[str, Institution]:
    """Write the institutions and their FHIR resources; return the institutions by public id."""
    found = {place.id: _institution(place, serial) for serial, place in enumerate(PLACES, 1)}
    for place in PLACES:
        for kind, id_, body in _resources(place, found[place.id]):
            store.update(kind, id_, body, by=SYSTEM, institution=place.id)
    return found


def _institution(place: Place, serial: int) -> Institution:
    institution = Institution.objects.create(
        public_id=place.id,
        kind=place.kind,
        name=place.name,
        name_en=place.name_en,
        code=credit_code(serial),
        address=place.address,
    )
    for number, name in enumerate(place.departments, 1):
        Department.objects.create(institution=institution, code=f"{number:02d}", name=name)
    return institution


def _resources(place: Place, institution: Institution) -> list[tuple[str, str, Json]]:
    us = build.reference("Organization", place.id, place.name)
    site = build.reference("Location", place.id, place.name)
    offered = [
        ("HealthcareService", f"{place.id}-{number}", _service(name, us, site))
        for number, name in enumerate(place.services, 1)
    ]
    member = [] if place.id == CONSORTIUM else [_member(place, us)]
    return [
        ("Organization", place.id, organization(place.name, place.name_en, institution.code)),
        ("Location", place.id, _location(place, us)),
        *offered,
        *member,
    ]


def organization(name: str, name_en: str, code: str) -> Json:
    """An Organization that treats people."""
    return {
        "resourceType": "Organization",
        "identifier": [build.identifier(CODE, code, use="official")],
        "active": True,
        "type": [build.codeable(ORGANIZATION_TYPE, "prov", "Healthcare Provider")],
        "name": name,
        "alias": [name_en],
    }


def _location(place: Place, us: Json) -> Json:
    return {
        "resourceType": "Location",
        "status": "active",
        "name": place.name,
        "mode": "instance",
        "physicalType": build.codeable(LOCATION_TYPE, "si", "Site"),
        "address": {"text": f"上海市{place.address}", "city": "上海市", "district": "静安区"},
        "managingOrganization": us,
    }


def _service(name: str, us: Json, site: Json) -> Json:
    return {
        "resourceType": "HealthcareService",
        "active": True,
        "providedBy": us,
        "name": name,
        "location": [site],
    }


def _member(place: Place, us: Json) -> tuple[str, str, Json]:
    body = {
        "resourceType": "OrganizationAffiliation",
        "active": True,
        "organization": build.reference("Organization", CONSORTIUM, PLACES[-1].name),
        "participatingOrganization": us,
    }
    return "OrganizationAffiliation", f"{CONSORTIUM}-{place.id}", body
