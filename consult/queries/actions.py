"""Buttons, from the workflow tables: what this viewer may do now."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from consult.models import Visit
from consult.pages import Action, Badge
from kernel.principal import Principal
from kernel.transitions import Stateful
from kernel.workflow import State, mark


@dataclass(frozen=True, slots=True)
class Look:
    """How the button of a transition looks; ``confirm`` is asked before what cannot be undone."""

    icon: str = ""
    primary: bool = False
    danger: bool = False
    confirm: str = ""


CONSOLE: Mapping[str, Look] = {
    "call_in": Look("video", primary=True),
    "take_back": Look("hold"),
    "end_call": Look("phone", danger=True, confirm=mark("End the call?")),
    "complete": Look("pen", primary=True),
    "patient_absent": Look(
        "idle", confirm=mark("Close this visit because the patient did not come?")
    ),
    "decline_online": Look("route", confirm=mark("End the visit? The patient pays nothing.")),
    "cancel_by_clinic": Look(
        "crit", danger=True, confirm=mark("Cancel this visit? The patient is told at once.")
    ),
}
PATIENT: Mapping[str, Look] = {
    "check_in": Look("ok", primary=True),
    "cancel_by_patient": Look(confirm=mark("Give up this visit? What you paid comes back.")),
}


def visit_actions(visit: Visit, principal: Principal, *only: str) -> tuple[Action, ...]:
    """What ``principal`` may do with ``visit`` at the console; ``only`` narrows to these names."""
    if visit.doctor != principal.reference and principal.has("doctor"):
        return ()
    return tuple(
        _action(name, label, look, reverse("console:act", args=(visit.public_id, name)))
        for name, label, look in _looks(visit, principal, CONSOLE, only)
    )


def patient_actions(visit: Visit, principal: Principal, token: str) -> tuple[Action, ...]:
    """What the patient may do on their page."""
    return tuple(
        _action(name, label, look, reverse("patient:act", args=(token, name)))
        for name, label, look in _looks(visit, principal, PATIENT, ())
    )


def state_badge(thing: Stateful) -> Badge:
    """The state of a thing, in its table's own word and tone."""
    return badge(thing.state_shown)


def badge(state: State, icon: str = "") -> Badge:
    """A row of a workflow table as a badge."""
    return Badge(_(state.label), state.tone, icon)


def _looks(
    visit: Visit, principal: Principal, looks: Mapping[str, Look], only: tuple[str, ...]
) -> list[tuple[str, str, Look]]:
    return [
        (transition.name, transition.label, looks[transition.name])
        for transition in visit.open_to(principal)
        if transition.name in looks and (not only or transition.name in only)
    ]


def _action(name: str, label: str, look: Look, url: str) -> Action:
    return Action(
        name=name,
        label=_(label),
        url=url,
        primary=look.primary,
        danger=look.danger,
        icon=look.icon,
        confirm=_(look.confirm) if look.confirm else "",
    )


def open_action(url: str, label: str, *, icon: str = "") -> Action:
    """A button that only opens a page."""
    return Action(name="open", label=label, url=url, icon=icon, method="get")
