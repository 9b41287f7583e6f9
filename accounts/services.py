"""What people do about sign-in: one verb, one function."""

from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts import codes
from accounts.models import PatientAccount
from accounts.sessions import PATIENT, PATIENT_HOURS, PATIENT_UNTIL
from kernel.clock import now


def link_code(phone: str) -> datetime:
    """Send a sign-in code to ``phone``; return when it ends. Raises Busy when asked too often."""
    return codes.send(phone)


def send_code(account: PatientAccount) -> datetime:
    """Send a sign-in code to the patient's phone; return when it ends. Raises Busy."""
    return codes.send(account.phone)


def check_code(account: PatientAccount, code: str) -> None:
    """Use up the code that was sent to the patient. Raises Refused (wrong, over) or Busy."""
    codes.check(account.phone, code)


def check_phone_code(phone: str, code: str) -> list[PatientAccount]:
    """Use up the code that was sent to ``phone``; return whose phone it is (a family may share).

    Raises Refused (wrong, over) or Busy.
    """
    codes.check(phone, code)
    found = PatientAccount.objects.filter(phone=phone, active=True)
    return list(found.select_related("institution"))


def sign_in_patient(request: HttpRequest, account: PatientAccount) -> None:
    """Let the patient of ``account`` into their pages in this browser.

    The caller has proved who they are (link and code). The session gets a new
    key, so that one planted before is worth nothing.
    """
    request.session.cycle_key()
    remember_patient(request.session, account)


def remember_patient(session: SessionBase, account: PatientAccount) -> None:
    """Put the patient into a session, for as long as a visit may take."""
    session[PATIENT] = account.fhir_id
    session[PATIENT_UNTIL] = (now() + timedelta(hours=PATIENT_HOURS)).timestamp()
