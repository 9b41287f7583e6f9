"""After a rehearsal the next one is booked, so that the waiting room is never empty for long."""

from demo.residents import residents
from demo.seed import rehearse
from kernel.transitions import TransitionRow


def follow_rehearsal(row: TransitionRow) -> None:
    """Book the next rehearsal when one has ended."""
    visit = row.thing
    if visit.rehearsal and visit.workflow.is_final(row.to_state):
        rehearse(residents())
