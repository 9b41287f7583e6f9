"""FHIR messages (R4, messaging.html): checked, handed to who registered for the event, answered.

A message is known by its sender and MessageHeader.id. Sent again it is not processed again but gets
the same answer; other content under a known id is a Conflict.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from kernel.clock import now
from kernel.errors import Busy, Conflict, HouseError, Invalid
from kernel.ids import new_id
from kernel.principal import Principal
from records import access, build, hooks, jsontext, outcomes, validate
from records.errors import Unsupported
from records.models import AnsweredMessage

Json = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
KEPT = timedelta(days=90)
HEADER = "Bundle.entry[0].resource"


def process(bundle: Json, *, by: Principal, base: str) -> str:
    """Process a message and return the text of the response Bundle.

    ``base`` is this service's address, as the sender knows it. Raises Invalid for what is no
    message, Unsupported for an event that nobody processes, Conflict, Busy.
    """
    message, id_ = _understood(bundle, by)
    handler = hooks.message_handler(message.event)
    if handler is None:
        raise Unsupported(f"messages of {message.event[:200]} are not processed here", status=422)
    digest = _digest(bundle)
    known = _known(by, id_, digest)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            row = AnsweredMessage.objects.create(
                sender=by.reference,
                message_id=id_,
                digest=digest,
                at_ms=access.milliseconds(),
            )
            row.answer = jsontext.dumps(_answer(message, id_, handler, base))
            row.save(update_fields=["answer"])
    except IntegrityError:
        # The same message at the same moment: the other one was first, and is through by now.
        known = _known(by, id_, digest)
        if known is None:
            raise
        return known
    return row.answer


def forget() -> int:
    """Drop answers older than ``KEPT``; return how many."""
    limit = int((now() - KEPT).timestamp() * 1000)
    return AnsweredMessage.objects.filter(at_ms__lt=limit).delete()[0]


def _known(by: Principal, id_: str, digest: str) -> str | None:
    row = AnsweredMessage.objects.filter(sender=by.reference, message_id=id_).first()
    if row is not None and row.digest != digest:
        raise Conflict(f"{HEADER}.id: another message came under this id")
    return row.answer if row else None


def _digest(bundle: Json) -> str:
    """Of the content alone: sent again, a message may have another Bundle around it."""
    return hashlib.sha256(jsontext.dumps(bundle["entry"]).encode()).hexdigest()


def _understood(bundle: Json, by: Principal) -> tuple[hooks.Message, str]:
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise Invalid("Bundle.type", "must be a Bundle of type message")
    validate.check(bundle)
    entries = bundle.get("entry", [])
    header = entries[0].get("resource", {}) if entries else {}
    if header.get("resourceType") != "MessageHeader":
        raise Invalid("Bundle.entry[0]", "the first entry must be a MessageHeader")
    if "response" in header:
        raise Invalid(f"{HEADER}.response", "answers are not taken here")
    id_ = header.get("id") or str(entries[0].get("fullUrl", "")).removeprefix("urn:uuid:")
    if not ID.fullmatch(id_):
        raise Invalid(f"{HEADER}.id", "is required: the answer names it")
    event = _event(header)
    message = hooks.Message(event, header, tuple(_focus(header, entries)), bundle, by)
    return message, id_


def _event(header: Json) -> str:
    coding = header.get("eventCoding")
    if coding is None:
        return str(header.get("eventUri", ""))
    if not coding.get("code"):
        raise Invalid(f"{HEADER}.eventCoding.code", "is required")
    return f"{coding.get('system', '')}|{coding['code']}"


def _focus(header: Json, entries: Sequence[Json]) -> list[Json]:
    """The resources of MessageHeader.focus, which must be in the message."""
    near: dict[str, Json] = {}
    for entry in entries[1:]:
        if resource := entry.get("resource"):
            near[str(entry.get("fullUrl", ""))] = resource
            near[f"{resource['resourceType']}/{resource.get('id')}"] = resource
    found = []
    for place, item in enumerate(header.get("focus", ())):
        address = str(item.get("reference", ""))
        if not address or address not in near:
            raise Invalid(f"{HEADER}.focus[{place}].reference", "is not in this message")
        found.append(near[address])
    return found


def _answer(message: hooks.Message, id_: str, handler: hooks.MessageHandler, base: str) -> Json:
    code, details, resources = "ok", None, list[Json]()
    try:
        with transaction.atomic():
            resources = list(handler(message))
    except (Busy, Conflict):
        raise
    except HouseError as error:
        code, (_, details) = "fatal-error", outcomes.of(error)
    return _bundle(_header(message, id_, code, base), details, resources, base)


def _header(message: hooks.Message, id_: str, code: str, base: str) -> Json:
    asked = message.header
    header: Json = {"resourceType": "MessageHeader", "id": new_id()}
    header |= {key: asked[key] for key in ("eventCoding", "eventUri") if key in asked}
    if endpoint := asked["source"].get("endpoint"):
        header["destination"] = [{"endpoint": endpoint}]
    header["source"] = {"name": "Tongzhen", "endpoint": f"{base}/$process-message"}
    header["response"] = {"identifier": id_, "code": code}
    return header


def _bundle(header: Json, details: Json | None, resources: list[Json], base: str) -> Json:
    entries: list[Json] = []
    if details is not None:
        entries.append(_entry(details, base))
        header["response"]["details"] = {"reference": entries[0]["fullUrl"]}
    focus = [_entry(resource, base) for resource in resources]
    if focus:
        header["focus"] = [{"reference": entry["fullUrl"]} for entry in focus]
    first = {"fullUrl": f"urn:uuid:{header['id']}", "resource": header}
    return {
        "resourceType": "Bundle",
        "id": new_id(),
        "type": "message",
        "timestamp": build.moment(now().astimezone(UTC)),
        "entry": [first, *entries, *focus],
    }


def _entry(resource: Json, base: str) -> Json:
    own = resource.get("id")
    address = f"{base}/{resource['resourceType']}/{own}" if own else f"urn:uuid:{new_id()}"
    return {"fullUrl": address, "resource": resource}
