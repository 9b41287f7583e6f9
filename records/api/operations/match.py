"""Patient/$match (FHIR R4, patient-operation-match.html): who is meant, and why we think so.

Each match has a score, its grade, and an extension with what agrees and what does not
(``records.matching.scoring`` tells what that weighs).
"""

from typing import Any

from django.http import HttpResponse

from records import matching, outcomes, scopes, validate
from records.api import wire
from records.api.operations import parameters
from records.api.operations.row import STANDARD, Operation
from records.errors import Malformed
from records.matching import Match

Json = dict[str, Any]
USUAL, MOST = 10, 50
GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
EVIDENCE = "urn:tongzhen:extension:match-evidence"


def match(exchange: wire.Exchange) -> HttpResponse:
    """A searchset of the patients whom the one that was sent may be, the likeliest first."""
    for letter in "rs":
        scopes.check(exchange.by, "Patient", letter)
    given = parameters.given(exchange)
    parameters.check_known(given, {"resource", "onlyCertainMatches", "count"})
    asked = _asked(given)
    matching.check(asked)
    found = matching.rank(asked, matching.find(asked, by=exchange.by))
    notes: list[Json] = []
    if parameters.flag(given, "onlyCertainMatches"):
        found = [one for one in found if one.grade == "certain"]
        if len(found) > 1:
            # R4: several who fit, and only one wanted for certain, are none.
            found, notes = [], [_note("several patients match for certain")]
    count = parameters.whole(given, "count")
    found = found[: min(USUAL if count is None else count, MOST)]
    entries = [_entry(exchange.base, one) for one in found] + notes
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return wire.answer_json(bundle | ({"entry": entries} if entries else {}))


def _asked(given: dict[str, list[Any]]) -> Json:
    asked = parameters.element(given, "resource")
    if asked is None or asked.get("resourceType") != "Patient":
        raise Malformed("resource", "must be a Patient")
    validate.check(asked)
    return asked


def _entry(base: str, one: Match) -> Json:
    evidence = [{"url": feature, "valueCode": answer} for feature, answer in one.evidence.items()]
    return {
        "fullUrl": f"{base}/{one.patient.reference}",
        "resource": one.patient.fragment,
        "search": {
            "extension": [
                {"url": GRADE, "valueCode": one.grade},
                {"url": EVIDENCE, "extension": evidence},
            ],
            "mode": "match",
            "score": one.score,
        },
    }


def _note(says: str) -> Json:
    outcome = outcomes.outcome(outcomes.issue("multiple-matches", says, severity="warning"))
    return {"resource": outcome, "search": {"mode": "outcome"}}


OPERATION = Operation(
    "match",
    f"{STANDARD}Patient-match",
    frozenset({"type"}),
    match,
    frozenset({"Patient"}),
    methods=frozenset({"POST"}),
)
