"""What people do about sign-in: one verb, one function."""

from datetime import timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts.models import PatientAccount
from accounts.sessions import PATIENT, PATIENT_HOURS, PATIENT_UNTIL
from kernel.clock import now


def sign_in_patient(request: HttpRequest, account: PatientAccount) -> None:
    """Let the patient of ``account`` into their pages in this browser.

    The caller has proved who they are (link and code, or link and digits). The session gets a new
    key, so that one planted before is worth nothing.
    """
    request.session.cycle_key()
    remember_patient(request.session, account)


def remember_patient(session: SessionBase, account: PatientAccount) -> None:
    """Put the patient into a session, for as long as a visit may take."""
    session[PATIENT] = account.fhir_id
    session[PATIENT_UNTIL] = (now() + timedelta(hours=PATIENT_HOURS)).timestamp()


def sign_out_patient(request: HttpRequest) -> None:
    """Forget the patient of this browser; a member of staff in the same browser stays."""
    request.session.pop(PATIENT, None)
    request.session.pop(PATIENT_UNTIL, None)
    request.session.cycle_key()
