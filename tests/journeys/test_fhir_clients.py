"""Clients that nobody here wrote drive the running service as a partner's system."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from fhirclient import client as smart
from fhirclient.models.bundle import Bundle
from fhirclient.models.humanname import HumanName
from fhirclient.models.identifier import Identifier
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

from kernel.ids import new_id
from tests.journeys.test_backend_services import bearer, service
from tests.records.cast import observation, patient

__all__ = ["service"]
pytestmark = pytest.mark.timeout(120)
MRN = "http://partner.example/mrn"
URN = "urn:uuid:7a1d3a52-91b5-4b0f-9d0b-0a4a0f6f6a01"
FHIR_KIT = "fhir-kit-client@2.0.3"
SCRIPT = Path(__file__).parent / "fhir_kit.mjs"


def person(number, **more):
    return patient(identifier=[{"system": MRN, "value": number}], **more)


def transaction(number):
    made = {
        "fullUrl": URN,
        "resource": person(number),
        "request": {
            "method": "POST",
            "url": "Patient",
            "ifNoneExist": f"identifier={MRN}|{number}",
        },
    }
    seen = {"resource": observation(URN), "request": {"method": "POST", "url": "Observation"}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [made, seen]}


def fhirpy(service, **headers):
    said = bearer(service)["Authorization"]
    return SyncFHIRClient(f"{service.base}/fhir", authorization=said, extra_headers=headers or None)


def test_fhirpy_writes_reads_and_deletes(service):
    client, number = fhirpy(service), new_id()
    made = client.resource("Patient", **person(number))
    made.save()
    assert made["meta"]["versionId"] == "1"
    made["gender"] = "male"
    made.save()
    again = client.reference("Patient", made.id).to_resource()
    assert (again["gender"], again["meta"]["versionId"]) == ("male", "2")
    assert again.refresh()["meta"]["versionId"] == "2"
    past = client.execute(f"Patient/{made.id}/_history", method="get")
    assert [entry["request"]["method"] for entry in past["entry"]] == ["PUT", "POST"]
    made["gender"] = "bogus"
    with pytest.raises(OperationOutcome) as refused:
        made.save()
    assert refused.value.resource["issue"][0]["expression"] == ["Patient.gender"]
    again.delete()
    with pytest.raises(ResourceNotFound):
        client.reference("Patient", made.id).to_resource()


def test_fhirpy_searches_in_pages(service):
    client, number = fhirpy(service), new_id()
    for _ in range(5):
        client.resource("Patient", **person(number)).save()
    found = client.resources("Patient").search(identifier=f"{MRN}|{number}").sort("-_lastUpdated")
    assert len(found.limit(2).fetch()) == 2
    assert len({one.id for one in found.limit(2).fetch_all()}) == 5
    assert len([one.id for one in found.limit(2)]) == 5
    assert found.first()["identifier"][0]["value"] == number
    # Its count asks with a parameter of another server's; a lenient one passes over that.
    lenient = fhirpy(service, Prefer="handling=lenient")
    assert lenient.resources("Patient").search(identifier=f"{MRN}|{number}").count() == 5
    with pytest.raises(MultipleResourcesFound):
        found.get()


def test_fhirpy_does_things_on_conditions(service):
    client, number = fhirpy(service), new_id()
    found = client.resources("Patient").search(identifier=f"{MRN}|{number}")
    first, created = found.get_or_create(client.resource("Patient", **person(number)))
    again, created_again = found.get_or_create(client.resource("Patient", **person(number)))
    assert (created, created_again, again.id) == (True, False, first.id)
    changed, fresh = found.update(client.resource("Patient", **person(number, gender="male")))
    assert (changed.id, changed["gender"], fresh) == (first.id, "male", False)
    patching = fhirpy(service, **{"Content-Type": "application/json-patch+json"})
    operation = {"op": "replace", "path": "/gender", "value": "other"}
    done = patching.execute(f"Patient/{first.id}", method="patch", data=[operation])
    assert (done["gender"], done["meta"]["versionId"]) == ("other", "3")
    assert found.delete()[1] == 204
    assert found.fetch() == []


def test_fhirpy_sends_transactions(service):
    client, number = fhirpy(service), new_id()
    first = client.execute("", data=transaction(number))
    second = client.execute("", data=transaction(number))
    said = [[entry["response"]["status"][:3] for entry in b["entry"]] for b in (first, second)]
    assert said == [["201", "201"], ["200", "201"]]
    mine = client.resources("Observation").search(patient__identifier=f"{MRN}|{number}")
    assert len(mine.include("Observation", "subject").fetch_raw()["entry"]) == 3
    whole = first["entry"][0]["response"]["location"].partition("/_history")[0]
    everything = client.execute(f"{whole}/$everything", method="get")
    assert {entry["resource"]["resourceType"] for entry in everything["entry"]} >= {
        "Patient",
        "Observation",
    }


@pytest.fixture
def server(service):
    """A server of the SMART project's own client."""
    found = smart.FHIRClient({"app_id": "donghua", "api_base": f"{service.base}/fhir/"}).server
    found.session.headers.update(bearer(service))
    found.session.trust_env = False
    return found


def test_fhirclient_writes_reads_and_deletes(server):
    made = Patient(
        {
            "identifier": [{"system": MRN, "value": new_id()}],
            "name": [{"family": "Zhào", "given": ["Anna"]}],
            "birthDate": "1974-12-25",
        }
    )
    made.id = made.create(server)["id"]
    found = Patient.read(made.id, server)
    assert (found.name[0].family, found.birthDate.isostring) == ("Zhào", "1974-12-25")
    found.gender = "female"
    found.name.append(HumanName({"text": "赵安娜"}))
    found.update(server)
    again = Patient.read(made.id, server)
    assert (again.gender, len(again.name), again.meta.versionId) == ("female", 2, "2")
    past = Bundle(server.request_json(f"Patient/{made.id}/_history"))
    assert [entry.response.etag for entry in past.entry] == ['W/"2"', 'W/"1"']
    again.delete(server)
    with pytest.raises(Exception, match="410") as gone:
        Patient.read(made.id, server)
    assert not isinstance(gone.value, FHIRNotFoundException)
    with pytest.raises(FHIRNotFoundException):
        Patient.read("nobody", server)


def test_fhirclient_searches_in_pages(server):
    number = new_id()
    for _ in range(5):
        one = Patient()
        one.identifier = [Identifier({"system": MRN, "value": number})]
        one.create(server)
    found = Patient.where({"identifier": f"{MRN}|{number}", "_count": "2"})
    pages = list(found.perform_iter(server))
    assert [len(page.entry) for page in pages] == [2, 2, 1]
    assert len({one.id for one in found.perform_resources_iter(server)}) == 5


def test_fhirclient_reads_what_the_service_says_of_itself(server):
    stated = server.capabilityStatement
    assert stated.fhirVersion == "4.0.1"
    [rest] = stated.rest
    assert {"transaction", "batch"} <= {one.code for one in rest.interaction}
    assert "Patient" in {one.type for one in rest.resource}


def test_fhirclient_sends_transactions(server):
    number = new_id()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bundle = Bundle(transaction(number))
    answer = Bundle(server.post_json("./", bundle.as_json()).json())
    assert [entry.response.status[:3] for entry in answer.entry] == ["201", "201"]
    assert answer.entry[0].response.lastModified.date is not None


def program(name):
    """Node's programs come with a wheel, beside this Python; or they are the machine's own."""
    return shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)


@pytest.fixture(scope="module")
def fhir_kit(tmp_path_factory):
    """A folder in which Node finds fhir-kit-client."""
    folder = tmp_path_factory.mktemp("node")
    if (npm := program("npm")) is None:
        pytest.skip("Node is not on this machine")
    wanted = (npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", FHIR_KIT)
    try:
        subprocess.run(wanted, cwd=folder, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"npm cannot reach {FHIR_KIT} from here")
    # Beside what it imports: that is where Node looks.
    shutil.copy(SCRIPT, folder)
    return folder


def test_fhir_kit_client_drives_every_interaction(service, fhir_kit):
    number = new_id()
    token = bearer(service)["Authorization"].removeprefix("Bearer ")
    bundle = json.dumps(transaction(f"{number}-b"))
    arguments = (f"{service.base}/fhir", token, number, bundle)
    done = subprocess.run(
        (program("node"), SCRIPT.name, *arguments),
        cwd=fhir_kit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "read": True,
        "update": "2",
        "patch": "other",
        "vread": "male",
        "history": ['W/"3"', 'W/"2"', 'W/"1"'],
        "pages": [2, 2, 1],
        "posted": 2,
        "transaction": ["201", "201"],
        "gone": 410,
        "everything": "searchset",
        "fhirVersion": "4.0.1",
    }
