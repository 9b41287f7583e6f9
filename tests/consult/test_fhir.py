"""The mapping to FHIR: pure, complete for every state, and read back as it was written."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consult import diagnoses, fhir
from consult.workflow import VISIT

FORM = re.compile(r"[A-Z]\d{2}\.[\dx]\d{2}(x\d{3})?(\+[A-Z]\d{2}(\.[\dx])?\*)?")
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)


def facts(state: str = "booked", history: tuple[tuple[str, datetime], ...] = ()) -> fhir.VisitFacts:
    return fhir.VisitFacts(
        state=state,
        patient="Patient/zhao",
        doctor="Practitioner/lin",
        institution="yunling",
        start=NINE,
        end=NINE + timedelta(minutes=15),
        reason="头晕",
        appointment_id="a1",
        history=history,
    )


@pytest.mark.parametrize("state", VISIT.states)
def test_every_state_has_its_statuses(state):
    assert fhir.appointment(facts(state))["status"] == fhir.APPOINTMENT[state]
    assert fhir.encounter(facts(state, (("booked", NINE),)))["status"] == fhir.ENCOUNTER[state]


def test_an_unknown_state_is_an_error_that_names_it():
    with pytest.raises(KeyError, match="dreaming"):
        fhir.appointment(facts("dreaming"))


def test_neighbours_of_one_status_are_one_line_of_the_history():
    times = [NINE + timedelta(minutes=n) for n in range(5)]
    steps = list(zip(("booked", "waiting", "called", "waiting", "called"), times, strict=True))
    history = fhir.status_history([*steps, ("in_progress", NINE + timedelta(minutes=9))])
    assert [line["status"] for line in history] == ["planned", "arrived"]
    assert history[1]["period"]["end"].startswith("2026-11-23T09:09")


WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1)


@given(st.dictionaries(st.sampled_from(sorted(fhir.SECTIONS)), WORDS))
def test_a_note_is_read_back_as_it_was_written(texts):
    written = {part: text for part, text in texts.items() if text.strip()}
    body = fhir.note(facts(), encounter_id="e1", texts=texts, title="记录", at=NINE)
    assert fhir.note_texts(body) == {part: text.strip() for part, text in written.items()}


def test_lines_stay_lines():
    body = fhir.note(
        facts(), encounter_id="e1", texts={"plan": "一 <b>\n二 & 三"}, title="记录", at=NINE
    )
    assert fhir.note_texts(body) == {"plan": "一 <b>\n二 & 三"}


def test_the_short_list_of_diagnoses_has_the_form_of_the_official_one():
    assert len(diagnoses.KNOWN) >= 80
    assert len({known.code for known in diagnoses.KNOWN}) == len(diagnoses.KNOWN)
    assert [known.code for known in diagnoses.KNOWN if not FORM.fullmatch(known.code)] == []


@pytest.mark.parametrize("words", ["高血压", "I10", "hypertension", "  原发 "])
def test_diagnoses_are_found_by_name_code_and_english(words):
    assert "I10.x09" in [known.code for known in diagnoses.search(words, limit=20)]


def test_what_begins_with_the_words_comes_first():
    assert diagnoses.search("头")[0].name.startswith("头")
    assert diagnoses.search("") == []
