"""Pages show what was there when the first was read, each once, whatever others write."""

import random
import threading

import pytest
from django.db import connection

from records import store
from records.search import paging, search
from tests.records.cast import DR_LIN, patient

pytestmark = [pytest.mark.embedded]


def turn(api, path, between=lambda page: None):
    """The ids of every page; ``between`` is called before each next one."""
    page = api.get(path)
    seen, number = page.ids, 0
    while url := page.link("next"):
        number += 1
        between(number)
        page = api.get(url)
        assert page.status == 200, page.text
        seen += page.ids
    return seen


@pytest.fixture
def ward(api, db):
    for n in range(9):
        born = f"19{50 + n}-01-01"
        api.put(f"Patient/p{n}", patient(id=f"p{n}", birthDate=born, gender="male"))
    return api


NAMES = [f"p{n}" for n in range(9)]
SORTS = ["birthdate", "-birthdate", "_lastUpdated", "-_lastUpdated,birthdate", "_id", "gender,-_id"]


@pytest.mark.parametrize("sort", SORTS)
def test_changed_sort_keys_make_nobody_come_twice_or_never(ward, sort):
    def shuffle(number):
        # The last come first, the first last; of these one is no man any more.
        for n, year in ((0, 2020), (8, 1900), (number + 2, 1890 + number)):
            born = f"{year}-01-01"
            ward.put(f"Patient/p{n}", patient(id=f"p{n}", birthDate=born, gender="female"))
        ward.put(f"Patient/new{number}", patient(id=f"new{number}", gender="male"))

    before = ward.get(f"Patient?gender=male&_sort={sort}").ids
    assert turn(ward, f"Patient?gender=male&_sort={sort}&_count=2", shuffle) == before
    assert sorted(before) == NAMES


@pytest.mark.parametrize("query", ["", "gender=male", "identifier=M-1", "gender:not=female"])
def test_unsorted_pages_show_what_was_there(ward, query):
    def change(number):
        ward.put(f"Patient/p{8 - number}", patient(id=f"p{8 - number}", gender="female"))
        ward.put(f"Patient/p{9 - number}", {"resourceType": "Patient", "id": f"p{9 - number}"})
        ward.put(f"Patient/new{number}", patient(id=f"new{number}", gender="male"))

    assert turn(ward, f"Patient?{query}&_count=2", change) == NAMES


def test_what_changed_is_shown_as_it_is(ward):
    page = ward.get("Patient?_sort=birthdate&_count=4")
    ward.put("Patient/p6", patient(id="p6", birthDate="1900-01-01", gender="other"))
    entries = ward.get(page.link("next")).entries
    assert [entry["resource"]["id"] for entry in entries] == ["p4", "p5", "p6", "p7"]
    assert entries[2]["resource"]["gender"] == "other"
    assert entries[2]["resource"]["meta"]["versionId"] == "2"


def test_what_was_deleted_is_not_shown_and_what_matches_later_neither(ward):
    ward.put("Patient/she", patient(id="she", birthDate="1999-01-01", gender="female"))
    page = ward.get("Patient?gender=male&_sort=birthdate&_count=3")
    ward.delete("Patient/p5")
    ward.put("Patient/she", patient(id="she", birthDate="1956-06-01", gender="male"))
    assert ward.get(page.link("next")).ids == ["p3", "p4", "p6"]


def test_too_much_written_since_is_said(ward, monkeypatch):
    monkeypatch.setattr(paging, "MOST_CHANGED", 2)
    page = ward.get("Patient?_sort=birthdate&_count=3")
    plain = ward.get("Patient?_count=3")
    for n in range(3):
        ward.put(f"Patient/p{n}", patient(id=f"p{n}", birthDate="2000-01-01"))
    refused = ward.get(page.link("next"))
    assert refused.status == 412
    assert "search again" in refused.issues[0][1]
    assert ward.get(plain.link("next")).ids == ["p3", "p4", "p5"]


def test_the_next_page_is_at_the_address_that_the_client_used(ward):
    page = ward.get("Patient?_count=3&_sort=-birthdate")
    assert page.link("next").startswith("http://testserver/fhir/Patient?")
    assert page.link("self") == "http://testserver/fhir/Patient?_count=3&_sort=-birthdate"
    assert page.link("first") == page.link("self")
    second = ward.get(page.link("next"))
    assert second.link("first") == page.link("self")


def test_a_count_beyond_reason_is_cut(ward):
    assert len(ward.get("Patient?_count=1000000000").ids) == 9
    assert ward.get("Patient?_count=99999999999999999999").status == 200
    nothing = ward.get("Patient?_count=0").body
    assert (nothing["total"], "entry" in nothing) == (9, False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sort", ["_lastUpdated", "-birthdate", ""])
def test_pages_while_somebody_writes_all_the_time(sort):
    names = {f"p{n}" for n in range(40)}
    for name in sorted(names):
        store.create("Patient", patient(birthDate="1970-01-01"), by=DR_LIN, id=name)
    stop, dice = threading.Event(), random.Random(4)

    def write():
        try:
            while not stop.is_set():
                name = f"p{dice.randrange(40)}"
                born = f"{dice.randrange(1900, 2020)}-01-01"
                store.update("Patient", name, patient(birthDate=born), by=DR_LIN)
                if dice.random() < 0.2:
                    store.create("Patient", patient(birthDate=born), by=DR_LIN)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(12):
            given = [("_count", "7")] + ([("_sort", sort)] if sort else [])
            seen, cursor = [], ""
            fixed = {s.id for s in search("Patient", [("_count", "1000")], by=DR_LIN).matches}
            while True:
                page = search("Patient", [*given, ("_cursor", cursor)], by=DR_LIN)
                seen += [stored.id for stored in page.matches]
                cursor = page.next
                if not cursor:
                    break
            assert len(seen) == len(set(seen))
            assert fixed <= set(seen)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
