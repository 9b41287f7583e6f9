"""The transaction Bundle that carries a referral to a partner. Pure mapping.

Every resource travels under an identifier of ours (its address at our base), by which the partner
recognises it: sending the same message again changes nothing there, and sending the Task again
later updates the one that it has.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from kernel.ids import new_id
from records import build
from referrals.fhir import URI

Body = dict[str, Any]


def transaction(resources: Sequence[Body], *, base: str, renew: str = "") -> Body:
    """The message: each of ``resources`` created unless the partner has it.

    ``base`` is our FHIR base, ``renew`` the kind that is updated when the partner has it.
    References among ``resources`` become references inside the bundle, all others absolute. A
    document's own content stays as it is.
    """
    places = {_name(each): f"urn:uuid:{new_id()}" for each in resources}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_entry(each, places, base=base, renew=renew) for each in resources],
    }


def known_as(resource: Body, base: str) -> str:
    """The search by which a partner finds its copy of ``resource``."""
    return f"identifier={quote(URI, safe='')}%7C{quote(_address(resource, base), safe='')}"


def _entry(resource: Body, places: dict[str, str], *, base: str, renew: str) -> Body:
    kind, search = resource["resourceType"], known_as(resource, base)
    request = {"method": "POST", "url": kind, "ifNoneExist": search}
    if kind == renew:
        request = {"method": "PUT", "url": f"{kind}?{search}"}
    return {
        "fullUrl": places[_name(resource)],
        "resource": _outgoing(resource, places, base),
        "request": request,
    }


def _outgoing(resource: Body, places: dict[str, str], base: str) -> Body:
    ours = build.identifier(URI, _address(resource, base))
    # Our id and versions mean nothing there.
    content = {k: v for k, v in resource.items() if k not in ("id", "meta")}
    if resource["resourceType"] == "Bundle":
        return {**content, "identifier": ours}
    moved: Body = _moved(content, places, base)
    return {**moved, "identifier": [*moved.get("identifier", []), ours]}


def _moved(value: Any, places: dict[str, str], base: str) -> Any:
    if isinstance(value, dict):
        return dict(_moved_items(value, places, base))
    if isinstance(value, list):
        return [_moved(each, places, base) for each in value]
    return value


def _moved_items(value: Body, places: dict[str, str], base: str) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        if key == "reference" and isinstance(each, str):
            yield key, places.get(each) or _absolute(each, base)
        else:
            yield key, _moved(each, places, base)


def _absolute(reference: str, base: str) -> str:
    if reference.startswith(("#", "urn:", "http:", "https:")):
        return reference
    return f"{base}/{reference}"


def _address(resource: Body, base: str) -> str:
    return f"{base}/{_name(resource)}"


def _name(resource: Body) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
