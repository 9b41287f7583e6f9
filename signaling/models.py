"""Rooms. Who is in one is known to the media node only, and only while they are."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.transitions import Stateful, TransitionRow, state_constraint
from kernel.workflow import Workflow
from signaling.workflow import ROOM


class Room(Stateful):
    """A place to meet.

    ``purpose`` names what for, in the words of whoever opened it (``visit:<public id>``); rooms
    never look behind it. There is at most one open room per purpose.
    """

    workflow: ClassVar[Workflow] = ROOM

    purpose = models.CharField(max_length=80, db_index=True)
    opened_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("-id",)
        constraints = (
            state_constraint(ROOM),
            models.UniqueConstraint(
                fields=("purpose",), condition=Q(state="open"), name="room_once_per_purpose"
            ),
        )


class RoomTransition(TransitionRow):
    """What happened to a room."""

    thing = models.ForeignKey(Room, models.PROTECT, related_name="transitions")

    class Meta(TransitionRow.Meta):
        abstract = False
