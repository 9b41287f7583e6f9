"""Fills a database in bulk.

Each patient has 499 resources. Rows are made by the store's own functions (text, place, index),
only the way into the tables is shorter: COPY.
"""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from bench.fhir.samples import encounter, filled_observation, filled_patient
from records import jsontext
from records.compartments import place_of
from records.search.parameters import index_rows

RESOURCES_A_PATIENT = 500
PATIENTS_A_COPY = 20
AUTHOR = "Organization/bench"
MOMENT = 1_700_000_000_000
Json = dict[str, Any]
TABLES = {
    "records_resource": "id kind logical_id version updated_ms deleted institution patient author "
    "content",
    "records_resourceversion": "resource_id version method at_ms by_reference content",
    "records_indexrow": "k v resource_id",
}


def fill(first: int, last: int) -> None:
    """Write patients ``first`` to ``last - 1`` with all that is theirs."""
    connection.ensure_connection()
    for begin in range(first, last, PATIENTS_A_COPY):
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
        for number in range(begin, min(begin + PATIENTS_A_COPY, last)):
            _rows_of(number, rows)
        for table, columns in TABLES.items():
            _copy(table, columns, rows[table])


def _rows_of(number: int, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    pk = 1_000_000 + number * RESOURCES_A_PATIENT
    for place, body in enumerate(_record(number)):
        kind, id_ = body["resourceType"], body["id"]
        text = jsontext.dumps(body)
        patient = place_of(kind, body).patient
        own = (pk + place, kind, id_, 1, MOMENT, False, "bench", patient, AUTHOR, text)
        rows["records_resource"].append(own)
        version = (pk + place, 1, "POST", MOMENT, AUTHOR, text)
        rows["records_resourceversion"].append(version)
        rows["records_indexrow"] += [(k, v, pk + place) for k, v in index_rows(kind, body)]


def _record(number: int) -> Iterator[Json]:
    meta = {"versionId": "1", "lastUpdated": "2023-11-14T22:13:20.000Z"}
    me = filled_patient(number)
    yield me | {"meta": meta}
    for place in range(1, RESOURCES_A_PATIENT):
        make = encounter if place % 10 == 0 else filled_observation
        yield make(f"Patient/{me['id']}", place) | {"id": f"r{number}-{place}", "meta": meta}


def _copy(table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    names = ", ".join(columns.split())
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
