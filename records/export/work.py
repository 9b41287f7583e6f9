"""The worker's part: choose versions, write files, finish; from where the last one stopped.

One call works for a while and says whether more is to be done. A worker holds an export for a time
and renews that as it goes; of one that was killed the next finds finished files and goes on. What
nobody can finish ends as failed.
"""

import logging
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from django.db import connection, transaction
from django.db.models import F, QuerySet

from kernel.errors import HouseError
from kernel.ids import new_id
from kernel.principal import Principal
from records import jsontext, outcomes
from records.access import milliseconds
from records.export import files, limits, picks
from records.export.picks import Line, Pick
from records.export.wish import Wish
from records.models import Export
from records.stored import Stored
from records.subset import Subset

log = logging.getLogger(__name__)

HOLD_MS = 120_000
RENEW_MS = 5_000
# Well below the broker's visibility_timeout, after which a task is given to a second worker.
SLICE_SECONDS = 100.0
# Bytes, so that a page of large documents does not fill the memory.
PAGE_PICKS, PAGE_BYTES = 400, 4 << 20
FILE_PICKS, FILE_BYTES = 50_000, 512 << 20
DELETIONS_A_BUNDLE = 100
OUTPUT, DELETED, ERROR = "output", "deleted", "error"


class Lost(Exception):
    """Somebody else holds the export now, or it was cancelled."""


class TooLarge(HouseError):
    """More than an export may hold."""


def carry_on(public_id: str) -> float | None:
    """Work on an export for a while; the seconds after which to call again, None for not."""
    job = _claim(public_id)
    if job is None:
        return None
    try:
        return job.work()
    except Lost:
        return None
    except HouseError as error:
        job.fail("too-costly" if isinstance(error, TooLarge) else "forbidden", error.says)
    except Exception as error:  # noqa: BLE001  whatever it was, the requester is told in the end
        # A folder that went away with a cancelled export is no error.
        if job.release():
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
            log.error("export: %s at %s", type(error).__name__, place)
    return None


def _claim(public_id: str) -> "_Job | None":
    """Take an export that nobody holds; None when there is nothing to do."""
    now, holder = milliseconds(), new_id()
    free = Export.objects.filter(public_id=public_id, state="running", held_until_ms__lte=now)
    taken = free.update(holder=holder, held_until_ms=now + HOLD_MS, starts=F("starts") + 1)
    if not taken:
        return None
    job = _Job(Export.objects.get(public_id=public_id, holder=holder))
    if job.export.starts > limits.MOST_STARTS:
        job.fail("exception", "the export could not be finished")
        return None
    return job


class _Job:
    """One worker's hold on an export."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.wish = Wish(**export.wish)
        self.by = Principal(
            export.requester,
            institution=export.institution,
            roles=frozenset(export.roles),
            scopes=frozenset(export.scopes),
        )
        self.folder = files.folder(export.public_id)
        self._stop = time.monotonic() + SLICE_SECONDS
        self._renewed = milliseconds()

    def work(self) -> float | None:
        """Do what is left, as far as the time goes; the seconds after which to go on."""
        files.drop_drafts(self.export.public_id)
        if not _settled(self.export.at_ms):
            self.release(blame=False)
            return 1.0
        for _step in self._steps():
            if time.monotonic() > self._stop:
                self.release(blame=False)
                return 0.0
        self._end("done")
        return None

    def _steps(self) -> Iterator[None]:
        """Every list, then every file, that is not there yet."""
        parts = [(kind, OUTPUT) for kind in self.wish.kinds]
        if self.wish.since_ms is not None:
            parts += [(kind, DELETED) for kind in self.wish.kinds]
        for kind, part in parts:
            if not self._list(kind, part).exists():
                self._pick(kind, part)
                yield
        self._count(parts)
        finished = set(self.export.files.values_list("name", flat=True))
        for kind, part in parts:
            for name, chosen in _files(kind, part, files.read_picks(self._list(kind, part))):
                if name not in finished:
                    self._write(name, kind, part, chosen)
                    yield
        if self.wish.notes and "OperationOutcome-1.ndjson" not in finished:
            self._write_notes()

    def _list(self, kind: str, part: str) -> Path:
        return self.folder / f"{kind}.{part}.picks"

    def _pick(self, kind: str, part: str) -> None:
        choose = picks.picked if part == OUTPUT else picks.deleted
        found = choose(kind, self.wish, at_ms=self.export.at_ms, by=self.by)
        files.write_picks(self._list(kind, part), self._held(found), self.export.holder)

    def _held(self, found: Iterator[Pick]) -> Iterator[Pick]:
        for pick in found:
            self._renew()
            yield pick

    def _count(self, parts: list[tuple[str, str]]) -> None:
        """How much there is to write. Raises TooLarge."""
        if self.export.total is not None:
            return
        total = size = 0
        for kind, part in parts:
            for pick in files.read_picks(self._list(kind, part)):
                total += 1
                size += pick.size + 1
        if size > limits.largest():
            raise TooLarge("more data than one export may hold: ask for fewer types or patients")
        self.export.total = total
        self._mine().update(total=total)

    def _write(self, name: str, kind: str, part: str, chosen: list[Pick]) -> None:
        with files.Draft(self.folder / name, self.export.holder) as draft:
            for page in _pages(chosen):
                self._renew()
                found = picks.contents(page, kind=kind, by=self.by)
                if part == OUTPUT:
                    _add_resources(draft, found, self.wish.subset(kind))
                else:
                    _add_deletions(draft, found)
            self._keep(draft, kind if part == OUTPUT else "Bundle", part, len(chosen))

    def _write_notes(self) -> None:
        notes = [outcomes.issue("not-supported", n, severity="warning") for n in self.wish.notes]
        with files.Draft(self.folder / "OperationOutcome-1.ndjson", self.export.holder) as draft:
            for note in notes:
                draft.add(jsontext.dumps(outcomes.outcome(note)))
            self._keep(draft, "OperationOutcome", ERROR, 0)

    def _keep(self, draft: files.Draft, kind: str, part: str, worked: int) -> None:
        """Let a whole file count, if this export is still ours."""
        with transaction.atomic():
            mine = self._mine().update(
                done=F("done") + worked, starts=0, held_until_ms=milliseconds() + HOLD_MS
            )
            if not mine:
                raise Lost
            packed = draft.finish()
            if draft.count:
                self.export.files.create(
                    part=part, kind=kind, name=draft.path.name, count=draft.count,
                    size=draft.size, packed=packed,
                )  # fmt: skip

    def _renew(self) -> None:
        """Say that this worker lives. Raises Lost."""
        now = milliseconds()
        if now - self._renewed < RENEW_MS:
            return
        if not self._mine().update(held_until_ms=now + HOLD_MS):
            raise Lost
        self._renewed = now

    def release(self, *, blame: bool = True) -> bool:
        """Let the next worker go on; False when it was not ours any more.

        Without ``blame``, because all went well, the starts are counted anew.
        """
        starts = F("starts") if blame else 0
        return bool(self._mine().update(holder="", held_until_ms=0, starts=starts))

    def fail(self, code: str, says: str) -> None:
        """End it; the requester is told why."""
        self._end("failed", fault=code, says=says[:200])
        files.remove(self.export.public_id)

    def _end(self, state: str, **more: str) -> None:
        expires = milliseconds() + limits.kept_ms()
        self._mine().update(state=state, holder="", expires_ms=expires, **more)

    def _mine(self) -> QuerySet[Export]:
        """The row, if this worker still holds it."""
        return Export.objects.filter(pk=self.export.pk, holder=self.export.holder, state="running")


def _files(kind: str, part: str, chosen: Iterator[Pick]) -> Iterator[tuple[str, list[Pick]]]:
    """Cut a list into files: their names and what each holds."""
    stem = kind if part == OUTPUT else f"{kind}-deleted"
    for number, some in enumerate(_cut(chosen, FILE_PICKS, FILE_BYTES), 1):
        yield f"{stem}-{number}.ndjson", some


def _pages(chosen: list[Pick]) -> Iterator[list[Pick]]:
    return _cut(iter(chosen), PAGE_PICKS, PAGE_BYTES)


def _cut(chosen: Iterator[Pick], most: int, largest: int) -> Iterator[list[Pick]]:
    """Pieces of at most ``most`` picks and ``largest`` bytes, but never an empty one."""
    some: list[Pick] = []
    size = 0
    for pick in chosen:
        if some and (len(some) >= most or size + pick.size > largest):
            yield some
            some, size = [], 0
        some.append(pick)
        size += pick.size
    if some:
        yield some


def _add_resources(draft: files.Draft, found: list[Line], subset: Subset) -> None:
    for line in found:
        stored = subset.of(Stored(line.kind, line.id, line.version, 0, line.text))
        draft.add(stored.text, [line[:2]])


def _add_deletions(draft: files.Draft, found: list[Line]) -> None:
    """Transaction Bundles of DELETE entries."""
    for begin in range(0, len(found), DELETIONS_A_BUNDLE):
        some = found[begin : begin + DELETIONS_A_BUNDLE]
        entries = [{"request": {"method": "DELETE", "url": f"{x.kind}/{x.id}"}} for x in some]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        draft.add(jsontext.dumps(bundle), [line[:2] for line in some])


WRITERS = """
SELECT EXISTS (SELECT 1 FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
  AND backend_type = 'client backend'  -- autovacuum writes nothing of ours
  AND xact_start < to_timestamp(%s / 1000.0))
"""


def _settled(at_ms: int) -> bool:
    """True when no write of that moment or before can still become visible.

    A write is stamped some moments before the database sees it. On SQLite, holding an export waited
    for the one writer that there is.
    """
    if milliseconds() < at_ms + limits.SETTLE_MS:
        return False
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(WRITERS, [at_ms + 1])
        return not cursor.fetchone()[0]
