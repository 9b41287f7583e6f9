"""What may happen to a room."""

from kernel.workflow import Workflow
from kernel.workflow import mark as _

ROOM = Workflow(
    "room",
    start="open",
    states={
        "open": (_("Room open"), "ok"),
        "closed": (_("Room closed"), "idle"),
    },
    transitions=[
        # Who may end which call is decided above; here only people of the call and the clock do.
        ("close", "open", "closed", "doctor nurse admin patient system", _("Close the room")),
    ],
)
