"""What stands around every console page."""

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.sessions import Staff
from consult.models import Visit
from consult.pages import NavItem, Place, Shell
from kernel.clock import now
from kernel.principal import Principal

Key = str


def shell(staff: Staff, principal: Principal, *, key: Key, title: str, socket: str = "") -> Shell:
    """The frame of the console for one member of staff; ``key`` names the place they are at."""
    post = staff.post
    return Shell(
        institution=post.institution.name if post else "",
        person=principal.name,
        post=post.title if post else "",
        title=title,
        nav=nav(principal, key=key),
        now=now(),
        places=[Place(p.public_id, p.institution.name, p == post) for p in staff.posts]
        if len(staff.posts) > 1
        else (),
        switch_url=reverse("choose_post"),
        socket=socket or f"/ws/console/?at={key}",
    )


def nav(principal: Principal, *, key: Key = "") -> list[NavItem]:
    """The rail: places that the principal's roles open, with what waits there."""
    items: list[NavItem] = []
    if principal.has("doctor", "nurse"):
        mine = Visit.objects.of_doctor(principal.reference, principal.institution)
        states = list(
            mine.filter(state__in=("waiting", "called", "in_progress", "wrap_up")).values_list(
                "state", "public_id"
            )
        )
        waiting = sum(state == "waiting" for state, _id in states)
        items.append(
            NavItem("board", reverse("console:board"), count=waiting, current=key == "board")
        )
        inside = [visit for state, visit in states if state in ("called", "in_progress")]
        if inside:
            url = reverse("console:visit", args=(inside[0],))
            items.append(NavItem("visit", url, count=1, tone="info", current=key == "visit"))
        items.append(NavItem("refer", reverse("console:referrals"), current=key == "refer"))
    if principal.has("cashier", "doctor", "admin", "auditor"):
        items.append(NavItem("bills", reverse("console:bills"), current=key == "bills"))
    return items


def titles() -> dict[Key, str]:
    """The heads of the places."""
    return {
        "board": _("Board"),
        "visit": _("Video visit"),
        "refer": _("Referrals"),
        "bills": _("Bills"),
    }
