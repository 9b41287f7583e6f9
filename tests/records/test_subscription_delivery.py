"""Notifications reach the endpoint in order, at least once, and tell only what may be seen."""

from datetime import timedelta

import pytest
import time_machine

from kernel.clock import now
from kernel.principal import SYSTEM
from records import access, audit, hooks, store, validate
from records.models import AuditRow, SubscriptionEvent, SubscriptionState
from records.subscriptions import delivery, events, interest
from tests.fakes.endpoint import Endpoint
from tests.records.cast import DR_LIN, observation, partner, patient, task
from tests.records.test_subscriptions import r4, subscription

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

PARTNER = partner()
OURS = "http://127.0.0.1:8000/fhir/"


@pytest.fixture
def endpoint():
    with Endpoint() as running:
        yield running


@pytest.fixture
def clock():
    """Time stands still until a test moves it."""
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


class Subscriber:
    """A partner with a Subscription and its endpoint."""

    def __init__(self, api, endpoint, clock):
        self.api, self.endpoint, self.clock = api, endpoint, clock
        self.id = ""

    def asks(self, *filters, body=None, **more):
        """Subscribes, and is greeted."""
        body = body or subscription(*filters, **more)
        body["channel"]["endpoint"] = self.endpoint.url
        made = self.api.post("Subscription", body, by=PARTNER)
        assert made.status == 201, made.text
        self.id = made.body["id"]
        self.later(seconds=3)
        return self

    def later(self, **much):
        self.clock.shift(timedelta(**much))
        return delivery.deliver_due()

    def says(self, **changes):
        """Writes the Subscription again."""
        path = f"Subscription/{self.id}"
        body = self.api.get(path, by=PARTNER).body | changes
        return self.api.put(path, body, by=PARTNER)

    @property
    def body(self):
        return store.read("Subscription", self.id, by=PARTNER).body

    @property
    def state(self):
        return SubscriptionState.objects.get(logical_id=self.id)


@pytest.fixture
def hospital(api, endpoint, clock, monkeypatch):
    """The cast has no accounts: nobody says whether they may still act."""
    monkeypatch.setattr(hooks, "_standing", [])
    return Subscriber(api, endpoint, clock)


def new_task(id_=None, *, seen=True, **more):
    """A task of ours; ``seen`` lets the partner see it, in the same breath."""
    made = store.create("Task", task(**more), by=DR_LIN, id=id_)
    if seen:
        access.grant(to=PARTNER.reference, resources=[made.reference], why="test")
    return made


def test_a_subscription_is_greeted_and_becomes_active(hospital, endpoint):
    hospital.asks(header=["X-Key: s3cret"])
    (hello,) = endpoint.taken()
    assert hello.said == {
        "subscription": f"{OURS}Subscription/{hospital.id}",
        "topic": "urn:tongzhen:subscription-topic:task-changed",
        "status": "requested",
        "type": "handshake",
        "events-since-subscription-start": "0",
    }
    assert (hello.method, hello.headers["X-Key"]) == ("POST", "s3cret")
    assert hello.headers["Content-Type"] == "application/fhir+json"
    first = hello.body["entry"][0]
    assert first["request"]["url"] == f"{OURS}Subscription/{hospital.id}/$status"
    assert (hello.body["type"], hospital.body["status"]) == ("history", "active")
    assert hospital.body["meta"]["versionId"] == "2"


def test_it_is_not_greeted_before_every_process_can_know_of_it(hospital, endpoint, api):
    api.post("Subscription", subscription(endpoint=endpoint.url), by=PARTNER)
    assert hospital.later(seconds=0) == 0
    assert hospital.later(seconds=1) == 0
    assert hospital.later(seconds=1) == 1


def test_what_is_written_becomes_events_in_order(hospital, endpoint):
    hospital.asks()
    endpoint.taken()
    made = new_task("t1")
    store.update("Task", "t1", task(status="accepted"), by=DR_LIN)
    assert hospital.later(seconds=0) == 1
    (told,) = endpoint.taken()
    assert told.said["type"] == "event-notification"
    assert told.said["status"] == "active"
    assert told.said["events-since-subscription-start"] == "2"
    assert told.numbers == [1, 2]
    assert [event["focus"] for event in told.events] == [f"{OURS}{made.reference}"] * 2
    assert len(told.body["entry"]) == 1
    assert hospital.later(minutes=1) == 0


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_a_payload_tells_as_much_as_was_asked(hospital, endpoint, content):
    hospital.asks(content=content)
    endpoint.taken()
    made = new_task("t1", description="Dressing")
    store.delete("Task", "t1", by=DR_LIN)
    hospital.later(seconds=0)
    (told,) = endpoint.taken()
    assert told.numbers == [1, 2]
    assert ("topic" in told.said) is (content != "empty")
    assert all(("focus" in event) is (content != "empty") for event in told.events)
    entries = told.body["entry"][1:]
    if content != "full-resource":
        assert entries == []
        assert "Dressing" not in told.content.decode()
        return
    assert entries[0]["resource"] == made.body
    assert entries[0]["request"] == {"method": "POST", "url": "Task"}
    assert "resource" not in entries[1]
    assert entries[1]["request"] == {"method": "DELETE", "url": "Task/t1"}
    assert {entry["fullUrl"] for entry in entries} == {f"{OURS}Task/t1"}


def test_each_event_holds_the_version_that_it_was(hospital, endpoint):
    hospital.asks(content="full-resource")
    endpoint.taken()
    new_task("t1", status="requested")
    store.update("Task", "t1", task(status="accepted"), by=DR_LIN)
    hospital.later(seconds=0)
    (told,) = endpoint.taken()
    assert [e["resource"]["status"] for e in told.body["entry"][1:]] == ["requested", "accepted"]


def test_filters_choose(hospital, endpoint):
    hospital.asks("Task?status=accepted,completed", "patient=Patient/zhao")
    endpoint.taken()
    new_task("t1", status="requested")
    store.update("Task", "t1", task(status="accepted"), by=DR_LIN)
    new_task("t2", status="accepted", **{"for": {"reference": "Patient/qian"}})
    store.create("Observation", observation(), by=DR_LIN)
    hospital.later(seconds=0)
    (told,) = endpoint.taken()
    assert [event["focus"] for event in told.events] == [f"{OURS}Task/t1"]


def test_a_topic_says_which_interactions_count(hospital, endpoint):
    hospital.asks(topic="observation-created")
    endpoint.taken()
    access.grant(to=PARTNER.reference, patient="Patient/zhao", why="test")
    store.create("Observation", observation(), by=DR_LIN, id="o1")
    store.update("Observation", "o1", observation(value=80), by=DR_LIN)
    store.delete("Observation", "o1", by=DR_LIN)
    hospital.later(seconds=0)
    (told,) = endpoint.taken()
    assert told.numbers == [1]


def test_writes_through_the_api_and_in_bundles_are_events_too(hospital, endpoint, api, bundle_of):
    hospital.asks()
    endpoint.taken()
    api.post("Task", task(), by=PARTNER)
    api.post("", bundle_of(*(("POST", "Task", task()) for _ in range(3))), by=PARTNER)
    refused = bundle_of(("POST", "Task", task()), ("POST", "Task", {"resourceType": "Task"}))
    assert api.post("", refused, by=PARTNER).status == 422
    hospital.later(seconds=0)
    (told,) = endpoint.taken()
    assert told.numbers == [1, 2, 3, 4]


def test_nobody_hears_of_what_they_may_not_see(hospital, endpoint):
    hospital.asks()
    endpoint.taken()
    new_task(seen=False)
    new_task("t2", seen=True)
    new_task(seen=False)
    hospital.later(seconds=0)
    (told,) = endpoint.taken()
    assert (told.numbers, told.events[0]["focus"]) == ([1], f"{OURS}Task/t2")
    assert SubscriptionEvent.objects.count() == 1
    answer = hospital.api.get(f"Subscription/{hospital.id}/$status", by=PARTNER)
    assert '"1"' in answer.text


def test_access_that_is_revoked_ends_the_notifications(hospital, endpoint):
    hospital.asks(content="full-resource")
    new_task("t1", description="Dressing")
    hospital.later(seconds=0)
    endpoint.taken()
    endpoint.answers = [500]
    store.update("Task", "t1", task(description="Bandage"), by=DR_LIN)
    hospital.later(seconds=0)
    access.revoke(to=PARTNER.reference, why="test")
    store.update("Task", "t1", task(description="Plaster"), by=DR_LIN)
    endpoint.taken()
    hospital.later(minutes=1)
    (told,) = endpoint.taken()
    # Its number was given while access was there; what it was about is no longer told.
    assert (told.numbers, "focus" in told.events[0], len(told.body["entry"])) == ([2], False, 1)
    assert "Bandage" not in told.content.decode()
    hospital.later(hours=1)
    assert endpoint.taken() == []
    assert hospital.state.numbered == 2


def test_a_subscriber_who_may_no_longer_act_is_told_nothing(hospital, endpoint):
    hospital.asks()
    endpoint.taken()
    hooks.on_standing(lambda by: None)
    new_task()
    assert hospital.later(seconds=0) == 0
    assert endpoint.taken() == []
    assert hospital.body["status"] == "error"
    assert hospital.body["error"] == "the access of the subscriber has ended"
    assert not hospital.state.counting


def test_no_notification_holds_more_than_was_asked(hospital, endpoint):
    hospital.asks(max_count=3)
    endpoint.taken()
    for _ in range(7):
        new_task()
    assert hospital.later(seconds=0) == 3
    told = endpoint.taken()
    assert [message.numbers for message in told] == [[1, 2, 3], [4, 5, 6], [7]]
    counts = [message.said["events-since-subscription-start"] for message in told]
    assert counts == ["3", "6", "7"]


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_what_is_said_follows_r4(hospital, endpoint, api, content):
    hospital.asks(content=content, heartbeat_period=60)
    new_task("t1")
    store.update("Task", "t1", task(status="accepted"), by=DR_LIN)
    store.delete("Task", "t1", by=DR_LIN)
    hospital.later(seconds=0)
    hospital.later(minutes=2)
    told = endpoint.taken()
    assert [m.said["type"] for m in told] == ["handshake", "event-notification", "heartbeat"]
    path = f"Subscription/{hospital.id}"
    asked = [api.get(f"{path}/${name}", by=PARTNER).body for name in ("status", "events")]
    for said in [*(message.body for message in told), *asked]:
        assert validate.check(said) is None


@pytest.mark.parametrize("answer", [500, 503, 404, 302])
def test_what_does_not_arrive_goes_again_and_nothing_overtakes_it(hospital, endpoint, answer):
    hospital.asks(max_count=1)
    endpoint.taken()
    endpoint.answers = [answer]
    new_task()
    assert hospital.later(seconds=0) == 0
    new_task()
    assert hospital.later(seconds=1) == 0
    assert [message.numbers for message in endpoint.taken()] == [[1]]
    assert hospital.later(minutes=1) == 2
    assert [message.numbers for message in endpoint.taken()] == [[1], [2]]
    assert hospital.body["status"] == "active"


def test_an_endpoint_that_does_not_answer_is_not_waited_for(hospital, endpoint):
    hospital.asks(timeout=1)
    endpoint.deaf.set()
    new_task()
    assert hospital.later(seconds=0) == 0
    assert hospital.state.attempts == 1
    endpoint.deaf.clear()
    endpoint.taken()
    assert hospital.later(minutes=1) == 1
    assert endpoint.taken()[0].numbers == [1]


def test_waits_grow_and_end_in_an_error(hospital, endpoint, caplog):
    hospital.asks(header=["X-Key: s3cret"])
    endpoint.answers = [500] * 100
    new_task(description="Dressing")
    waits = []
    hospital.later(seconds=0)
    while hospital.body["status"] == "active":
        state = hospital.state
        waits.append(state.due_ms - access.milliseconds())
        hospital.clock.move_to(now() + timedelta(milliseconds=waits[-1]))
        delivery.deliver_due()
    assert waits[:4] == [5000, 10_000, 20_000, 40_000]
    assert len(waits) == delivery.MOST_ATTEMPTS - 1
    assert max(waits) == 3_600_000
    assert (hospital.body["status"], hospital.body["error"]) == (
        "error",
        "not delivered: status 500",
    )
    for secret in ("s3cret", "Dressing", "127.0.0.1"):
        assert secret not in caplog.text


def test_in_error_events_are_counted_and_come_when_the_client_starts_anew(hospital, endpoint):
    hospital.asks()
    endpoint.answers = [410]
    new_task()
    hospital.later(seconds=0)
    assert hospital.body["status"] == "error"
    new_task()
    endpoint.taken()
    assert hospital.later(hours=1) == 0
    assert endpoint.taken() == []
    answer = hospital.api.get(f"Subscription/{hospital.id}/$status", by=PARTNER)
    said = {p["name"]: p for p in answer.entries[0]["resource"]["parameter"]}
    assert said["status"]["valueCode"] == "error"
    assert said["events-since-subscription-start"]["valueString"] == "2"
    again = hospital.says(status="active")
    assert (again.body["status"], "error" in again.body) == ("requested", False)
    new_task()
    assert hospital.later(seconds=3) == 2
    hello, told = endpoint.taken()
    assert (hello.said["type"], hello.said["events-since-subscription-start"]) == ("handshake", "3")
    assert told.numbers == [1, 2, 3]
    assert hospital.body["status"] == "active"


def test_a_greeting_that_nobody_takes_ends_in_an_error(hospital, endpoint):
    endpoint.answers = [500] * 10
    hospital.asks()
    for _ in range(5):
        hospital.later(minutes=1)
    assert len(endpoint.taken()) == delivery.MOST_HANDSHAKES
    assert hospital.body["status"] == "error"
    new_task()
    assert SubscriptionEvent.objects.count() == 0


def test_an_endpoint_that_moved_into_a_private_network_is_not_called(hospital, endpoint, settings):
    hospital.asks()
    endpoint.taken()
    settings.PARTNER_PRIVATE_NETWORKS = False
    new_task()
    hospital.later(seconds=0)
    assert (endpoint.taken(), hospital.body["status"]) == ([], "error")
    assert hospital.body["error"] == "not delivered: not served: Subscription.channel.endpoint"


def test_a_heartbeat_comes_when_nothing_else_did(hospital, endpoint):
    hospital.asks(heartbeat_period=60)
    endpoint.taken()
    assert hospital.later(seconds=59) == 0
    assert hospital.later(seconds=1) == 1
    (beat,) = endpoint.taken()
    assert (beat.said["type"], beat.said["events-since-subscription-start"]) == ("heartbeat", "0")
    hospital.later(seconds=30)
    new_task()
    assert hospital.later(seconds=1) == 1
    assert endpoint.taken()[0].numbers == [1]
    assert hospital.later(seconds=58) == 0
    assert hospital.later(seconds=2) == 1
    assert endpoint.taken()[0].said["events-since-subscription-start"] == "1"


def test_off_stops_and_deletion_too(hospital, endpoint, api):
    hospital.asks(heartbeat_period=60)
    endpoint.taken()
    hospital.says(status="off")
    new_task()
    assert hospital.later(hours=1) == 0
    hospital.says(status="requested")
    assert hospital.later(seconds=3) == 1
    new_task()
    api.delete(f"Subscription/{hospital.id}", by=PARTNER)
    assert hospital.later(hours=1) == 0
    assert [message.said["type"] for message in endpoint.taken()] == ["handshake"]


def test_the_end_ends_it(hospital, endpoint):
    ends = (now() + timedelta(hours=1)).isoformat()
    hospital.asks(body=subscription(heartbeat_period=60) | {"end": ends})
    hospital.later(minutes=59)
    endpoint.taken()
    assert hospital.later(minutes=2) == 0
    new_task()
    assert hospital.later(hours=1) == 0
    assert (endpoint.taken(), hospital.body["status"]) == ([], "off")


def test_other_criteria_begin_anew_and_numbers_go_on(hospital, endpoint):
    hospital.asks("status=requested")
    new_task()
    hospital.later(seconds=0)
    endpoint.taken()
    narrowed = subscription("status=accepted", endpoint=endpoint.url)
    hospital.says(_criteria=narrowed["_criteria"])
    new_task(status="accepted")
    hospital.later(seconds=3)
    new_task(status="requested")
    new_task(status="accepted")
    hospital.later(seconds=0)
    hello, told = endpoint.taken()
    assert (hello.said["type"], told.numbers) == ("handshake", [2])


def test_r4_criteria_are_answered_as_r4_does(hospital, endpoint):
    hospital.asks(body=r4("Task?status=requested", payload="application/fhir+json"))
    assert (hospital.body["status"], endpoint.taken()) == ("active", [])
    first, second = new_task("t1"), new_task("t2")
    store.update("Task", "t2", task(status="accepted"), by=DR_LIN)
    hospital.later(seconds=0)
    told = endpoint.taken()
    assert [f"{m.method} {m.path}" for m in told] == ["PUT /hook/Task/t1", "PUT /hook/Task/t2"]
    assert [m.body for m in told] == [first.body, second.body]


def test_r4_criteria_without_a_payload_are_a_knock(hospital, endpoint):
    hospital.asks(body=r4("Task"))
    new_task()
    new_task()
    hospital.later(seconds=0)
    assert [(m.method, m.path, m.content) for m in endpoint.taken()] == [("POST", "/hook", b"")]


def test_two_subscribers_have_numbers_of_their_own(hospital, endpoint, api, clock):
    hospital.asks()
    other = Subscriber(api, endpoint, clock).asks("status=accepted")
    endpoint.taken()
    new_task()
    new_task(status="accepted")
    hospital.later(seconds=0)
    told = {m.said["subscription"].rpartition("/")[2]: m.numbers for m in endpoint.taken()}
    assert told == {hospital.id: [1, 2], other.id: [1]}


def test_the_status_of_one_and_of_all_of_mine(hospital, endpoint, api, clock):
    hospital.asks()
    other = Subscriber(api, endpoint, clock).asks()
    other.says(status="off")
    stranger = partner(organization="elsewhere")
    one = api.get(f"Subscription/{hospital.id}/$status", by=PARTNER)
    assert (one.body["type"], len(one.entries)) == ("searchset", 1)
    names = [row["name"] for row in one.entries[0]["resource"]["parameter"]]
    assert names[-1] == "events-since-subscription-start"
    assert len(api.get("Subscription/$status", by=PARTNER).entries) == 2
    assert len(api.get("Subscription/$status?status=active", by=PARTNER).entries) == 1
    assert len(api.get(f"Subscription/$status?id={other.id}", by=PARTNER).entries) == 1
    assert api.get("Subscription/$status", by=stranger).entries == []
    assert api.get(f"Subscription/$status?id={other.id}", by=stranger).entries == []
    assert api.get(f"Subscription/{hospital.id}/$status", by=stranger).status == 404
    assert api.get(f"Subscription/{hospital.id}/$events", by=stranger).status == 404


def test_past_events_are_asked_for_by_number(hospital, endpoint, api):
    hospital.asks()
    for n in range(5):
        new_task(f"t{n}", description=f"Dressing {n}")
    path = f"Subscription/{hospital.id}/$events"
    answer = api.get(f"{path}?eventsSinceNumber=2&eventsUntilNumber=3", by=PARTNER)
    rows = answer.body["entry"][0]["resource"]["parameter"]
    parts = [row["part"] for row in rows if "part" in row]
    assert [part[0]["valueString"] for part in parts] == ["2", "3"]
    assert next(r for r in rows if r["name"] == "type")["valueCode"] == "query-event"
    full = api.get(f"{path}?content=full-resource", by=PARTNER)
    assert [e["resource"]["description"] for e in full.entries[1:]] == [
        f"Dressing {n}" for n in range(5)
    ]
    assert len(api.get(f"{path}?content=empty", by=PARTNER).entries) == 1
    assert api.get(f"{path}?content=everything", by=PARTNER).status == 400
    assert api.get(f"{path}?eventsSinceNumber=x", by=PARTNER).status == 400
    assert api.get(f"{path}?since=1", by=PARTNER).status == 400


def test_old_events_are_forgotten(hospital, endpoint, settings):
    hospital.asks()
    new_task()
    hospital.later(seconds=0)
    hospital.clock.shift(timedelta(days=settings.SUBSCRIPTION_EVENT_DAYS - 1))
    new_task()
    hospital.later(days=1, seconds=1)
    assert events.forget_old() == 1
    assert list(SubscriptionEvent.objects.values_list("number", flat=True)) == [2]


def test_types_that_nobody_subscribes_to_cost_no_statement(
    hospital, endpoint, django_assert_num_queries
):
    hospital.asks()
    store.create("Patient", patient(), by=SYSTEM)
    assert interest.wanted("Task")
    with django_assert_num_queries(0):
        assert not interest.wanted("Patient")


def test_another_process_knows_of_a_subscription_within_a_second(hospital, monkeypatch):
    assert not interest.wanted("Task")
    monkeypatch.setattr(interest, "forget", lambda: None)
    hospital.asks()
    assert not interest.wanted("Task")
    monkeypatch.setattr(interest, "SECONDS", 0.0)
    assert interest.wanted("Task")


def test_scopes_that_were_taken_away_since_hide_what_they_opened(hospital, endpoint):
    hospital.asks()
    endpoint.taken()
    fewer = partner("system/Task.rs?status=accepted")
    hooks.on_standing(lambda by: fewer)
    new_task(status="requested")
    new_task("t2", status="accepted")
    hospital.later(seconds=0)
    (told,) = endpoint.taken()
    assert [event["focus"] for event in told.events] == [f"{OURS}Task/t2"]
    hooks.on_standing(lambda by: partner("system/Patient.rs"))
    new_task(status="accepted")
    hospital.later(seconds=0)
    assert (endpoint.taken(), hospital.body["status"]) == ([], "active")


def test_a_consent_that_denies_ends_the_notifications(hospital, endpoint):
    hospital.asks()
    endpoint.taken()
    store.create("Patient", patient(), by=DR_LIN, id="zhao")
    access.grant(to=PARTNER.reference, patient="Patient/zhao", why="test")
    store.create("Task", task(), by=DR_LIN)
    deny = {"type": "deny", "actor": [actor("Organization/partner-hospital")]}
    store.create("Consent", consent(provision=deny), by=DR_LIN)
    store.create("Task", task(), by=DR_LIN)
    hospital.later(seconds=0)
    assert endpoint.taken() == []


def actor(reference):
    role = {"coding": [{"code": "IRCP"}]}
    return {"role": role, "reference": {"reference": reference}}


def consent(**more):
    scopes = "http://terminology.hl7.org/CodeSystem/consentscope"
    return {
        "status": "active",
        "scope": {"coding": [{"system": scopes, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/zhao"},
        "policyRule": {"text": "as agreed"},
        **more,
    }


@pytest.mark.parametrize(
    ("content", "traces"), [("empty", 0), ("id-only", 2), ("full-resource", 2)]
)
def test_what_is_told_leaves_a_trace(hospital, endpoint, content, traces):
    hospital.asks(content=content)
    new_task("t1")
    endpoint.answers = [500]
    hospital.later(seconds=0)
    hospital.later(minutes=1)
    audit.flush()
    rows = AuditRow.objects.filter(interaction="notification")
    assert rows.count() == traces
    for row in rows:
        assert (row.who, row.kind, row.logical_id) == (PARTNER.reference, "Task", "t1")
        assert (row.action, row.version, row.patient) == ("R", 1, "zhao")
