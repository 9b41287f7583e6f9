"""The SQL of writes: however many resources, PostgreSQL is asked three times at most.

It takes columns as arrays and writes resources, versions and index rows in one statement each for
what is new and for what is known; one statement alone needs no transaction around it. SQLite, in
the same process, takes plain inserts.
"""

# Text is made of constants and marks only; every value travels as a parameter.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from records import rows
from records.access import Clause
from records.write import Current, Write

ROWS_A_STATEMENT = 400

_LOCK = """
SELECT r.kind, r.logical_id, r.id, r.version, r.deleted, r.institution, r.author, r.patient,
  {text}{visible}
FROM records_resource r
"""
# In the order of the primary key: two bundles cannot wait for each other.
_LOCK_POSTGRESQL = """
JOIN unnest(%b::text[], %b::text[]) AS w(kind, logical_id)
  ON r.kind = w.kind AND r.logical_id = w.logical_id
ORDER BY r.id FOR UPDATE OF r
"""
_LOCK_SQLITE = "WHERE (r.kind, r.logical_id) IN (VALUES {pairs})"

_INSERT = """
WITH given AS (
  SELECT nextval('records_resource_id_seq') AS id, g.*, %s::bigint AS at_ms, %s::text AS author
  FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
    AS g(kind, logical_id, institution, patient, method, content)
), made AS (
  INSERT INTO records_resource (id, kind, logical_id, version, updated_ms, deleted, institution,
    patient, author, content)
  SELECT id, kind, logical_id, 1, at_ms, FALSE, institution, patient, author, content FROM given
), kept AS (
  INSERT INTO records_resourceversion (resource_id, version, method, at_ms, by_reference, content)
  SELECT id, 1, method, at_ms, author, content FROM given
), named AS (
  INSERT INTO records_naming (resource_id, patient)
  SELECT (SELECT array_agg(id ORDER BY id) FROM given)[n.place], n.patient
  FROM unnest(%b::int[], %b::text[]) AS n(place, patient)
)
INSERT INTO records_indexrow (k, v, resource_id)
SELECT x.k, x.v, (SELECT array_agg(id ORDER BY id) FROM given)[x.place]
FROM unnest(%b::int[], %b::bytea[], %b::int[]) AS x(k, v, place)
"""

_REPLACE = """
WITH given AS (
  SELECT g.*, %s::bigint AS at_ms, %s::text AS author
  FROM unnest(%b::bigint[], %b::int[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
    AS g(id, was, method, institution, keeper, patient, content)
), changed AS (
  UPDATE records_resource r SET version = g.was + 1, updated_ms = g.at_ms,
    deleted = g.method = 'DELETE', institution = COALESCE(g.institution, r.institution),
    author = COALESCE(g.keeper, r.author),
    placed = CASE WHEN g.patient <> r.patient THEN g.was + 1 ELSE r.placed END,
    patient = COALESCE(g.patient, r.patient), content = COALESCE(g.content, r.content)
  FROM given g WHERE r.id = g.id AND r.version = g.was RETURNING r.id
), kept AS (
  INSERT INTO records_resourceversion (resource_id, version, method, at_ms, by_reference, content)
  SELECT id, was + 1, method, at_ms, author, COALESCE(content, '') FROM given
), wanted AS (
  SELECT * FROM unnest(%b::int[], %b::bytea[], %b::bigint[]) AS x(k, v, id)
), gone AS (
  DELETE FROM records_indexrow o USING given g WHERE o.resource_id = g.id
    AND NOT EXISTS (SELECT FROM wanted n WHERE n.id = o.resource_id AND n.k = o.k AND n.v = o.v)
), fresh AS (
  INSERT INTO records_indexrow (k, v, resource_id) SELECT k, v, id FROM wanted
  ON CONFLICT DO NOTHING
), naming AS (
  SELECT * FROM unnest(%b::bigint[], %b::text[]) AS x(id, patient)
), unnamed AS (
  DELETE FROM records_naming o USING given g WHERE o.resource_id = g.id AND g.content IS NOT NULL
    AND NOT EXISTS (SELECT FROM naming n WHERE n.id = o.resource_id AND n.patient = o.patient)
), named AS (
  INSERT INTO records_naming (resource_id, patient) SELECT id, patient FROM naming
  ON CONFLICT DO NOTHING
)
SELECT id FROM changed
"""


_ADOPT = """
UPDATE records_resource SET patient = (
  SELECT n.patient FROM records_naming n WHERE n.resource_id = records_resource.id)
WHERE patient = '' AND (author = %s OR institution <> '' AND institution = %s)
  AND id IN (SELECT n.resource_id FROM records_naming n WHERE n.patient IN ({marks})) RETURNING id
"""


def lock(writes: Sequence[Write], seen: Mapping[str, Clause], *, text: bool) -> None:
    """Find what is there, lock it and fill in ``current``; ``text`` fetches the content too.

    ``seen`` says for each letter of the writes' scopes which resources the writer sees.
    """
    visible = "".join(f", {clause}" for clause, _ in seen.values())
    holds = [value for _, values in seen.values() for value in values]
    head = _LOCK.format(visible=visible, text="r.content" if text else "''")
    if connection.vendor == "postgresql":
        keys: list[Any] = [[w.kind for w in writes], [w.id for w in writes]]
        found = rows.fetch(head + _LOCK_POSTGRESQL, [*holds, *keys])
    else:
        pairs = ", ".join(["(%s, %s)"] * len(writes))
        keys = [part for write in writes for part in (write.kind, write.id)]
        found = rows.fetch(head + _LOCK_SQLITE.format(pairs=pairs), [*holds, *keys])
    known = {(row[0], row[1]): row[2:] for row in found}
    letters = list(seen)
    for write in writes:
        if row := known.get((write.kind, write.id)):
            seen_by = row[7 + letters.index(write.letter)]
            write.current = Current(*(*row[:7], seen_by))


def insert(writes: Sequence[Write], author: str, institution: str) -> None:
    """Write resources that nobody knew; ``institution`` keeps them unless they name one."""
    houses = [institution if w.institution is None else w.institution for w in writes]
    if connection.vendor != "postgresql":
        _insert_plainly(writes, houses, author)
        return
    columns: list[Any] = [[w.kind for w in writes], [w.id for w in writes], houses]
    columns += [[w.place.patient for w in writes], [w.method for w in writes]]
    columns.append([w.text for w in writes])
    places = range(1, len(writes) + 1)
    more = (*_naming(writes, places), *_index(writes, places))
    rows.fetch(_INSERT, [writes[0].updated_ms, author, *columns, *more])


def replace(writes: Sequence[Write], author: str) -> set[int]:
    """Write the next version of what is known; the keys of those whose version was still there."""
    if connection.vendor != "postgresql":
        return _replace_plainly(writes, author)
    known = [write.current for write in writes if write.current]
    pks = [current.pk for current in known]
    columns: list[Any] = [pks, [c.version for c in known], [w.method for w in writes]]
    columns += [[w.institution for w in writes], [w.keeper for w in writes]]
    columns.append([_of_body(w, w.place.patient) for w in writes])
    columns.append([_of_body(w, w.text) for w in writes])
    more = (*_index(writes, pks), *_naming(writes, pks))
    found = rows.fetch(_REPLACE, [writes[0].updated_ms, author, *columns, *more])
    return {pk for (pk,) in found}


def adopt(patients: Sequence[str], author: str, institution: str) -> None:
    """Put into the new records of ``patients`` what their author wrote before they were there.

    What lies in no record and waits for one patient names that one alone.
    """
    marks = ", ".join(["%s"] * len(patients))
    rows.fetch(_ADOPT.format(marks=marks), [author, institution, *patients])


def _of_body(write: Write, value: str) -> str | None:
    """``value``, or None for a deletion: what was the last content stays."""
    return None if write.body is None else value


def _index(writes: Sequence[Write], owners: Sequence[int]) -> tuple[list[Any], ...]:
    """The index rows of all writes as columns, with the owner of each."""
    keys: list[int] = []
    values: list[bytes] = []
    whose: list[int] = []
    for write, owner in zip(writes, owners, strict=True):
        for k, v in write.rows or ():
            keys.append(k)
            values.append(v)
            whose.append(owner)
    return keys, values, whose


def _naming(writes: Sequence[Write], owners: Sequence[int]) -> tuple[list[Any], ...]:
    """Patients named by what lies in no record, as columns, with the owner of each."""
    found = [(o, p) for w, o in zip(writes, owners, strict=True) for p in w.place.named]
    return [owner for owner, _ in found], [patient for _, patient in found]


def _insert_plainly(writes: Sequence[Write], houses: Sequence[str], author: str) -> None:
    columns = "kind logical_id version updated_ms deleted institution patient author content"
    made = [
        (w.kind, w.id, 1, w.updated_ms, False, house, w.place.patient, author, w.text)
        for w, house in zip(writes, houses, strict=True)
    ]
    keys = _insert_rows("records_resource", columns, made, "kind, logical_id, id")
    pks = {(kind, id_): pk for kind, id_, pk in keys}
    _insert_history(writes, [pks[w.kind, w.id] for w in writes], author)


def _replace_plainly(writes: Sequence[Write], author: str) -> set[int]:
    changed: set[int] = set()
    for write in writes:
        assert write.current is not None  # noqa: S101
        pk, was = write.current.pk, write.current.version
        found = rows.fetch(
            "UPDATE records_resource SET version = %s, updated_ms = %s, deleted = %s, "
            "institution = COALESCE(%s, institution), author = COALESCE(%s, author), "
            "placed = CASE WHEN %s <> patient THEN %s ELSE placed END, "
            "patient = COALESCE(%s, patient), content = COALESCE(%s, content) "
            "WHERE id = %s AND version = %s RETURNING id",
            [
                *(was + 1, write.updated_ms, write.method == "DELETE", write.institution),
                *(write.keeper, _of_body(write, write.place.patient), was + 1),
                *(_of_body(write, write.place.patient), _of_body(write, write.text), pk, was),
            ],
        )
        changed |= {pk for (pk,) in found}
        rows.fetch("DELETE FROM records_indexrow WHERE resource_id = %s", [pk])
        if write.body is not None:
            rows.fetch("DELETE FROM records_naming WHERE resource_id = %s", [pk])
    pks = [write.current.pk for write in writes if write.current]
    _insert_history(writes, pks, author)
    return changed


def _insert_history(writes: Sequence[Write], pks: Sequence[int], author: str) -> None:
    """The versions, the rows of the index, and who is named."""
    _insert_rows(
        "records_resourceversion",
        "resource_id version method at_ms by_reference content",
        [
            (pk, w.version, w.method, w.updated_ms, author, w.text)
            for w, pk in zip(writes, pks, strict=True)
        ],
    )
    naming = list(zip(*_naming(writes, pks), strict=True))
    _insert_rows("records_naming", "resource_id patient", naming)
    _insert_rows(
        "records_indexrow", "k v resource_id", list(zip(*_index(writes, pks), strict=True))
    )


def _insert_rows(
    table: str, columns: str, made: Sequence[tuple[Any, ...]], returning: str = ""
) -> list[tuple[Any, ...]]:
    """Insert many rows with few statements; return what ``returning`` asks for."""
    found: list[tuple[Any, ...]] = []
    names = columns.split()
    one = f"({', '.join(['%s'] * len(names))})"
    tail = f" RETURNING {returning}" if returning else ""
    for begin in range(0, len(made), ROWS_A_STATEMENT):
        part = made[begin : begin + ROWS_A_STATEMENT]
        values = ", ".join([one] * len(part))
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES {values}{tail}"
        found += rows.fetch(sql, [value for row in part for value in row])
    return found
