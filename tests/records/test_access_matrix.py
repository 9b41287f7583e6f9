"""What is hidden might as well not exist: two worlds, the same requests, the same answers.

Each world holds what its viewer may see. One of each pair holds more: resources that the viewer may
not see, in one of six ways. Whatever is asked, by whichever door, the answers are equal.
"""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction

from kernel.clock import now
from kernel.principal import SYSTEM, Principal
from records import access, store
from records.access import milliseconds
from records.export import picks
from records.export.wish import Wish
from tests.records.cast import DR_LIN, NORTH, SOUTH, observation, partner, patient, task

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
NURSE = Principal("Practitioner/wu", institution=NORTH, roles=frozenset({"nurse"}))
MRN = "http://hospital.example/mrn"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
TYPES = ("Patient", "Observation", "Task", "Composition", "Appointment", "List", "Encounter")


def person(id_, family, number):
    return patient(
        id=id_,
        identifier=[{"system": MRN, "value": number}],
        name=[{"family": family, "given": ["Anna"], "text": f"{family} Anna"}],
        birthDate="1950-01-01" if id_ == "hidden" else "1974-12-25",
    )


def finding(id_, subject, code, category, **more):
    kind = [{"coding": [{"system": CATEGORY, "code": category}]}]
    return observation(subject, id=id_, code=code, category=kind, **more)


def written(body, house):
    store.update(body["resourceType"], body["id"], body, by=SYSTEM, institution=house)


def show(house):
    """What every viewer sees: it names what may be hidden."""
    written(person("seen", "Offen", "S-1"), house)
    member = [{"reference": "Observation/hidden-1"}]
    written(finding("seen-1", "Patient/seen", "8867-4", "laboratory", hasMember=member), house)
    written(finding("seen-2", "Patient/seen", "8867-4", "laboratory", value=90), house)
    written(
        task(
            id="seen", **{"for": {"reference": "Patient/seen"}}, focus={"reference": "List/hidden"}
        ),
        house,
    )
    written(
        {
            "resourceType": "Composition",
            "id": "seen",
            "status": "final",
            "type": {"text": "note"},
            "subject": {"reference": "Patient/seen"},
            "date": "2024-05-01",
            "author": [{"reference": "Practitioner/lin"}],
            "title": "Note",
            "section": [{"title": "x", "entry": [{"reference": "Observation/hidden-1"}]}],
        },
        house,
    )


def hide_directory():
    """What another partner wrote of the public types."""
    by = partner(organization="strangers")
    codes = {
        "resourceType": "CodeSystem",
        "id": "hidden-codes",
        "url": "urn:secret:codes",
        "status": "active",
        "content": "complete",
        "concept": [{"code": "secret", "display": "Geheim"}],
    }
    include = [{"system": "http://loinc.org", "concept": [{"code": "8867-4"}]}]
    values = {
        "resourceType": "ValueSet",
        "id": "hidden-values",
        "url": "urn:secret:values",
        "status": "active",
        "compose": {"include": include},
    }
    house = {"resourceType": "Organization", "id": "hidden-house", "name": "Geheim"}
    for body in (codes, values, house):
        store.update(body["resourceType"], body["id"], body, by=by)


def hide(house, subject):
    """What is hidden, about ``subject``."""
    hide_directory()
    of = [{"reference": "Observation/seen-1"}]
    written(finding("hidden-1", subject, "secret", "vital-signs", value=7, hasMember=of), house)
    written(finding("hidden-2", subject, "8867-4", "vital-signs"), house)
    written(finding("hidden-2", subject, "secret", "vital-signs"), house)


def hide_patient(house):
    written(person("hidden", "Geheim", "H-1"), house)
    hide(house, "Patient/hidden")
    written(task(id="hidden", **{"for": {"reference": "Patient/hidden"}}), house)
    written(
        {
            "resourceType": "List",
            "id": "hidden",
            "status": "current",
            "mode": "working",
            "subject": {"reference": "Patient/hidden"},
            "entry": [{"item": {"reference": "Observation/seen-1"}}],
        },
        house,
    )
    people = [
        {"actor": {"reference": f"Patient/{id_}"}, "status": "accepted"}
        for id_ in ("seen", "hidden")
    ]
    written(
        {"resourceType": "Appointment", "id": "both", "status": "proposed", "participant": people},
        house,
    )


def other_institution(hidden):
    show(NORTH)
    if hidden:
        hide_patient(SOUTH)
        written(finding("hidden-3", "Patient/seen", "secret", "vital-signs"), SOUTH)
    return DR_LIN


def granted(hidden, end):
    show(NORTH)
    by = partner()
    access.grant(to=by.institution, patient="Patient/seen", why="visit")
    if hidden:
        hide_patient(NORTH)
        end(by)
    return by


def revoked_grant(hidden):
    def end(by):
        access.grant(to=by.institution, patient="Patient/hidden", why="old")
        access.grant(to=by.reference, resources=["Observation/hidden-1"], why="old")
        access.revoke(to=by.institution, why="old")
        access.revoke(to=by.reference, why="old")

    return granted(hidden, end)


def expired_grant(hidden):
    def end(by):
        over = now() - timedelta(seconds=5)
        access.grant(to=by.institution, patient="Patient/hidden", why="old", until=over)
        access.grant(to=by.reference, resources=["Observation/hidden-1"], why="old", until=over)

    return granted(hidden, end)


def denied_by_consent(hidden):
    show(NORTH)
    if hidden:
        hide_patient(NORTH)
        role = {"coding": [{"code": "PRCP"}]}
        actor = [{"role": role, "reference": {"reference": NURSE.reference}}]
        consent = {
            "resourceType": "Consent",
            "id": "no",
            "status": "active",
            "scope": {"coding": [{"code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": {"reference": "Patient/hidden"},
            "policyRule": {"text": "privacy"},
            "provision": {"type": "deny", "actor": actor},
        }
        written(consent, NORTH)
    return NURSE


def scoped(hidden, *scopes):
    show(NORTH)
    by = partner(*scopes)
    access.grant(to=by.institution, patient="Patient/seen", why="visit")
    if hidden:
        hide(NORTH, "Patient/seen")
    return by


def scope_of_other_types(hidden):
    return scoped(hidden, "system/Patient.cruds", "system/Task.cruds", "system/Composition.rs")


def scope_with_a_filter(hidden):
    only = f"category={CATEGORY}|laboratory"
    return scoped(
        hidden,
        f"system/Observation.cruds?{only}",
        *(f"system/{kind}.cruds" for kind in TYPES if kind != "Observation"),
    )


WORLDS = [
    other_institution,
    revoked_grant,
    expired_grant,
    denied_by_consent,
    scope_of_other_types,
    scope_with_a_filter,
]
HIDDEN = (
    *("Patient/hidden", "Observation/hidden-1", "Observation/hidden-2", "Observation/hidden-3"),
    *("Task/hidden", "List/hidden", "Appointment/both", "Consent/no"),
    *("CodeSystem/hidden-codes", "ValueSet/hidden-values", "Organization/hidden-house"),
)
READS = [
    f"{name}{rest}"
    for name in HIDDEN
    for rest in ("", "/_history", "/_history/1", "/_history/2", "?_summary=true", "/$meta")
]
HISTORIES = [
    f"{place}_history{rest}"
    for place in ("", "Patient/", "Observation/", "Task/", "List/")
    for rest in ("", "?_since=2000-01-01T00:00:00Z", "?_at=2030", "?_count=1")
]
SEARCHES = [
    *(f"{kind}?_total=accurate" for kind in TYPES),
    *(f"{kind}?_summary=count" for kind in TYPES),
    "Patient?_id=hidden",
    "Patient?_id=hidden,seen",
    "Patient?_id:not=seen",
    "Observation?_id=hidden-1,hidden-2,seen-1",
    "Patient?name=geheim",
    "Patient?name:exact=Geheim",
    "Patient?name:contains=ehei",
    "Patient?family=Geheim,Offen",
    "Patient?name:missing=false",
    f"Patient?identifier={MRN}|H-1",
    "Patient?identifier:of-type=|MR|H-1",
    "Patient?identifier:not=S-1",
    "Patient?gender:not=male",
    "Patient?birthdate=lt1960",
    "Patient?birthdate:missing=true",
    "Patient?_lastUpdated=gt2000-01-01",
    "Patient?_sort=family",
    "Patient?_sort=-birthdate,_id",
    "Patient?_sort=_lastUpdated&_count=1",
    "Patient?_count=1",
    "Observation?_count=1&_sort=-code",
    "Observation?code=secret",
    "Observation?code:not=8867-4",
    "Observation?code:text=heart",
    "Observation?code:missing=false&_summary=count",
    "Observation?value-quantity=lt10",
    "Observation?code-value-quantity=secret$lt10",
    "Observation?date=2024-05",
    "Observation?subject=Patient/hidden",
    "Observation?patient=hidden",
    "Observation?subject:missing=false",
    "Observation?subject:Patient=seen",
    "Observation?has-member=Observation/hidden-1",
    "Patient/seen/Observation",
    "Patient/hidden/Observation",
    "Observation?_include=Observation:subject",
    "Observation?_include=Observation:has-member",
    "Observation?_include=Observation:*",
    "Observation?_include:iterate=Observation:has-member&_include:iterate=Observation:subject",
    "Task?_include=Task:focus&_include:iterate=List:item",
    "Patient?_revinclude=Observation:subject",
    "Patient?_revinclude=Observation:patient&_revinclude:iterate=Observation:has-member",
    "Patient?_revinclude=Appointment:patient",
    "Observation?_revinclude=List:item&_revinclude:iterate=Task:focus",
    "Observation?_revinclude=Composition:entry",
    "Observation?subject:Patient.name=geheim",
    "Observation?patient.identifier=H-1",
    "Observation?has-member:Observation.code=secret",
    "Observation?has-member:Observation.code:not=secret",
    "Task?focus:List.item:Observation.code=8867-4",
    "Composition?entry:Observation.code=secret",
    "Patient?_has:Observation:subject:code=secret",
    "Patient?_has:Observation:patient:value-quantity=lt10",
    "Patient?_has:Appointment:patient:status=proposed",
    "Patient?_has:Observation:subject:_has:List:item:status=current",
    "Observation?_has:Observation:has-member:code=secret",
    "Observation?_has:List:item:subject:Patient.name=geheim",
    "Appointment?patient=seen",
    "?_type=Patient,Observation",
    "Patient/seen/$everything",
    "Patient/seen/$everything?_count=1",
    "Patient/hidden/$everything",
    "Patient/seen/$everything?_type=Observation",
    "Composition/seen/$document",
    "Patient/$everything",
    "AuditEvent",
    "Organization?name=geheim",
    "CodeSystem?url=urn:secret:codes",
    "CodeSystem/$lookup?system=urn:secret:codes&code=secret",
    "CodeSystem/$validate-code?url=urn:secret:codes&code=secret",
    "CodeSystem/$subsumes?system=urn:secret:codes&codeA=secret&codeB=secret",
    "ValueSet/$expand?url=urn:secret:values",
    "ValueSet/hidden-values/$expand",
    "ValueSet/$validate-code?url=urn:secret:values&code=8867-4&system=http://loinc.org",
    "Observation?code:in=urn:secret:values",
    "Observation?code:not-in=urn:secret:values",
    "Observation?code:below=urn:secret:codes|secret",
    "Patient/hidden/$validate",
    "Patient/hidden/$validate?mode=delete",
    "Patient?_text=geheim",
    "Patient?_list=hidden",
    "Patient?_filter=name eq geheim",
    "Observation?_has:Provenance:target:agent=Practitioner/x",
]
KNOWS = {"If_None_Exist": f"identifier={MRN}|H-1"}
PATCH = "application/json-patch+json"
CHANGE = '[{"op": "replace", "path": "/gender", "value": "male"}]'


def entries(*rows, type_="transaction"):
    made = []
    for method, url, body, *more in rows:
        request = {"method": method, "url": url} | (more[0] if more else {})
        made.append({"request": request} | ({"resource": body} if body else {}))
    return {"resourceType": "Bundle", "type": type_, "entry": made}


def writes():
    """Method, address, body, media type, headers."""
    new, fhir = person("x", "Geheim", "H-1"), "application/fhir+json"
    del new["id"]
    condition = f"Patient?identifier={MRN}|H-1"
    lab = finding("x", f"{condition}", "8867-4", "laboratory")
    of_hidden = finding("x", "Patient/hidden", "8867-4", "laboratory")
    of_nobody = finding("x", "Patient/nobody", "8867-4", "laboratory")
    asked = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": new}]}
    reads = [("GET", name, None) for name in HIDDEN]
    finds = [("GET", name, None) for name in ("Patient", "Observation?code=secret", "Task")]
    yield "POST", "Patient", new, fhir, KNOWS
    yield "PUT", condition, new, fhir, {}
    yield "PATCH", condition, CHANGE, PATCH, {}
    yield "PATCH", "Patient/hidden", CHANGE, PATCH, {}
    yield "DELETE", condition, None, fhir, {}
    yield "DELETE", "Observation?code=secret", None, fhir, {}
    for name in HIDDEN:
        body = {"resourceType": name.partition("/")[0], "id": name.partition("/")[2]}
        yield "PUT", name, person("hidden", "x", "1") | body, fhir, {"If_Match": 'W/"1"'}
        yield "PATCH", name, CHANGE, PATCH, {"If_Match": 'W/"1"'}
        yield "DELETE", name, None, fhir, {}
        yield "DELETE", name, None, fhir, {"If_Match": 'W/"1"'}
    yield "POST", "Observation", of_hidden, fhir, {}
    yield "POST", "Observation", of_nobody, fhir, {}
    yield "POST", "Patient/$match", asked, fhir, {}
    tag = {"system": "urn:x", "code": "y"}
    meta = [{"name": "meta", "valueMeta": {"tag": [tag]}}]
    yield "POST", "Patient/hidden/$meta-add", asked | {"parameter": meta}, fhir, {}
    yield "POST", "Patient/hidden/$validate", new, fhir, {}
    yield "POST", "Patient/hidden/$validate?mode=update", new | {"id": "hidden"}, fhir, {}
    yield "POST", "Patient/_search", "name=geheim", "application/x-www-form-urlencoded", {}
    yield "POST", "", entries(*reads, *finds, type_="batch"), fhir, {}
    yield "POST", "", entries(reads[0]), fhir, {}
    yield "POST", "", entries(("POST", "Observation", lab)), fhir, {}
    yield "POST", "", entries(("POST", "Observation", of_hidden)), fhir, {}
    known = {"ifNoneExist": f"identifier={MRN}|H-1"}
    yield "POST", "", entries(("POST", "Patient", new, known)), fhir, {}
    yield "POST", "", entries(("PUT", condition, new)), fhir, {}
    yield "POST", "", entries(("DELETE", condition, None)), fhir, {}
    yield "POST", "", entries(("DELETE", "Patient/hidden", None)), fhir, {}


ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
CURSOR = re.compile(r'_cursor=[^"&\\]+')


def plain(text):
    """Without what differs between any two moments."""
    return CURSOR.sub("", MOMENT.sub("", ID.sub("", text)))


@contextmanager
def undone():
    """What is written inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def pages(api, path, by):
    """The answers to a question and to the links that lead on."""
    found = []
    while path and len(found) < 12:
        answer = api.get(path, by=by)
        tag = answer.headers.get("ETag", "")
        found.append((answer.status, tag, plain(answer.text)))
        links = answer.body.get("link", []) if isinstance(answer.body, dict) else []
        path = next((x["url"] for x in links if x["relation"] == "next"), None)
    return found


def exported(by):
    wish = Wish(level="system")
    moment = milliseconds() + 1000
    return [
        [line.id for line in picks.contents(list(chosen), kind=kind, by=by)]
        for kind in TYPES
        if (chosen := list(picks.picked(kind, wish, at_ms=moment, by=by)))
    ]


def answers(api, world, *, hidden):
    """Every answer by its question, in a world of its own."""
    found = {}
    with undone():
        by = world(hidden)
        for path in (*READS, *HISTORIES, *SEARCHES):
            found[path] = pages(api, path, by)
        for number, (method, path, body, kind, headers) in enumerate(writes()):
            with undone():
                answer = api.send(method, path, body, kind=kind, by=by, **headers)
                place = plain(answer.headers.get("Location", ""))
                told = (answer.status, place, plain(answer.text))
                found[f"{number} {method} {path}"] = told
        found["export"] = exported(by)
    return found


@pytest.mark.parametrize("world", WORLDS)
def test_what_is_hidden_might_as_well_not_exist(api, world):
    with_it = answers(api, world, hidden=True)
    without = answers(api, world, hidden=False)
    assert {path for path in with_it if with_it[path] != without[path]} == set()


@pytest.mark.parametrize("world", WORLDS)
def test_the_matrix_asks_of_worlds_in_which_there_is_something(api, world):
    found = answers(api, world, hidden=True)
    assert found["Patient?_id=hidden,seen"][0][0] == 200
    assert '"id":"seen"' in found["Patient?_id=hidden,seen"][0][2]
    assert found["export"]


@pytest.mark.parametrize("world", WORLDS[:4])
def test_the_service_itself_sees_what_is_hidden(api, world):
    with undone():
        world(True)
        for name in ("Patient/hidden", "Observation/hidden-1"):
            assert api.get(name, by=SYSTEM).status == 200
        assert "hidden" in api.get("Observation?subject:Patient.name=geheim", by=SYSTEM).text
