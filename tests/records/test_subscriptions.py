"""Subscriptions: what may be asked for, and who sees it."""

import re

import pytest

from kernel.principal import SYSTEM
from records import store
from records.models import SubscriptionState
from records.search import clauses
from records.subscriptions.topics import BASE, TOPICS
from tests.records.cast import DR_LIN, DR_SUN, MR_ZHAO, partner

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

PARTNER = partner()
GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"


def subscription(*filters, topic="task-changed", content="id-only", **channel):
    """A topic-based Subscription; extensions of the channel by their short names."""
    named = {"heartbeat_period": "valueUnsignedInt", "timeout": "valueUnsignedInt"}
    named["max_count"] = "valuePositiveInt"
    extensions = [
        {"url": GUIDE + name.replace("_", "-"), key: channel.pop(name)}
        for name, key in named.items()
        if name in channel
    ]
    body = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Referrals to us",
        "criteria": BASE + topic,
        "channel": {
            "type": "rest-hook",
            "endpoint": "https://hospital.example/hook",
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": GUIDE + "payload-content", "valueCode": content}]},
            **channel,
        },
    }
    if extensions:
        body["channel"]["extension"] = extensions
    if filters:
        rows = [{"url": GUIDE + "filter-criteria", "valueString": each} for each in filters]
        body["_criteria"] = {"extension": rows}
    return body


def r4(criteria="Task?status=requested", **channel):
    return {
        "resourceType": "Subscription",
        "status": "active",
        "reason": "Referrals to us",
        "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": "https://hospital.example/hook", **channel},
    }


def changed(body, place, value):
    *path, last = place.split(".")
    holder = body
    for name in path:
        holder = holder[name]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return body


@pytest.fixture
def asked(api):
    """A partner's client."""
    api.by = PARTNER
    return api


def test_a_subscription_waits_for_its_handshake_whatever_status_was_said(asked):
    made = asked.post("Subscription", subscription("Task?status=requested") | {"status": "active"})
    assert (made.status, made.body["status"]) == (201, "requested")
    state = SubscriptionState.objects.get()
    assert (state.kind, state.status, state.filters) == ("Task", "requested", ["status=requested"])
    assert not state.counting
    assert state.owner == PARTNER.reference


def test_the_error_text_is_ours(asked):
    made = asked.post("Subscription", subscription() | {"error": "mine"})
    assert "error" not in made.body


@pytest.mark.parametrize(
    ("place", "value", "path", "says"),
    [
        ("criteria", "urn:example:topic", "criteria", "no topic"),
        ("criteria", "http://example.org/topic", "criteria", "no topic"),
        ("criteria", "Nonsense?x=1", "criteria", "no topic"),
        ("channel.type", "websocket", "channel.type", "rest-hook"),
        ("channel.payload", "application/fhir+xml", "channel.payload", "fhir\\+json"),
        ("channel.payload", None, "channel.payload", "required"),
        ("channel._payload", None, "channel.payload.extension", "payload-content"),
        ("channel.endpoint", None, "channel.endpoint", "required"),
        ("channel.endpoint", "https://user:pw@hospital.example/", "channel.endpoint", "no user"),
        ("channel.endpoint", "ftp://hospital.example/", "channel.endpoint", "https"),
        ("channel.header", ["secret-without-name"], "channel.header\\[0\\]", "Name: value"),
        ("channel.header", ["A: 1", "Host: evil"], "channel.header\\[1\\]", "Name: value"),
        ("channel.header", ["A: 1\r\nHost: evil"], "channel.header\\[0\\]", "Name: value"),
        ("channel.header", ["A: 1"] * 21, "channel.header", "at most"),
        ("end", "2020-01-01T00:00:00Z", "end", "over"),
    ],
)
def test_what_is_not_served_is_refused_by_its_place(asked, place, value, path, says):
    refused = asked.post("Subscription", changed(subscription(), place, value))
    assert refused.status == 422
    ((_, diagnostics),) = refused.issues
    assert re.match(f"Subscription.{path}: .*{says}", diagnostics)
    assert "secret-without-name" not in refused.text


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (subscription("Task?status=x", "Task?code:of=x"), "criteria.extension[1].valueString"),
        (subscription("Patient?name=x"), "criteria.extension[0].valueString"),
        (subscription("Task?modified=2024"), "criteria.extension[0].valueString"),
        (subscription("Task?_count=5"), "criteria.extension[0].valueString"),
        (subscription("Task?patient.name=x"), "criteria.extension[0].valueString"),
        (subscription("Task?_has:Provenance:target:agent=x"), "criteria.extension[0].valueString"),
        (subscription("code:in=http://example.org/codes"), "criteria.extension[0].valueString"),
        (subscription("owner:below=Organization/x"), "criteria.extension[0].valueString"),
        (subscription("nothing"), "criteria.extension[0].valueString"),
        (subscription(*["Task?status=x"] * 11), "criteria.extension"),
        (subscription(topic="slot-changed") | {"criteria": "Task?modified=never"}, "criteria"),
        (r4("Task?nonsense=1"), "criteria"),
        (r4("Task?patient.name=x"), "criteria"),
        (r4("Observation?date=yesterday"), "criteria"),
        (subscription(max_count=1000), "channel.extension[0]"),
        (subscription(heartbeat_period=1), "channel.extension[0]"),
        (subscription(heartbeat_period=60, timeout=3600), "channel.extension[1]"),
    ],
)
def test_filters_and_limits_are_refused_by_their_place(asked, body, path):
    refused = asked.post("Subscription", body)
    assert (refused.status, refused.body["issue"][0]["expression"]) == (
        422,
        [f"Subscription.{path}"],
    )


def test_a_bundle_names_the_entry(asked, bundle_of):
    bundle = bundle_of(("POST", "Subscription", subscription("Patient?name=x")))
    refused = asked.post("", bundle)
    assert refused.body["issue"][0]["expression"] == [
        "Bundle.entry[0].resource.criteria.extension[0].valueString"
    ]


def test_private_endpoints_are_refused_unless_allowed(asked, settings):
    body = subscription(endpoint="http://127.0.0.1:8100/hook")
    assert asked.post("Subscription", body).status == 201
    settings.PARTNER_PRIVATE_NETWORKS = False
    assert asked.post("Subscription", body).status == 422
    body["channel"]["endpoint"] = "https://[::ffff:10.0.0.8]/"
    assert asked.post("Subscription", body).status == 422


def test_a_token_subscribes_only_to_what_it_opens(asked):
    asked.by = partner("system/Subscription.cruds", "system/Observation.rs")
    assert asked.post("Subscription", subscription()).status == 403
    assert asked.post("Subscription", subscription(topic="observation-created")).status == 201


def test_patients_do_not_subscribe(api):
    assert api.post("Subscription", subscription(), by=MR_ZHAO).status == 403


@pytest.mark.parametrize("other", [DR_LIN, DR_SUN, MR_ZHAO, partner(organization="other")])
def test_nobody_but_its_owner_sees_it(asked, other):
    made = asked.post("Subscription", subscription(header=["Authorization: Bearer s3cret"]))
    path = f"Subscription/{made.body['id']}"
    assert asked.get(path).body["channel"]["header"] == ["Authorization: Bearer s3cret"]
    asked.by = other
    for answer in (
        asked.get(path),
        asked.get(f"{path}/_history"),
        asked.get(f"{path}/_history/1"),
        asked.delete(path),
    ):
        assert answer.status == 404
        assert "s3cret" not in answer.text
    written = asked.put(path, subscription() | {"id": made.body["id"]})
    # A patient writes no Subscription, be it there or not.
    assert written.status == (403 if other is MR_ZHAO else 404)
    assert "s3cret" not in written.text
    for answer in (asked.get("Subscription"), asked.get("_history")):
        assert answer.entries == []
    assert asked.get("Subscription?_summary=count").body["total"] == 0


def test_of_one_house_staff_do_not_see_each_others(api):
    made = api.post("Subscription", subscription(), by=DR_LIN)
    path = f"Subscription/{made.body['id']}"
    colleague = type(DR_LIN)("Practitioner/wu", institution=DR_LIN.institution, roles=DR_LIN.roles)
    assert api.get(path, by=DR_LIN).status == 200
    assert api.get(path, by=colleague).status == 404


def test_one_subscriber_has_a_limit(asked, monkeypatch):
    monkeypatch.setattr("records.subscriptions.life.MOST_OF_ONE", 2)
    for _ in range(2):
        assert asked.post("Subscription", subscription()).status == 201
    assert asked.post("Subscription", subscription()).issues[0][0] == "business-rule"


def test_off_and_deletion_end_the_work(asked):
    made = asked.post("Subscription", subscription())
    path = f"Subscription/{made.body['id']}"
    SubscriptionState.objects.update(counting=True, status="active")
    assert asked.put(path, made.body | {"status": "off"}).body["status"] == "off"
    state = SubscriptionState.objects.get()
    assert (state.status, state.counting) == ("off", False)
    assert asked.delete(path).status == 204
    assert not SubscriptionState.objects.exists()


def test_what_the_service_writes_changes_no_work(asked):
    made = asked.post("Subscription", subscription()).body
    store.update("Subscription", made["id"], made | {"status": "active"}, by=SYSTEM)
    assert SubscriptionState.objects.get().status == "requested"
    assert asked.get(f"Subscription/{made['id']}").body["status"] == "active"


def test_r4_criteria_are_accepted(asked):
    made = asked.post("Subscription", r4(payload="application/fhir+json"))
    assert (made.status, made.body["status"]) == (201, "requested")
    assert SubscriptionState.objects.get().topic == ""


def test_the_capability_statement_lists_the_topics(api):
    rest = api.get("metadata").body["rest"][0]
    of_it = next(each for each in rest["resource"] if each["type"] == "Subscription")
    assert {each["valueCanonical"] for each in of_it["extension"]} == set(TOPICS)
    assert len(of_it["supportedProfile"]) == 1


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.kind)
def test_every_topic_can_be_filtered_by_what_it_says(topic):
    assert [code for code in topic.filters if clauses.find(topic.kind, code) is None] == []


def test_a_patch_is_checked_like_a_whole_subscription(asked):
    made = asked.post("Subscription", subscription()).body
    path, kind = f"Subscription/{made['id']}", "application/json-patch+json"
    SubscriptionState.objects.update(status="error")
    change = [{"op": "replace", "path": "/channel/endpoint", "value": "ftp://hospital.example"}]
    assert asked.send("PATCH", path, change, kind=kind).status == 422
    change = [{"op": "replace", "path": "/status", "value": "active"}]
    assert asked.send("PATCH", path, change, kind=kind).body["status"] == "requested"
    assert SubscriptionState.objects.get().status == "requested"
