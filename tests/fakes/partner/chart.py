"""The hospital's resources, in memory, and the transaction that fills them."""

import re
import uuid
from typing import Any
from urllib.parse import parse_qs, unquote

Body = dict[str, Any]
NEEDED = {"Patient", "ServiceRequest", "Task", "Bundle"}


class NotAccepted(Exception):
    """What the hospital refuses: HTTP status, code of the OperationOutcome, sentence."""

    def __init__(self, status: int, code: str, says: str) -> None:
        super().__init__(says)
        self.status, self.code, self.says = status, code, says


class Chart:
    """Resources by ``Kind/id``, the versions of each counted in ``meta``."""

    def __init__(self) -> None:
        self.resources: dict[str, Body] = {}

    def of_kind(self, kind: str) -> list[Body]:
        return [body for name, body in self.resources.items() if name.startswith(f"{kind}/")]

    def read(self, reference: str) -> Body:
        if reference not in self.resources:
            raise NotAccepted(404, "not-found", "no such resource")
        return self.resources[reference]

    def write(self, reference: str, body: Body) -> Body:
        version = int(self.resources.get(reference, {}).get("meta", {}).get("versionId", 0)) + 1
        stored = {
            **body,
            "id": reference.partition("/")[2],
            "meta": {"versionId": str(version)},
        }
        self.resources[reference] = stored
        return stored

    def transaction(self, bundle: Body) -> Body:
        """All entries or none; conditional creates and updates as FHIR R4 §3.1.0.11 says."""
        entries = bundle.get("entry", [])
        kinds = {entry["resource"]["resourceType"] for entry in entries}
        if bundle.get("type") != "transaction" or not kinds >= NEEDED:
            raise NotAccepted(422, "invalid", "a referral comes as a transaction Bundle")
        targets = [self._target(entry) for entry in entries]
        places = {
            entry["fullUrl"]: reference
            for entry, (reference, _) in zip(entries, targets, strict=True)
        }
        answers = [
            self._carry_out(entry, reference, known, places)
            for entry, (reference, known) in zip(entries, targets, strict=True)
        ]
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def _target(self, entry: Body) -> tuple[str, bool]:
        request, kind = entry["request"], entry["resource"]["resourceType"]
        search = request.get("ifNoneExist") or request["url"].partition("?")[2]
        found = self._found(kind, search)
        if len(found) > 1:
            raise NotAccepted(412, "multiple-matches", "more than one match")
        return (found[0], True) if found else (f"{kind}/{uuid.uuid4()}", False)

    def _found(self, kind: str, search: str) -> list[str]:
        system, _, value = parse_qs(search)["identifier"][0].partition("|")
        wanted = {"system": unquote(system), "value": unquote(value)}
        return [
            f"{kind}/{body['id']}"
            for body in self.of_kind(kind)
            if any(wanted.items() <= each.items() for each in identifiers(body))
        ]

    def _carry_out(self, entry: Body, reference: str, known: bool, places: dict[str, str]) -> Body:
        if known and entry["request"]["method"] == "POST":
            return {"response": {"status": "200 OK", "location": reference}}
        body = entry["resource"]
        if body["resourceType"] != "Bundle":
            body = moved(body, places)
        self.write(reference, body)
        status = "200 OK" if known else "201 Created"
        return {"response": {"status": status, "location": reference}}


def identifiers(body: Body) -> list[Body]:
    found = body.get("identifier", [])
    return found if isinstance(found, list) else [found]


def moved(value: Any, places: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [moved(each, places) for each in value]
    if not isinstance(value, dict):
        return value
    content = {key: moved(each, places) for key, each in value.items()}
    reference = content.get("reference")
    if isinstance(reference, str) and re.match("urn:uuid:", reference):
        if reference not in places:
            raise NotAccepted(422, "not-found", "a reference inside the bundle leads nowhere")
        content["reference"] = places[reference]
    return content
