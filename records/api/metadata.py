"""GET metadata and GET .well-known/smart-configuration: open to everybody."""

from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from records import profiles
from records.api import auth, operations, wire
from records.api.operations.row import Operation
from records.errors import Unsupported
from records.kinds import KINDS
from records.patches import JSON_PATCH
from records.search import parameters
from records.subscriptions import topics

Json = dict[str, Any]
CHANGED = date(2026, 11, 1)
OF_SYSTEM = ["transaction", "batch", "search-system", "history-system"]
INTERACTIONS = [
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
]
BULK_DATA = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
SMART_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"

LIST: Json = {"name": "_list", "type": "special", "documentation": "Members of a List, by its id"}


def capability_statement(exchange: wire.Exchange) -> HttpResponse:
    """What this service can do, made from its own tables."""
    wire.check_accept(exchange.request)
    return wire.answer(_statement(exchange.base))


def smart_configuration(exchange: wire.Exchange) -> HttpResponse:
    """Where tokens come from (SMART App Launch 2.2)."""
    found = auth.smart_configuration(exchange.request)
    if found is None:
        raise Unsupported("no SMART configuration")
    return JsonResponse(found)


@cache
def _statement(base: str) -> bytes:
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED.isoformat(),
        "kind": "instance",
        "instantiates": [BULK_DATA],
        "software": {"name": "Tongzhen", "version": _version()},
        "implementation": {"description": "Tongzhen FHIR store", "url": base},
        "fhirVersion": "4.0.1",
        "format": [wire.FHIR_JSON, "json"],
        "patchFormat": [JSON_PATCH, wire.FHIR_JSON],
        "rest": [
            {
                "mode": "server",
                "security": _security(),
                "resource": [_resource(kind) for kind in KINDS],
                "interaction": [
                    {"code": code}
                    for code in ("transaction", "batch", "search-system", "history-system")
                ],
                "searchParam": [
                    _parameter(p) for p in parameters.of("Basic").values() if p.name[0] == "_"
                ],
                "operation": [_operation(row) for row in operations.of_system()],
            }
        ],
    }
    return wire.answer_json(statement).content


def _version() -> str:
    try:
        return version("tongzhen")
    except PackageNotFoundError:
        return "development"


def _security() -> Json:
    token = {"url": "token", "valueUri": f"{settings.PUBLIC_URL}/oauth/token"}
    return {
        "cors": False,
        "service": [{"coding": [{"system": SMART_SERVICE, "code": "SMART-on-FHIR"}]}],
        "extension": [{"url": OAUTH_URIS, "extension": [token]}],
    }


def _resource(kind: str) -> Json:
    known = parameters.of(kind)
    references = [p.name for p in known.values() if p.type == "reference"]
    reverse = [
        f"{other}:{p.name}"
        for other in KINDS
        for p in parameters.of(other).values()
        if p.type == "reference" and _leads(p, kind)
    ]
    found: Json = {
        "type": kind,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{kind}",
        "interaction": [{"code": code} for code in INTERACTIONS],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "single",
        "searchInclude": ["*", *(f"{kind}:{name}" for name in references)],
        "searchRevInclude": ["*", *reverse],
        "searchParam": [*map(_parameter, known.values()), LIST],
        "supportedProfile": [own.url] if (own := profiles.of_kind(kind)) else [],
        "operation": [_operation(row) for row in operations.of_type(kind)],
        **(topics.capability() if kind == "Subscription" else {}),
    }
    return {name: value for name, value in found.items() if value != []}


def _leads(parameter: parameters.Parameter, kind: str) -> bool:
    """True when a reference may be one to ``kind``."""
    return kind in (parameter.targets or KINDS) and "Reference" in parameter.datatypes


def _parameter(parameter: parameters.Parameter) -> Json:
    types = {"id": "token", "instant": "date"}
    return {
        "name": parameter.name,
        "definition": f"http://hl7.org/fhir/SearchParameter/{parameter.url}",
        "type": types.get(parameter.type, parameter.type),
    }


def _operation(row: Operation) -> Json:
    return {"name": row.name, "definition": row.definition}
