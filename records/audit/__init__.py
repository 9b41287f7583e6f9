"""Who accessed what, when: each access leaves a row in a chain of hashes.

``following`` collects what one request touches, ``note`` puts a row into the queue, ``check_room``
refuses work while the trail cannot be written, ``opened`` is for pages.
"""

from records.audit.events import Event, made
from records.audit.pages import opened
from records.audit.trail import Touched, Trail, called, count, following, touch
from records.audit.writer import check_room, close, flush, note

__all__ = [
    "Event",
    "Touched",
    "Trail",
    "called",
    "check_room",
    "close",
    "count",
    "flush",
    "following",
    "made",
    "note",
    "opened",
    "touch",
]
