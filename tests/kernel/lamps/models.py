"""A lamp, its table of transitions and its rows."""

from typing import ClassVar

from django.db import models

from kernel.transitions import Stateful, TransitionRow, state_constraint
from kernel.workflow import Workflow
from kernel.workflow import mark as _

LAMP = Workflow(
    "lamp",
    start="off",
    states={
        "off": (_("Off"), "idle"),
        "on": (_("On"), "ok"),
        "broken": (_("Broken"), "crit"),
    },
    transitions=[
        ("light", "off", "on", "keeper", _("Light")),
        ("douse", "on", "off", "keeper night", _("Douse")),
        ("drop", "off on", "broken", "anyone keeper", _("Drop")),
    ],
)


class Lamp(Stateful):
    """A lamp."""

    workflow: ClassVar[Workflow] = LAMP
    colour = models.CharField(max_length=20, default="white")

    class Meta:
        constraints = (state_constraint(LAMP),)


class LampTransition(TransitionRow):
    """What happened to a lamp."""

    thing = models.ForeignKey(Lamp, models.CASCADE, related_name="transitions")


class Heard(models.Model):  # noqa: DJ008
    """What a handler wrote."""

    lamp = models.CharField(max_length=36)
    name = models.CharField(max_length=40)
