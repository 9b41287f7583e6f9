"""Who the FHIR door takes a request for."""

import pytest
from django.test import Client, RequestFactory

from accounts.bearer import principal_from
from accounts.oauth import tokens
from accounts.sessions import METHODS
from kernel.principal import Principal
from tests.accounts import make

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def asks(client: Client, method: str = "get", **headers: str) -> Principal | None:
    request = getattr(RequestFactory(), method)("/fhir/Patient", headers=headers)
    request.COOKIES = {name: morsel.value for name, morsel in client.cookies.items()}
    return principal_from(request)


def test_a_doctor_in_the_console_reads_with_their_session():
    lin = make.staff("lin", "doctor")
    principal = asks(make.signed_in(lin))
    assert principal is not None
    assert (principal.reference, principal.institution) == (lin.reference, "yunling")


def test_a_patient_reads_with_theirs():
    zhao = make.patient()
    principal = asks(make.patient_in(zhao))
    assert principal is not None
    assert principal.reference == zhao.reference


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_session_does_not_write_here(method):
    assert asks(make.signed_in(make.staff("lin", "doctor")), method) is None


def test_a_half_signed_in_session_opens_nothing():
    client = make.signed_in(make.staff("lin", "doctor"))
    session = client.session
    session[METHODS] = [{"method": "password"}]
    session.save()
    assert asks(client) is None


def test_a_session_ends_with_sign_out_and_with_a_new_password():
    lin = make.staff("lin", "doctor")
    client = make.signed_in(lin)
    kept = client.cookies["sessionid"].value
    client.logout()
    client.cookies["sessionid"] = kept
    assert asks(client) is None
    client = make.signed_in(lin)
    lin.set_password("another long password")
    lin.save()
    assert asks(client) is None


def test_a_token_is_judged_alone():
    partner = make.partner("donghua")
    token = tokens.issue(partner, "system/Patient.rs")
    signed_in = make.signed_in(make.staff("lin", "doctor"))
    principal = asks(signed_in, "post", Authorization=f"Bearer {token}")
    assert principal is not None
    assert principal.reference == "Organization/donghua"
    assert asks(signed_in, Authorization="Bearer forged") is None
    assert asks(signed_in, Authorization="Basic bGluOng=") is None
    assert asks(Client()) is None
