"""$process-message: a message is checked, processed once, and answered, each time alike."""

import threading

import pytest
from django.db import connection

from kernel.errors import Busy, Refused
from kernel.ids import new_id
from records import hooks, messaging, store, tasks, validate
from records.models import AnsweredMessage
from tests.records.cast import DR_LIN, MR_ZHAO, patient, task
from tests.records.cast import partner as partner_with

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
SYSTEM = "http://hospital.example/events"
EVENT = {"system": SYSTEM, "code": "ask-for-bed"}
BASE = "http://testserver/fhir"


@pytest.fixture
def beds(monkeypatch):
    """Who answers asks for a bed: keeps the Task and says which ward; counts how often."""
    calls = []

    def answer(message):
        calls.append(message)
        [wanted] = message.focus
        if wanted["status"] == "draft":
            raise Refused("a draft is no request")
        if wanted["status"] == "on-hold":
            store.create("Task", wanted, by=message.by)
            raise Refused("too late: the bed is gone")
        if wanted["status"] == "ready":
            raise Busy("ask again", retry_after=7)
        kept = store.create("Task", {**wanted, "status": "accepted"}, by=message.by)
        return [kept.body]

    monkeypatch.setattr(hooks, "_handlers", {})
    hooks.on_message(f"{SYSTEM}|ask-for-bed", answer)
    hooks.on_message("http://hospital.example/bed-uri", answer)
    return calls


def message(focus=None, *, header=None, **more):
    focus = task() if focus is None else focus
    head = {
        "resourceType": "MessageHeader",
        "id": "m-1",
        "eventCoding": dict(EVENT),
        "source": {"endpoint": "http://partner.example/fhir"},
        "focus": [{"reference": "urn:uuid:5ec05c2c-1f0c-4c8e-8a86-0d3f6b7a4f10"}],
    } | (header or {})
    return {
        "resourceType": "Bundle",
        "type": "message",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{new_id()}"},
        "timestamp": "2026-11-24T00:00:00Z",
        "entry": [
            {"fullUrl": "urn:uuid:0b1c2f7e-33a1-4d0e-9a0c-3f5f0f0c9b11", "resource": head},
            {"fullUrl": "urn:uuid:5ec05c2c-1f0c-4c8e-8a86-0d3f6b7a4f10", "resource": focus},
        ],
    } | more


def header(answer):
    assert answer.status == 200, answer.text
    validate.check(answer.body)
    assert answer.body["type"] == "message"
    first = answer.entries[0]["resource"]
    assert first["resourceType"] == "MessageHeader"
    return first


def test_a_message_is_processed_by_who_registered_for_its_event(api, beds):
    answer = api.post("$process-message", message())
    head = header(answer)
    assert head["response"] == {"identifier": "m-1", "code": "ok"}
    assert head["eventCoding"] == EVENT
    assert head["destination"] == [{"endpoint": "http://partner.example/fhir"}]
    kept = answer.entries[1]["resource"]
    assert head["focus"] == [{"reference": f"{BASE}/Task/{kept['id']}"}]
    assert api.get(f"Task/{kept['id']}").body["status"] == "accepted"
    [heard] = beds
    assert heard.by == DR_LIN
    assert heard.event == f"{SYSTEM}|ask-for-bed"
    assert heard.header["id"] == "m-1"


def test_an_event_may_be_a_uri_and_the_bundle_a_parameter(api, beds):
    by_uri = message(header={"eventUri": "http://hospital.example/bed-uri"})
    del by_uri["entry"][0]["resource"]["eventCoding"]
    rows = [{"name": "content", "resource": by_uri}, {"name": "async", "valueBoolean": False}]
    body = {"resourceType": "Parameters", "parameter": rows}
    assert header(api.post("$process-message", body))["response"]["code"] == "ok"


def test_a_message_sent_again_gets_the_same_answer(api, beds):
    first = api.post("$process-message", message())
    second = api.post("$process-message", message())
    assert first.text == second.text
    assert len(beds) == 1
    other = api.post("$process-message", message(task(status="received")))
    assert other.status == 412
    assert "another message" in other.issues[0][1]
    elsewhere = api.post("$process-message", message(), by=partner_with())
    assert header(elsewhere)["response"]["code"] == "ok"
    assert len(beds) == 2, "the same id of another sender is another message"


def test_a_refusal_is_an_answer_and_leaves_nothing_behind(api, beds):
    refused = api.post("$process-message", message(task(status="on-hold")))
    head = header(refused)
    assert head["response"]["code"] == "fatal-error"
    outcome = refused.entries[1]
    assert head["response"]["details"] == {"reference": outcome["fullUrl"]}
    assert outcome["resource"]["issue"][0]["code"] == "business-rule"
    assert api.get("Task").entries == []
    again = api.post("$process-message", message(task(status="on-hold")))
    assert again.text == refused.text
    assert len(beds) == 1


def test_a_busy_moment_is_no_answer_to_keep(api, beds):
    busy = api.post("$process-message", message(task(status="ready")))
    assert (busy.status, busy.headers["Retry-After"]) == (503, "7")
    assert not AnsweredMessage.objects.exists()


def test_an_event_that_nobody_processes_is_said_so(api, beds):
    event = {"system": SYSTEM, "code": "make-tea"}
    answer = api.post("$process-message", message(header={"eventCoding": event}))
    assert answer.status == 422
    assert answer.issues == [
        ("not-supported", f"messages of {SYSTEM}|make-tea are not processed here")
    ]
    assert not AnsweredMessage.objects.exists()


def broken(change):
    made = message()
    change(made)
    return made


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        (broken(lambda m: m.update(type="batch")), 422, "Bundle.type"),
        (broken(lambda m: m["entry"].reverse()), 422, "Bundle"),
        (broken(lambda m: m.pop("entry")), 422, "Bundle"),
        (
            broken(lambda m: m["entry"][0]["resource"].pop("source")),
            422,
            "Bundle.entry[0].resource.source",
        ),
        (
            broken(lambda m: m["entry"][1]["resource"].update(status="bogus")),
            422,
            "Bundle.entry[1].resource.status",
        ),
        (broken(lambda m: m["entry"].pop(1)), 422, "Bundle.entry[0].resource.focus[0].reference"),
        (
            broken(
                lambda m: m["entry"][0]["resource"].update(
                    response={"identifier": "x", "code": "ok"}
                )
            ),
            422,
            "Bundle.entry[0].resource.response",
        ),
        (
            broken(lambda m: m["entry"][0]["resource"]["eventCoding"].pop("code")),
            422,
            "Bundle.entry[0].resource.eventCoding.code",
        ),
        (patient(), 422, "Bundle.type"),
        ({"resourceType": "Parameters"}, 400, "content"),
        (
            {
                "resourceType": "Parameters",
                "parameter": [
                    {"name": "content", "resource": message()},
                    {"name": "async", "valueBoolean": True},
                ],
            },
            422,
            "",
        ),
    ],
)
def test_what_is_no_message_is_refused_by_name(api, beds, body, status, place):
    answer = api.post("$process-message", body)
    assert answer.status == status, answer.text
    assert any(place in issue.get("expression", [""])[0] for issue in answer.body["issue"])
    assert not AnsweredMessage.objects.exists()


def test_a_header_without_an_id_is_known_by_its_full_url(api, beds):
    nameless = broken(lambda m: m["entry"][0]["resource"].pop("id"))
    head = header(api.post("$process-message", nameless))
    assert head["response"]["identifier"] == "0b1c2f7e-33a1-4d0e-9a0c-3f5f0f0c9b11"
    nothing = broken(
        lambda m: (m["entry"][0]["resource"].pop("id"), m["entry"][0].update(fullUrl="http://x/y"))
    )
    refused = api.post("$process-message", nothing)
    assert refused.status == 422
    assert refused.body["issue"][0]["expression"] == ["Bundle.entry[0].resource.id"]


def test_only_who_may_send_messages_is_heard(api, beds):
    assert api.post("$process-message", message(), by=MR_ZHAO).status == 403
    narrow = partner_with("system/Task.cruds")
    assert api.post("$process-message", message(), by=narrow).status == 403
    sender = partner_with("system/MessageHeader.c")
    answer = api.post("$process-message", message(), by=sender)
    assert header(answer)["response"]["code"] == "ok"
    assert beds[0].by == sender
    assert api.get("$process-message").status == 405
    assert api.post("Patient/$process-message", message()).status == 404


def test_an_event_has_one_handler(beds):
    with pytest.raises(ValueError, match="has a handler"):
        hooks.on_message(f"{SYSTEM}|ask-for-bed", lambda message: [])


@pytest.mark.django_db(transaction=True)
def test_old_answers_are_forgotten(api, beds):
    api.post("$process-message", message())
    tasks.forget_messages()
    assert AnsweredMessage.objects.count() == 1
    AnsweredMessage.objects.update(at_ms=0)
    assert messaging.forget() == 1


@pytest.mark.django_db(transaction=True)
def test_two_deliveries_at_once_are_processed_once(api, beds):
    asked = message()
    answers, start = [], threading.Barrier(2)

    def send():
        try:
            start.wait()
            answers.append(api.post("$process-message", asked))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].text == answers[1].text
    assert len(api.get("Task").entries) == 1
