"""What may happen to a video visit, from where, by whom."""

from kernel.workflow import Workflow
from kernel.workflow import mark as _

VISIT = Workflow(
    "visit",
    start="booked",
    states={
        "booked": (_("Not here yet"), "idle"),
        "waiting": (_("Waiting"), "info"),
        "called": (_("Being called"), "info"),
        "in_progress": (_("In visit"), "info"),
        "wrap_up": (_("To sign"), "warn"),
        "completed": (_("Signed"), "ok"),
        "cancelled_by_patient": (_("Cancelled by the patient"), "idle"),
        "cancelled_by_clinic": (_("Cancelled by the clinic"), "idle"),
        "no_show_patient": (_("Patient did not come"), "idle"),
        "no_show_clinician": (_("Doctor did not come"), "crit"),
        "unsuitable_online": (_("To be seen in person"), "warn"),
    },
    transitions=[
        # name          from                           to             by                label
        ("check_in", "booked", "waiting", "patient nurse", _("I am here")),
        ("call_in", "waiting", "called", "doctor", _("Call in")),
        ("no_answer", "called", "waiting", "system", _("No answer")),
        ("take_back", "called", "waiting", "doctor", _("Back to waiting")),
        ("begin", "called", "in_progress", "system", _("Both are there")),
        ("end_call", "in_progress", "wrap_up", "doctor", _("End call")),
        ("complete", "wrap_up", "completed", "doctor", _("Sign and finish")),
        (
            "decline_online",
            "waiting called in_progress wrap_up",
            "unsuitable_online",
            "doctor",
            _("Must be seen in person"),
        ),
        (
            "patient_absent",
            "booked waiting called",
            "no_show_patient",
            "doctor system",
            _("Patient did not come"),
        ),
        ("doctor_absent", "waiting", "no_show_clinician", "system", _("Doctor did not come")),
        (
            "cancel_by_patient",
            "booked waiting",
            "cancelled_by_patient",
            "patient",
            _("I will not come"),
        ),
        (
            "cancel_by_clinic",
            "booked waiting called",
            "cancelled_by_clinic",
            "doctor nurse admin",
            _("Cancel visit"),
        ),
    ],
)

LIVE = ("waiting", "called", "in_progress")
"""States in which the patient is here."""

INSIDE = ("called", "in_progress")
"""States of a call; a doctor is in one at a time."""

ENDS = tuple(state for state in VISIT.states if VISIT.is_final(state))
"""States from which nothing leads on."""

UNSEEN = (
    "cancelled_by_patient",
    "cancelled_by_clinic",
    "no_show_clinician",
    "unsuitable_online",
)
"""Ends for which the patient does not pay. Who simply does not come pays."""

CLINIC_REASONS = {
    "doctor-away": _("The doctor is away"),
    "technical": _("The video did not work"),
    "other-arrangement": _("Another appointment was agreed"),
}
UNSUITABLE_REASONS = {
    "emergency": _("It may be an emergency"),
    "examination": _("An examination in person is needed"),
    "first-visit": _("There is no earlier diagnosis in person"),
}
"""Coded reasons that a doctor chooses from (detailed rules of online care, stop conditions)."""
