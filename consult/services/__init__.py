"""What people do with visits: one verb, one function."""

from consult.services.arriving import check_devices, check_in, give_consent, identify
from consult.services.booking import book_visit, new_link
from consult.services.calling import (
    Admission,
    admit,
    call_in,
    end_call,
    no_answer,
    presence,
    take_back,
)
from consult.services.ending import (
    cancel,
    decline_online,
    doctor_absent,
    patient_absent,
    sweep,
)
from consult.services.paying import collect, start_payment
from consult.services.projection import facts_of
from consult.services.referring import request_referral
from consult.services.signing import sign
from consult.services.writing import add_diagnosis, remove_diagnosis, save_note

__all__ = [
    "Admission",
    "add_diagnosis",
    "admit",
    "book_visit",
    "call_in",
    "cancel",
    "check_devices",
    "check_in",
    "collect",
    "decline_online",
    "doctor_absent",
    "end_call",
    "facts_of",
    "give_consent",
    "identify",
    "new_link",
    "no_answer",
    "patient_absent",
    "presence",
    "remove_diagnosis",
    "request_referral",
    "save_note",
    "sign",
    "start_payment",
    "sweep",
    "take_back",
]
