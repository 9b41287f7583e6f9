"""A client of /fhir/ for one principal, without a network."""

import json
import time

import pytest
from django.test import RequestFactory

from records import jsontext
from records.api import auth
from records.api.entrance import fhir
from records.subscriptions import interest
from tests.records.cast import DR_LIN


@pytest.fixture(autouse=True)
def nobody_subscribes(monkeypatch):
    """What this process remembers of subscriptions begins empty, and ages in no test."""
    monkeypatch.setattr(interest, "SECONDS", 1e9)
    monkeypatch.setattr(interest, "_known", interest.Known(time.monotonic(), {}))


class Answer:
    """A response, its JSON parsed."""

    def __init__(self, response):
        self.status = response.status_code
        self.headers = response.headers
        streaming = response.streaming
        self.content = b"".join(response.streaming_content) if streaming else response.content
        self.text = "" if streaming else self.content.decode()
        self.body = jsontext.loads(self.text) if self.text else None

    @property
    def issues(self):
        assert self.body["resourceType"] == "OperationOutcome", self.text
        return [(i["code"], i["diagnostics"]) for i in self.body["issue"]]

    @property
    def entries(self):
        return self.body.get("entry", [])

    @property
    def ids(self):
        found = [entry["resource"] for entry in self.entries]
        return [body["id"] for body in found if body["resourceType"] != "OperationOutcome"]

    def link(self, relation):
        return next((x["url"] for x in self.body["link"] if x["relation"] == relation), None)


class Api:
    """Sends requests as ``by``."""

    def __init__(self):
        self.by = DR_LIN

    def send(self, method, path, body=None, **more):
        return Answer(self.raw(path, body, method=method, **more))

    def get_path(self, path):
        """A GET whose path is taken as it is."""
        request = RequestFactory().get("/fhir/")
        request.principal = self.by
        return Answer(fhir(request, f"/{path}"))

    def raw(
        self, path, body=None, *, method="GET", kind="application/fhir+json", by=None, **headers
    ):
        """The response itself, for what is not text."""
        address = path.removeprefix("http://testserver").removeprefix("/fhir").lstrip("/")
        if isinstance(body, dict | list):
            body = jsontext.dumps(body)
        data = body.encode() if isinstance(body, str) else body or b""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = RequestFactory().generic(
            method, f"/fhir/{address}", data, content_type=kind, headers=named
        )
        request.principal = by or self.by
        return fhir(request, address.partition("?")[0])

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.send("POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.send("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.send("DELETE", path, **more)


@pytest.fixture
def api(monkeypatch):
    """The REST API; whoever a request names is who asks."""
    monkeypatch.setattr(auth, "_registered", auth._Registered())
    auth.register(lambda request: request.principal)
    return Api()


@pytest.fixture
def bundle_of():
    """A transaction of (method, url, resource) or ready entries."""

    def make(*entries, type_="transaction"):
        made = [
            {"request": {"method": e[0], "url": e[1]}, **({"resource": e[2]} if e[2] else {})}
            if isinstance(e, tuple)
            else e
            for e in entries
        ]
        return json.loads(jsontext.dumps({"resourceType": "Bundle", "type": type_, "entry": made}))

    return make
