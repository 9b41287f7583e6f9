"""What a Subscription asks for, understood and checked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from kernel import outside
from kernel.errors import Invalid
from kernel.principal import SYSTEM
from records.kinds import KINDS
from records.search import clauses, sql
from records.subscriptions.topics import GUIDE, TOPICS

Json = dict[str, Any]
Pairs = list[tuple[str, str]]
EXTENSION = f"{GUIDE}/StructureDefinition/backport-"
CONTENTS = ("empty", "id-only", "full-resource")
MEDIA = ("application/fhir+json", "application/json")
R4_CRITERIA = re.compile(r"([A-Z][A-Za-z]+)(?:\?(.*))?")
HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}): *([\x20-\x7e]{0,2000})")
OURS = frozenset(
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"]
)
ALONE = frozenset(["", "exact", "contains", "identifier", "missing", "not", "of-type"])
"""Modifiers that look at the resource alone."""
MOST_FILTERS = 10
MOST_HEADERS = 20
SHORTEST_HEARTBEAT = 30
LONGEST_TIMEOUT = 60
USUAL_TIMEOUT = 10
MOST_EVENTS = 100
USUAL_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """One Subscription understood.

    ``topic`` is empty for R4's own criteria, whose notifications have R4's form. ``filters`` are
    query strings that must all match; ``headers`` are secret. ``timeout`` and ``heartbeat`` are
    seconds (no heartbeat: 0), ``most`` is how many events one notification holds.
    """

    topic: str
    kind: str
    interactions: frozenset[str]
    filters: tuple[str, ...]
    content: str
    endpoint: str
    headers: tuple[tuple[str, str], ...]
    heartbeat: int
    timeout: int
    most: int
    ends: datetime | None


def understand(body: Json, root: str = "Subscription") -> Terms:
    """The terms of a Subscription that follows R4's definition.

    ``root`` is what paths begin with. Raises Invalid naming the place of what we do not serve or
    allow.
    """
    try:
        return _terms(body)
    except Invalid as error:
        (path, says), *more = [
            (root + path.removeprefix("Subscription"), says) for path, says in error.issues
        ]
        raise Invalid(path, says, *more) from None


def _terms(body: Json) -> Terms:
    channel = body["channel"]
    if channel.get("type") != "rest-hook":
        raise Invalid("Subscription.channel.type", "only rest-hook is served")
    topic, kind, interactions, filters = _criteria(body)
    return Terms(
        topic,
        kind,
        interactions,
        filters,
        _content(channel, topic),
        _endpoint(channel),
        tuple(_headers(channel)),
        _number(channel, "heartbeat-period", 0, SHORTEST_HEARTBEAT, 31_536_000),
        _number(channel, "timeout", USUAL_TIMEOUT, 1, LONGEST_TIMEOUT),
        _number(channel, "max-count", USUAL_EVENTS, 1, MOST_EVENTS),
        _ends(body),
    )


def _criteria(body: Json) -> tuple[str, str, frozenset[str], tuple[str, ...]]:
    said, place = body.get("criteria", ""), "Subscription.criteria"
    narrowed = list(_extensions(body.get("_criteria"), "filter-criteria"))
    if topic := TOPICS.get(said):
        if len(narrowed) > MOST_FILTERS:
            raise Invalid(f"{place}.extension", f"at most {MOST_FILTERS} filters")
        filters = tuple(
            _filter(topic.kind, value, f"{place}.extension[{at}].valueString", topic.filters)
            for at, value in narrowed
        )
        return topic.url, topic.kind, topic.interactions, filters
    found = R4_CRITERIA.fullmatch(said)
    if found is None or found[1] not in KINDS:
        raise Invalid(place, "is no topic that is offered here: see the CapabilityStatement")
    if narrowed:
        raise Invalid(f"{place}.extension", "a filter narrows a topic")
    filters = (_filter(found[1], said, place, None),) if found[2] else ()
    return "", found[1], frozenset({"create", "update"}), filters


def _filter(kind: str, said: Any, place: str, allowed: frozenset[str] | None) -> str:
    """The query string of one filter. ``allowed`` are parameters of the topic, None for any."""
    if not isinstance(said, str) or len(said) > 1000:
        raise Invalid(place, "must be a text of at most 1000 characters")
    before, mark, query = said.partition("?")
    if mark and before != kind:
        raise Invalid(place, f"filters {kind} here")
    query = query if mark else said
    pairs = parse_qsl(query, keep_blank_values=True)
    if not pairs:
        raise Invalid(place, "must look like parameter=value")
    for name, _ in pairs:
        code = name.partition(":")[0]
        if allowed is not None and code not in allowed:
            raise Invalid(place, f"can be filtered by {', '.join(sorted(allowed))}")
        modifier = name.partition(":")[2]
        # What asks about other resources, too, would tell of what the subscriber may not see.
        if (modifier not in ALONE and modifier not in KINDS) or clauses.find(kind, code) is None:
            raise Invalid(place, f"{code[:80]} is no search parameter of {kind} for this")
    _check_values(kind, pairs, place)
    return query


def _check_values(kind: str, pairs: Pairs, place: str) -> None:
    try:
        sql.conditions(kind, clauses.parse(kind, pairs).clauses, SYSTEM)
    except Invalid as error:
        raise Invalid(place, ": ".join(error.issues[0])) from None


def _content(channel: Json, topic: str) -> str:
    mime = channel.get("payload")
    said = [value for _, value in _extensions(channel.get("_payload"), "payload-content")]
    if mime is not None and mime not in MEDIA:
        raise Invalid("Subscription.channel.payload", f"only {MEDIA[0]} is spoken here")
    if not topic:
        if said:
            raise Invalid("Subscription.channel.payload.extension", "belongs to a topic")
        return "full-resource" if mime else "empty"
    if len(said) != 1 or said[0] not in CONTENTS:
        says = f"needs one backport-payload-content: {', '.join(CONTENTS)}"
        raise Invalid("Subscription.channel.payload.extension", says)
    if mime is None:
        raise Invalid("Subscription.channel.payload", "is required")
    return str(said[0])


def _endpoint(channel: Json) -> str:
    place = "Subscription.channel.endpoint"
    if "endpoint" not in channel:
        raise Invalid(place, "is required")
    try:
        outside.check(channel["endpoint"], private=settings.PARTNER_PRIVATE_NETWORKS)
    except outside.OutsideError as error:
        raise Invalid(place, error.says) from None
    return str(channel["endpoint"])


def _headers(channel: Json) -> Iterator[tuple[str, str]]:
    lines = channel.get("header", [])
    if len(lines) > MOST_HEADERS:
        raise Invalid("Subscription.channel.header", f"at most {MOST_HEADERS}")
    for at, said in enumerate(lines):
        found = HEADER.fullmatch(said) if isinstance(said, str) else None
        # The line itself may be a secret: it is not repeated.
        if found is None or found[1].lower() in OURS:
            place = f"Subscription.channel.header[{at}]"
            raise Invalid(place, "must look like 'Name: value', and not be one that we set")
        yield found[1], found[2].strip()


def _number(channel: Json, name: str, usual: int, least: int, most: int) -> int:
    for at, value in _extensions(channel, name):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            place = f"Subscription.channel.extension[{at}]"
            raise Invalid(place, f"{name} must be a number from {least} to {most}")
        return value
    return usual


def _ends(body: Json) -> datetime | None:
    if "end" not in body:
        return None
    try:
        return datetime.fromisoformat(body["end"].replace("Z", "+00:00"))
    except ValueError:
        raise Invalid("Subscription.end", "is no moment of a calendar") from None


def _extensions(holder: Any, name: str) -> Iterator[tuple[int, Any]]:
    """Place and value of each extension ``backport-<name>`` of an element."""
    rows = holder.get("extension", []) if isinstance(holder, dict) else []
    for at, row in enumerate(rows):
        if row.get("url") == EXTENSION + name:
            yield at, next((row[key] for key in row if key.startswith("value")), None)
