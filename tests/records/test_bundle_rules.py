"""Transactions by R4's rules: order, identities, addresses of every kind, conditions, patches."""

import base64
import threading

import pytest
from django.db import connections

from records import access, jsontext, store
from records.bundles import addresses
from records.models import Resource
from tests.records.cast import DR_LIN, DR_SUN, observation, partner, patient

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

URN = "urn:uuid:00000000-0000-4000-8000-000000000000"
OTHER = "urn:oid:1.2.840.1"
MRN = "identifier=http://hospital.example/mrn|M-1"
FULL = {"Prefer": "return=representation"}


def entry(method, url, resource=None, full_url=None, **request):
    made = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    return made | ({"fullUrl": full_url} if full_url else {})


def post(resource, full_url=None, **request):
    return entry("POST", resource["resourceType"], resource, full_url, **request)


def statuses(done):
    assert done.status == 200, done.text
    return [one["response"]["status"][:3] for one in done.entries]


def patch_of(*operations):
    data = base64.b64encode(jsontext.dumps(list(operations)).encode()).decode()
    kind = "application/json-patch+json"
    return {"resourceType": "Binary", "contentType": kind, "data": data}


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def document(url, **more):
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"contentType": "text/plain", "url": url}}],
    } | more


def test_addresses_of_every_type_are_replaced_and_other_texts_are_not(api, bundle_of):
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{URN}">x</a>{URN}</div>'
    extension = [
        {"url": "http://x.example/a", "valueUri": URN},
        {"url": "http://x.example/b", "valueString": URN},
        {"url": "http://x.example/c", "valueCanonical": f"{URN}|2"},
        {"url": "http://x.example/d", "valueReference": {"reference": URN}},
    ]
    sender = document(
        URN,
        extension=extension,
        text={"status": "generated", "div": div},
        identifier=[{"system": "urn:ietf:rfc:3986", "value": URN}],
        _status={"extension": [{"url": "http://x.example/e", "valueUrl": URN}]},
        description=URN,
    )
    plan = {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": URN},
        "instantiatesUri": [OTHER, "http://x.example/else"],
    }
    done = api.post(
        "",
        bundle_of(post(sender), post(plan), post(patient(), URN), post(patient(), OTHER)),
        **FULL,
    )
    assert statuses(done) == ["201"] * 4
    kept, planned, zhao, other = (one["resource"] for one in done.entries)
    here = f"Patient/{zhao['id']}"
    assert kept["content"][0]["attachment"]["url"] == here
    said = [next(v for k, v in one.items() if k != "url") for one in kept["extension"]]
    assert said == [here, URN, f"http://testserver/fhir/{here}|2", {"reference": here}]
    assert kept["_status"]["extension"][0]["valueUrl"] == here
    assert f'<a href="{here}">x</a>{URN}' in kept["text"]["div"]
    assert kept["identifier"][0]["value"] == kept["description"] == URN
    assert planned["instantiatesUri"] == [f"Patient/{other['id']}", "http://x.example/else"]


def test_an_inner_bundle_keeps_its_own_addresses(api, bundle_of):
    inner = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": URN, "resource": patient()}, {"resource": observation(URN)}],
    }
    done = api.post("", bundle_of(post(inner), post(patient(), URN)), **FULL)
    assert done.entries[0]["resource"]["entry"][1]["resource"]["subject"]["reference"] == URN


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        ("http://other.example/fhir/Patient/p", "Patient/p"),
        ("http://other.example/fhir/Patient/p", "http://other.example/fhir/Patient/p"),
        ("http://other.example/fhir/Patient/p", "Patient/p/_history/7"),
        ("http://testserver/fhir/Patient/p", "Patient/p"),
        ("Patient/p", "Patient/p"),
    ],
)
def test_relative_and_absolute_addresses_mean_the_entry(api, bundle_of, full_url, reference):
    base = full_url.removesuffix("Patient/p")
    sender = post(observation(reference), f"{base}Observation/o")
    done = api.post("", bundle_of(sender, post(patient(), full_url)), **FULL)
    made = f"Patient/{done.entries[1]['resource']['id']}"
    tail = "/_history/1" if "_history" in reference else ""
    assert done.entries[0]["resource"]["subject"]["reference"] == made + tail


def test_addresses_of_elsewhere_stay(api, bundle_of):
    kept = post(patient(), "http://other.example/fhir/Patient/p")
    sender = post(observation("Patient/p"), "http://third.example/fhir/Observation/o")
    done = api.post("", bundle_of(kept, sender), **FULL)
    assert done.entries[1]["resource"]["subject"]["reference"] == "Patient/p"


def test_two_entries_have_no_full_url_in_common(api, bundle_of):
    refused = api.post("", bundle_of(post(patient(), URN), post(patient(), URN)))
    assert (refused.status, refused.body["issue"][0]["expression"]) == (
        422,
        ["Bundle.entry[1].fullUrl"],
    )


def test_deletes_come_first_and_reads_last(api, bundle_of):
    api.put("Patient/old", patient(id="old"))
    done = api.post(
        "",
        bundle_of(
            entry("GET", f"Patient?{MRN}"),
            post(patient(gender="male"), URN, ifNoneExist=MRN),
            post(observation(URN)),
            entry("DELETE", f"Patient?{MRN}"),
            entry("GET", "Patient/old/_history"),
            entry("HEAD", "Patient/old/_history/1"),
        ),
        **FULL,
    )
    assert statuses(done) == ["200", "201", "201", "204", "200", "200"]
    found = done.entries[0]["resource"]
    assert [one["resource"]["gender"] for one in found["entry"]] == ["male"]
    made = done.entries[1]["resource"]["id"]
    assert done.entries[2]["resource"]["subject"]["reference"] == f"Patient/{made}"
    assert [e["request"]["method"] for e in done.entries[4]["resource"]["entry"]] == [
        "DELETE",
        "PUT",
    ]
    assert "resource" not in done.entries[5]
    assert done.entries[5]["response"]["etag"] == 'W/"1"'


def test_reads_take_conditions_and_includes(api, bundle_of):
    api.put("Patient/zhao", patient(id="zhao"))
    api.post("Observation", observation())
    done = api.post(
        "",
        bundle_of(
            entry("GET", "Patient/zhao", ifNoneMatch='W/"1"'),
            entry("GET", "Patient/zhao", ifModifiedSince="2999-01-01T00:00:00Z"),
            entry("GET", "Patient/zhao", ifModifiedSince="1999-01-01T00:00:00+08:00"),
            entry("GET", "Observation?_include=Observation:subject"),
            entry("GET", "http://testserver/fhir/Patient/zhao/_history/1"),
        ),
    )
    assert statuses(done) == ["304", "304", "200", "200", "200"]
    assert len(done.entries[3]["resource"]["entry"]) == 2
    refused = api.post("", bundle_of(entry("GET", "Patient/zhao", ifModifiedSince="soon")))
    assert refused.body["issue"][0]["expression"] == ["Bundle.entry[0].request.ifModifiedSince"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Patient/nobody", 404),
        ("Spaceship/1", 404),
        ("Patient?shoe=9", 400),
        ("Patient/zhao/_history/9", 404),
        ("", 400),
        ("$nothing", 404),
        ("_search", 405),
    ],
)
def test_a_read_that_fails_undoes_the_transaction_and_is_named(api, bundle_of, url, status):
    refused = api.post("", bundle_of(post(patient()), entry("GET", url)))
    assert refused.status == status, refused.text
    assert refused.body["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    assert Resource.objects.count() == 0
    done = api.post("", bundle_of(post(patient()), entry("GET", url), type_="batch"))
    assert statuses(done) == ["201", str(status)]


def test_a_json_patch_changes_a_resource_and_its_references_are_resolved(api, bundle_of):
    api.put("Patient/zhao", patient(id="zhao"))
    made = api.post("Observation", observation()).body["id"]
    male = patch_of(replace("/gender", "male"))
    moved = patch_of(
        replace("/subject/reference", URN),
        {"op": "add", "path": "/performer", "value": [{"reference": "Patient?_id=zhao"}]},
    )
    done = api.post(
        "",
        bundle_of(
            entry("PATCH", "Patient/zhao", male, ifMatch='W/"1"'),
            entry("PATCH", f"Observation/{made}", moved),
            post(patient(), URN),
        ),
        **FULL,
    )
    assert statuses(done) == ["200", "200", "201"]
    assert done.entries[0]["resource"]["gender"] == "male"
    changed = done.entries[1]["resource"]
    assert changed["subject"]["reference"] == f"Patient/{done.entries[2]['resource']['id']}"
    assert changed["performer"] == [{"reference": "Patient/zhao"}]
    assert done.entries[0]["response"]["etag"] == 'W/"2"'


@pytest.mark.parametrize(
    ("resource", "status", "path"),
    [
        (patch_of({"op": "test", "path": "/gender", "value": "male"}), 422, ".operation[0]"),
        (patch_of({"op": "brew", "path": "/gender"}), 400, ".operation[0]"),
        (patch_of(replace("/gender", "bogus")), 422, ".gender"),
        (patch_of(replace("/id", "other")), 422, ".id"),
        ({"resourceType": "Binary", "contentType": "text/plain", "data": "e30="}, 422, ""),
        ({"resourceType": "Binary", "contentType": "application/json-patch+json"}, 422, ".data"),
        ({"resourceType": "Basic"}, 422, ""),
        (None, 422, ""),
    ],
)
def test_a_patch_that_fails_names_its_entry(api, bundle_of, resource, status, path):
    api.put("Patient/zhao", patient(id="zhao"))
    refused = api.post(
        "",
        bundle_of(post(patient()), entry("PATCH", "Patient/zhao", resource), type_="transaction"),
    )
    assert refused.status == status, refused.text
    where = refused.body["issue"][0]["expression"][0]
    assert where.startswith(f"Bundle.entry[1].resource{path}")
    assert Resource.objects.count() == 1


def test_conditional_entries_follow_the_five_cases(api, bundle_of):
    one = {"identifier": [{"system": "http://hospital.example/mrn", "value": "M-2"}]}
    second = "Patient?identifier=http://hospital.example/mrn|M-2"
    first = api.post("", bundle_of(entry("PUT", second, patient(**one))), **FULL)
    made = first.entries[0]["resource"]["id"]
    again = bundle_of(entry("PUT", second, patient(id=made, gender="male", **one)))
    assert statuses(first) + statuses(api.post("", again)) == ["201", "200"]
    other = api.post("", bundle_of(entry("PUT", second, patient(id="else", **one))))
    assert other.body["issue"][0]["expression"] == ["Bundle.entry[0].resource.id"]
    named = api.post("", bundle_of(entry("PUT", f"Patient?{MRN}", patient(id="mine"))))
    assert named.entries[0]["response"]["location"] == "Patient/mine/_history/1"
    foreign = api.post("", bundle_of(entry("PUT", "Patient?identifier=x", patient(id="mine"))))
    assert foreign.status == 412
    api.post("Patient", patient())
    for method, body in (("PUT", patient()), ("DELETE", None), ("PATCH", patch_of())):
        refused = api.post("", bundle_of(entry(method, f"Patient?{MRN}", body)))
        assert refused.status == 412, method
        assert refused.body["issue"][0]["expression"] == ["Bundle.entry[0]"]
    assert api.post("", bundle_of(entry("PATCH", "Patient?_id=x", patch_of()))).status == 404
    assert statuses(api.post("", bundle_of(entry("DELETE", "Patient?_id=x")))) == ["204"]


def test_the_same_if_none_exist_twice_makes_one(api, bundle_of):
    entries = [post(patient(), urn, ifNoneExist=f"Patient?{MRN}") for urn in (URN, OTHER)]
    done = api.post("", bundle_of(*entries, post(observation(OTHER))), **FULL)
    assert statuses(done) == ["201", "200", "201"]
    made = done.entries[0]["resource"]["id"]
    assert done.entries[1]["resource"]["id"] == made
    assert done.entries[2]["resource"]["subject"]["reference"] == f"Patient/{made}"


def test_if_none_match_creates_only(api, bundle_of):
    only = entry("PUT", "Patient/1", patient(id="1"), ifNoneMatch="*")
    assert statuses(api.post("", bundle_of(only))) == ["201"]
    refused = api.post("", bundle_of(only))
    assert (refused.status, "Bundle.entry[0]" in refused.text) == (412, True)
    only["request"]["ifNoneMatch"] = 'W/"1"'
    assert api.post("", bundle_of(only)).status == 422


@pytest.mark.parametrize(
    "query", ["identifier=M-1", MRN, f"{MRN}&gender=female", "identifier=0,M-1"]
)
def test_conditional_references_mean_what_the_bundle_makes(api, bundle_of, query):
    sender = observation(f"Patient?{query}")
    makers = [
        post(patient(), ifNoneExist=MRN),
        post(patient()),
        entry("PUT", "Patient/mine", patient(id="mine")),
        entry("PUT", f"Patient?{MRN}", patient()),
    ]
    for maker in makers:
        done = api.post("", bundle_of(post(sender), maker), **FULL)
        assert statuses(done) == ["201", "201"], query
        made = done.entries[1]["resource"]["id"]
        assert done.entries[0]["resource"]["subject"]["reference"] == f"Patient/{made}"
        api.delete(f"Patient/{made}")


def test_a_conditional_reference_that_fits_two_is_refused(api, bundle_of):
    api.put("Patient/old", patient(id="old"))
    sender = post(observation(f"Patient?{MRN}"))
    refused = api.post("", bundle_of(sender, post(patient())))
    assert refused.status == 412
    assert refused.body["issue"][0]["expression"] == ["Bundle.entry[0].resource.subject.reference"]
    done = api.post("", bundle_of(sender, post(patient()), entry("DELETE", "Patient/old")))
    assert statuses(done) == ["201", "201", "204"]


def test_a_condition_shows_nothing_of_what_one_may_not_see(api, bundle_of):
    api.put("Patient/zhao", patient(id="zhao"))
    done = api.post("", bundle_of(post(patient(), ifNoneExist=MRN)), by=DR_SUN)
    assert statuses(done) == ["201"]
    assert api.post("", bundle_of(entry("DELETE", "Patient/zhao")), by=DR_SUN).status == 404
    reader = partner("system/Observation.cruds")
    refused = api.post("", bundle_of(post(observation(f"Patient?{MRN}"))), by=reader)
    assert refused.status == 403
    assert api.post("", bundle_of(post(patient())), by=reader).body["issue"][0]["expression"] == [
        "Bundle.entry[0]"
    ]


def test_a_partner_patches_in_a_bundle_what_it_may(api, bundle_of):
    ours = store.create("Task", {**TASK}, by=DR_LIN).id
    other = partner()
    accept = patch_of(replace("/status", "accepted"))
    access.grant(to=other.reference, resources=[f"Task/{ours}"], why="r", write=True)
    bare = api.post("", bundle_of(entry("PATCH", f"Task/{ours}", accept)), by=other)
    assert (bare.status, bare.body["issue"][0]["expression"]) == (412, ["Bundle.entry[0].resource"])
    matched = bundle_of(entry("PATCH", f"Task/{ours}", accept, ifMatch='W/"1"'))
    assert api.post("", matched, by=partner("system/Task.rs")).status == 403
    assert statuses(api.post("", matched, by=other)) == ["200"]


TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}


def test_prefer_says_how_much_of_each_entry_comes_back(api, bundle_of):
    bundle = bundle_of(post(patient()))
    assert "resource" not in api.post("", bundle, Prefer="return=minimal").entries[0]
    said = api.post("", bundle, Prefer="return=OperationOutcome").entries[0]["response"]
    assert said["outcome"]["issue"][0]["severity"] == "information"
    assert "resource" in api.post("", bundle, **FULL).entries[0]


def test_an_unforeseen_failure_in_a_batch_is_its_own(api, bundle_of, monkeypatch, caplog):
    def fail(body, path="", **more):
        if body["gender"] == "male":
            raise RuntimeError("Zhao 1974")

    monkeypatch.setattr("records.validate.check", fail)
    done = api.post(
        "", bundle_of(post(patient()), post(patient(gender="male")), post(patient()), type_="batch")
    )
    assert statuses(done) == ["201", "500", "201"]
    assert "Zhao" not in done.text + caplog.text


def test_addresses_are_found_by_type_in_deep_and_wrong_bodies():
    deep = {"url": "x"}
    for _ in range(900):
        deep = {"extension": [deep]}
    body = {"resourceType": "Patient", **deep, "name": "x", "link": [None, 3, {"other": 7}]}
    assert len(addresses.of_resource(body)) == 0
    assert addresses.of_resource({"resourceType": ["x"]}) == []
    found = addresses.of_resource(observation(URN))
    assert [(a.path, a.value) for a in found if a.what == "reference"] == [
        (".subject.reference", URN)
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["header", "bundle", "update", "bundle update"])
def test_simultaneous_conditional_creates_make_one(api, bundle_of, way):
    start, codes = threading.Barrier(4), []
    address = f"Patient?{MRN}"
    send = {
        "header": lambda: api.post("Patient", patient(), If_None_Exist=MRN),
        "bundle": lambda: api.post("", bundle_of(post(patient(), ifNoneExist=MRN))),
        "update": lambda: api.put(address, patient()),
        "bundle update": lambda: api.post("", bundle_of(entry("PUT", address, patient()))),
    }[way]

    def write():
        try:
            start.wait()
            done = send()
            codes.extend(statuses(done) if "bundle" in way else [str(done.status)])
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(codes) == ["200", "200", "200", "201"]
    assert Resource.objects.filter(kind="Patient").count() == 1
