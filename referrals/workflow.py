"""Which state of a referral leads to which, and by whom: "doctor" sends, "partner" receives."""

from types import MappingProxyType

from kernel.workflow import State, Workflow
from kernel.workflow import mark as _

REFERRAL = Workflow(
    "referral",
    start="draft",
    states={
        "draft": (_("Draft"), "idle"),
        "submitted": (_("Submitted"), "info"),
        "received": (_("Received"), "info"),
        "info_needed": (_("Info needed"), "hold"),
        "accepted": (_("Accepted"), "ok"),
        "scheduled": (_("Scheduled"), "ok"),
        "no_show": (_("No-show"), "idle"),
        "arrived": (_("Arrived"), "info"),
        "in_care": (_("In care"), "info"),
        "outcome_reported": (_("Outcome to read"), "warn"),
        "closed": (_("Closed"), "idle"),
        "declined": (_("Declined"), "warn"),
        "cancel_requested": (_("Cancellation asked"), "hold"),
        "cancelled": (_("Cancelled"), "idle"),
    },
    transitions=[
        ("submit", "draft", "submitted", "doctor", _("Send referral")),
        ("receive", "submitted", "received", "partner", _("Receive")),
        (
            "ask_info",
            "submitted received accepted in_care",
            "info_needed",
            "partner",
            _("Ask for more"),
        ),
        ("answer", "info_needed", "received", "doctor", _("Answer")),
        ("accept", "submitted received info_needed", "accepted", "partner", _("Accept")),
        (
            "decline",
            "submitted received info_needed accepted scheduled no_show arrived in_care",
            "declined",
            "partner",
            _("Decline"),
        ),
        ("schedule", "accepted no_show", "scheduled", "partner", _("Schedule")),
        ("unschedule", "scheduled", "accepted", "partner", _("Cancel the appointment")),
        ("miss", "scheduled", "no_show", "partner", _("Did not come")),
        ("arrive", "accepted scheduled no_show", "arrived", "partner", _("Arrived")),
        (
            "admit",
            "info_needed accepted scheduled no_show arrived",
            "in_care",
            "partner",
            _("Take into care"),
        ),
        # A patient who was treated before our wish to cancel came through: the hospital may end
        # with the outcome instead (360X: 5.2 leads to 6.0 or to 7.0).
        (
            "report_outcome",
            "accepted scheduled arrived in_care cancel_requested",
            "outcome_reported",
            "partner",
            _("Report the outcome"),
        ),
        ("close", "outcome_reported", "closed", "doctor", _("Confirm reading")),
        ("withdraw", "draft submitted", "cancelled", "doctor", _("Withdraw")),
        (
            "ask_cancel",
            "received info_needed accepted scheduled no_show",
            "cancel_requested",
            "doctor",
            _("Ask to cancel"),
        ),
        ("confirm_cancel", "cancel_requested", "cancelled", "partner", _("Confirm cancellation")),
    ],
)

# Over for the patient: a new referral with the same purpose may be sent.
OVER = frozenset({"outcome_reported", "closed", "declined", "cancelled"})
LIVE = frozenset(REFERRAL.states) - OVER

PURPOSES = MappingProxyType(
    {
        "emergency": _("Emergency"),
        "admission": _("Admission"),
        "outpatient": _("Outpatient clinic"),
        "examination": _("Examination"),
    }
)
URGENCIES = MappingProxyType(
    {
        "emergency": _("At once"),
        "urgent": _("Urgent"),
        "soon": _("Soon"),
        "routine": _("Routine"),
    }
)
DECLINE_REASONS = MappingProxyType(
    {
        "information-needed": _("Further information is needed"),
        "not-appropriate": _("The service does not fit"),
        "prerequisites": _("Preparations are not complete"),
        "not-required": _("Not required, advice given"),
        "no-capacity": _("No capacity"),
        "wrong-institution": _("Wrong institution"),
        "duplicate": _("Already referred"),
        "patient-declined": _("The patient does not want it"),
        "other": _("Another reason"),
    }
)
# How the sending stands: it is no state of the referral, since the hospital knows nothing of it.
DELIVERY = MappingProxyType(
    {
        "waiting": State("waiting", _("Being sent"), "info"),
        "retrying": State("retrying", _("Not sent yet, trying again"), "warn"),
        "stuck": State("stuck", _("Not sent"), "crit"),
        "sent": State("sent", _("Sent"), "ok"),
    }
)
