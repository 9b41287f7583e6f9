"""What pages of people tell the trail: one event a page, not one for each thing that it shows."""

from kernel.principal import Principal
from records.audit.events import made
from records.audit.writer import check_room, note


def opened(by: Principal, patient: str, *, keeper: str = "") -> None:
    """Note that ``by`` opens the record of ``patient`` (``Patient/id``) on a page, before it does.

    ``keeper`` is the institution whose work the page is. Raises Busy while nothing can be noted.
    """
    check_room()
    event = made(by, "R", "console")
    event.kind, _, event.logical_id = patient.partition("/")
    event.patient, event.keeper = event.logical_id, keeper
    note(event)
