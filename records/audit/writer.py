"""Writes the trail: a bounded queue, and one thread a process that empties it in batches.

A request puts its events into memory and goes on; within ``LATEST`` seconds, or sooner when a batch
is full, they are in the database with one statement. While the database is away they wait, and
when no more can wait, work is refused rather than done without a trace. A process that is killed
loses what it had not written: at most the last half second.
"""

import atexit
import logging
import secrets
import threading
from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from kernel.clock import now
from kernel.errors import Busy
from records import rows
from records.audit.events import COLUMNS, ORIGIN, Event, digest

log = logging.getLogger(__name__)
LATEST = 0.5  # seconds
BATCH = 200
MOST_WAITING = 50_000
PAUSE = 1.0  # seconds after a failure
CLOSES_WITHIN = 5.0
Row = tuple[Any, ...]
NAMES = ("chain", "number", "before", "hash", *COLUMNS)
TYPES = {
    **dict.fromkeys(("chain", "at_ms"), "bigint"),
    **dict.fromkeys(("number", "version", "found", "status"), "int"),
}
ROWS_A_STATEMENT = 400


class Writer:
    """The queue of one process and its chain. Without ``thread`` only ``flush`` empties it."""

    def __init__(self, *, thread: bool = True) -> None:
        self._has_thread = thread
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._waiting: list[Event] = []
        self._ready: list[Row] = []
        self._thread: threading.Thread | None = None
        self._closing = False
        self._chain = secrets.randbits(62)
        self._number = 0
        self._last = ""

    def is_full(self) -> bool:
        """True when no more can wait."""
        return len(self._waiting) + len(self._ready) >= MOST_WAITING

    def take(self, event: Event) -> None:
        """Put an event into the queue."""
        event.at_ms = int(now().timestamp() * 1000)
        with self._changed:
            self._waiting.append(event)
            if self._has_thread and self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()
            if len(self._waiting) in (1, BATCH):
                self._changed.notify()

    def flush(self) -> None:
        """Write all that waits. Raises Django's database errors; nothing is lost then."""
        with self._flushing:
            with self._changed:
                fresh, self._waiting = self._waiting, []
            self._link(fresh)
            while self._ready:
                part = self._ready[:ROWS_A_STATEMENT]
                _insert(part)
                self._ready = self._ready[len(part) :]

    def close(self) -> None:
        """Write what waits and end the thread; may be called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSES_WITHIN)

    def _link(self, events: Sequence[Event]) -> None:
        """Give each event its place and hash, the first of all behind the head of the chain."""
        if events and not self._last:
            head = Event("", "", "", "", "E", "start", at_ms=events[0].at_ms)
            try:
                self._last = _newest()
            except DatabaseError:
                with self._changed:
                    self._waiting[:0] = events
                raise
            events = [head, *events]
        for event in events:
            before, self._last = self._last, digest(self._last, self._chain, self._number, event)
            values = (getattr(event, name) for name in COLUMNS)
            self._ready.append((self._chain, self._number, before, self._last, *values))
            self._number += 1

    def _run(self) -> None:
        try:
            while self._wait():
                try:
                    self.flush()
                except DatabaseError as error:
                    log.error("audit: %s, %d rows wait", type(error).__name__, len(self._ready))
                    connections[DEFAULT_DB_ALIAS].close()
                    if self._rest():
                        break
        finally:
            connections[DEFAULT_DB_ALIAS].close()

    def _wait(self) -> bool:
        """Until there is a batch, or time is up; False at the end, when nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._waiting or self._ready)
            self._changed.wait_for(
                lambda: self._closing or len(self._waiting) >= BATCH, timeout=LATEST
            )
            return bool(self._waiting or self._ready)

    def _rest(self) -> bool:
        """Pause after a failure; True when the process ends meanwhile."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._closing, timeout=PAUSE))


def _newest() -> str:
    found = rows.fetch("SELECT a.hash FROM records_auditrow a ORDER BY a.id DESC LIMIT 1", [])
    return str(found[0][0]) if found else ORIGIN


def _insert(made: Sequence[Row]) -> None:
    # A row whose first attempt came through unheard is there already.
    tail = "ON CONFLICT (chain, number) DO NOTHING"
    names = ", ".join(NAMES)
    if connections[DEFAULT_DB_ALIAS].vendor == "postgresql":
        columns = ", ".join(f"%b::{TYPES.get(name, 'text')}[]" for name in NAMES)
        given: list[Any] = [list(column) for column in zip(*made, strict=True)]
        select = f"SELECT * FROM unnest({columns})"  # noqa: S608
    else:
        marks = ", ".join(["%s"] * len(NAMES))
        select = f"VALUES {', '.join([f'({marks})'] * len(made))}"
        given = [value for row in made for value in row]
    rows.fetch(f"INSERT INTO records_auditrow ({names}) {select} {tail}", given)


class _Process:
    """The writer of this process."""

    writer = Writer()


def note(event: Event) -> None:
    """Put an event into the trail."""
    _Process.writer.take(event)


def check_room() -> None:
    """Refuse work that could leave no trace: too much waits to be written already. Raises Busy."""
    if _Process.writer.is_full():
        raise Busy("accesses cannot be recorded now, so none is given", retry_after=5)


def flush() -> None:
    """Write what waits now. Raises Django's database errors."""
    _Process.writer.flush()


def close() -> None:
    """Write what waits, at the end of the process; may be called twice."""
    _Process.writer.close()


atexit.register(close)
