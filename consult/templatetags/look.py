"""Parts that every template draws the same way: icons, badges, buttons, clocks, money, charts."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext, pgettext_lazy

from consult.pages import Action, Badge, Day, Money, Promise, QueueRow, Vital
from consult.plots import Reading, pressure_chart, share, spark
from kernel.clock import now
from kernel.workflow import Tone

register = template.Library()

SEXES = {
    "female": pgettext_lazy("sex", "F"),
    "male": pgettext_lazy("sex", "M"),
    "other": pgettext_lazy("sex", "Other"),
}
MESSAGE_TONES = {"success": "ok", "warning": "warn", "error": "crit", "debug": "idle"}
NEARLY_OVER = 0.85
FIRST_HOUR, LAST_HOUR = 8, 17


@register.simple_tag
def icon(name: str) -> SafeString:
    """The icon ``name`` of the sprite, for beside words."""
    return format_html('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def badge(of: Badge | None, extra: str = "") -> SafeString | str:
    """A state as icon, words and tone; nothing for None. ``extra`` is a class (bare, solid)."""
    if of is None:
        return ""
    return format_html(
        '<span class="badge {}" data-tone="{}">{}{}</span>',
        extra,
        of.tone,
        icon(of.icon or of.tone),
        of.label,
    )


@register.inclusion_tag("parts/_act.html", takes_context=True)
def act(context: Context, action: Action, size: str = "") -> dict[str, Any]:
    """The button of ``action``; ``size`` is a class (sm, wide, slim)."""
    return {"action": action, "size": size, "csrf_token": context.get("csrf_token", "")}


@register.inclusion_tag("parts/_elapsed.html")
def elapsed(row: QueueRow) -> dict[str, Any]:
    """How long ``row`` has waited against what was promised. The page's script keeps it running."""
    since = row.lost_at or row.since
    minutes = max(0, int((now() - since) / timedelta(minutes=1)))
    limit = row.promise.high if row.promise else 0
    return {
        "row": row,
        "since": since,
        "minutes": minutes,
        "limit": limit,
        "gone": share(minutes, limit),
        "over": max(0, minutes - limit) if limit else 0,
        "tone": _waiting_tone(row, minutes, limit),
    }


def _waiting_tone(row: QueueRow, minutes: int, limit: int) -> Tone:
    if row.lost_at:
        return "hold"
    if limit and minutes > limit:
        return "crit"
    return "warn" if limit and minutes >= limit * NEARLY_OVER else "info"


@register.inclusion_tag("parts/_pressure.html")
def pressure(readings: Sequence[Reading]) -> dict[str, Any]:
    """Blood pressure as two lines with two dashed targets."""
    return {"chart": pressure_chart(readings)}


@register.inclusion_tag("parts/_spark.html")
def course(vital: Vital) -> dict[str, Any]:
    """A vital's recent course; nothing for fewer than two values."""
    return {"spark": spark(vital.values, vital.normal), "vital": vital}


@register.inclusion_tag("parts/_split.html")
def split(money: Money) -> dict[str, Any]:
    """Fund, account and own part as one bar, always in this order."""
    fund, account = share(money.fund, money.total), share(money.account, money.total)
    return {"money": money, "fund": fund, "account": account, "cash_from": fund + account}


@register.inclusion_tag("parts/_day_strip.html")
def day_strip(of: Day) -> dict[str, Any]:
    """The day's appointments on one line, with the present."""
    hours = [timezone.localtime(s.at).hour for s in of.slots]
    start = min([FIRST_HOUR, *hours]) * 60
    end = max([LAST_HOUR, *(h + 1 for h in hours)]) * 60
    span = end - start

    def place(at: datetime) -> float:
        local = timezone.localtime(at)
        return share(local.hour * 60 + local.minute - start, span)

    return {
        "slots": [
            {"slot": s, "x": place(s.at), "width": share(s.minutes * 0.92, span)} for s in of.slots
        ],
        "hours": [
            {"at": share(h * 60 - start, span), "label": f"{h}:00"}
            for h in range(start // 60, end // 60)
        ],
        "now": place(of.now)
        if start // 60 <= timezone.localtime(of.now).hour < end // 60
        else None,
    }


@register.filter
def yuan(fen: int) -> str:
    """Fen as yuan with two decimals and thousands: 842650 -> 8,426.50."""
    return f"{fen / 100:,.2f}" if fen >= 0 else f"−{-fen / 100:,.2f}"


@register.filter
def clock(at: datetime | None) -> str:
    """Hours and minutes where the institutions are."""
    return f"{timezone.localtime(at):%H:%M}" if at else "—"


@register.filter
def day(of: date | datetime | None) -> str:
    """The day with its weekday: 11月23日 周一, Mon 23 Nov."""
    if of is None:
        return ""
    local = timezone.localtime(of).date() if isinstance(of, datetime) else of
    if (get_language() or "").startswith("zh"):
        return f"{local.month}月{local.day}日 周{'一二三四五六日'[local.weekday()]}"
    return f"{local:%a} {local.day} {local:%b}"


@register.filter
def when(at: datetime | None) -> str:
    """The hour for today, otherwise the date: 14:03, 11-12, 2025-06-12."""
    if at is None:
        return "—"
    local, today = timezone.localtime(at), timezone.localdate()
    if local.date() == today:
        return f"{local:%H:%M}"
    return f"{local:%m-%d}" if local.year == today.year else f"{local:%Y-%m-%d}"


@register.filter
def until(due: datetime | None) -> str:
    """What is left to a deadline, or how late it is: 57 min left, 1:20 late.

    For a later day the hour, since ``when`` beside it gives the date.
    """
    if due is None:
        return ""
    minutes = round((due - now()) / timedelta(minutes=1))
    if minutes < 0:
        return gettext("%(time)s late") % {"time": _hours(-minutes)}
    if minutes < 60:
        return ngettext("%(n)d min left", "%(n)d min left", minutes) % {"n": minutes}
    if timezone.localtime(due).date() == timezone.localdate():
        return gettext("%(time)s left") % {"time": _hours(minutes)}
    return clock(due)


def _hours(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"


@register.filter
def sex(code: str) -> str:
    """A FHIR administrative gender in one word."""
    return str(SEXES.get(code, ""))


@register.filter
def tone(level: str) -> str:
    """The tone of a message of ``django.contrib.messages``, by its level's tag."""
    return MESSAGE_TONES.get(level, "info")


@register.filter
def surname(name: str) -> str:
    """The letter of the avatar: the surname's first."""
    return name.strip()[:1]


@register.filter
def minutes_range(promise: Promise) -> str:
    """10-25 with the dash of figures."""
    return f"{promise.low}\u2013{promise.high}" if promise.high > promise.low else str(promise.low)


@register.filter
def anchor(of: str) -> str:
    """``of`` as part of an HTML id: letters, digits and hyphens only."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", of)
