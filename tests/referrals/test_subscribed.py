"""A hospital that subscribes is told of referrals to it, and of nobody else's."""

from datetime import timedelta

import pytest
import time_machine

from accounts.models import Partner
from kernel import outbox
from kernel.clock import now
from records import store
from records.subscriptions import delivery
from referrals import services
from tests.fakes.endpoint import Endpoint
from tests.records.test_subscriptions import subscription
from tests.referrals import make

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def endpoint():
    with Endpoint() as running:
        yield running


def told(endpoint, **later):
    with time_machine.travel(now() + timedelta(**later), tick=False):
        delivery.deliver_due()
    return endpoint.taken()


@pytest.mark.parametrize("by", [make.HOSPITAL_SYSTEM, make.OTHER_SYSTEM])
def test_a_referral_is_told_to_the_hospital_that_it_goes_to(centre, endpoint, by):
    Partner.objects.update(scopes="system/*.cruds")
    Partner.objects.create(
        organization_id=make.STRANGERS, name="他院", client_id="other", scopes="system/*.cruds"
    )
    wish = subscription("Task?owner=Organization/org-hospital", endpoint=endpoint.url)
    store.create("Subscription", wish, by=by)
    assert [message.said["type"] for message in told(endpoint, seconds=3)] == ["handshake"]
    referral = services.send_referral(**make.WORDS, by=make.DR_LIN)
    outbox.deliver_due()
    messages = told(endpoint, seconds=4)
    if by is make.OTHER_SYSTEM:
        assert messages == []
        return
    focus = messages[0].events[0]["focus"].rpartition("/fhir/")[2]
    assert focus == f"Task/{referral.task_id}"
    task = store.read("Task", referral.task_id, by=by).body
    assert task["owner"]["reference"] == "Organization/org-hospital"


def test_a_partner_that_was_switched_off_is_told_nothing(centre, endpoint):
    Partner.objects.update(scopes="system/*.cruds")
    wish = subscription(endpoint=endpoint.url)
    made = store.create("Subscription", wish, by=make.HOSPITAL_SYSTEM)
    told(endpoint, seconds=3)
    services.send_referral(**make.WORDS, by=make.DR_LIN)
    outbox.deliver_due()
    Partner.objects.update(active=False)
    assert told(endpoint, seconds=4) == []
    body = store.read("Subscription", made.id, by=make.HOSPITAL_SYSTEM).body
    assert (body["status"], body["error"]) == (
        "error",
        "the access of the subscriber has ended",
    )
