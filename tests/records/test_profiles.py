"""The consortium's profiles: numbers with their check digits, and to whom they apply."""

import pytest
from django.core.management import call_command

from demo import numbers as fictitious
from kernel.errors import Invalid
from kernel.principal import SYSTEM
from records import profiles, store, validate
from records.profiles import numbers
from records.profiles.definitions import definition, publish
from records.profiles.table import ICD10, IDENTITY_CARD, INSTITUTION, PROFILES
from tests.records.cast import DR_LIN, partner, patient

CARD = "11010519491231002X"  # the worked example of the standard
WRONG_CARD = "110105194912310021"
RESIDENT = "urn:tongzhen:profile:patient"


def carried(card=CARD, **more):
    born = {"birthDate": "1949-12-31", "gender": "female"}
    return patient(identifier=[{"system": IDENTITY_CARD, "value": card}], **(born | more))


@pytest.mark.parametrize(
    ("card", "fault"),
    [
        (CARD, ""),
        ("31010619800101001X", ""),
        ("310106198001010018", "check digit"),
        (WRONG_CARD, "check digit"),
        ("11010519491231002x", "17 digits"),
        ("110105491231002", "17 digits"),
        ("１１０１０５１９４９１２３１００２Ｘ", "17 digits"),
        ("110105194902300022", "calendar"),
        ("", "17 digits"),
    ],
)
def test_an_identity_card_is_checked_as_gb_11643_says(card, fault):
    said = numbers.identity_card_fault(card)
    assert fault in said if fault else said == ""


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("91350100M000100Y43", ""),
        ("91350100M000100Y44", "GB 32100"),
        ("91350100M000100YI3", "without I"),
        ("D2143569X", ""),
        ("D2143569-X", ""),
        ("D21435691", "GB 11714"),
        ("M000100Y4", ""),
        ("310106", "GB 11714"),
    ],
)
def test_a_code_of_an_institution_is_checked_as_gb_32100_and_11714_say(code, fault):
    said = numbers.institution_code_fault(code)
    assert fault in said if fault else said == ""


def test_every_single_mistyped_digit_is_noticed():
    for place in range(17):
        for digit in "0123456789":
            typed = CARD[:place] + digit + CARD[place + 1 :]
            assert bool(numbers.identity_card_fault(typed)) == (typed != CARD)


def test_a_credit_code_with_a_wrong_organization_within_is_noticed():
    head = "91350100M000100Y5"
    letters = numbers.CREDIT_LETTERS
    total = sum(letters.index(c) * pow(3, n, 31) for n, c in enumerate(head))
    assert "GB 11714" in numbers.credit_code_fault(head + letters[-total % 31])


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("A00.000", True),
        ("A00.000x001", True),
        ("A33.x00", True),
        ("I10.x00x002", True),
        ("A01.001+K77.0*", True),
        ("A01.002+G01*", True),
        ("I10", False),
        ("I10.x", False),
        ("i10.x00", False),
        ("I10.x00x02", False),
    ],
)
def test_a_diagnosis_is_written_as_the_national_editions_write_it(code, right):
    assert (numbers.diagnosis_fault(code) == "") is right


def test_the_demo_s_numbers_are_sound_and_nobody_s():
    for serial in range(1, 50):
        assert numbers.credit_code_fault(fictitious.credit_code(serial)) == ""


def test_what_our_services_write_is_checked_without_a_claim(db):
    with pytest.raises(Invalid) as refused:
        store.create("Patient", carried(WRONG_CARD), by=DR_LIN)
    [(path, says)] = refused.value.issues
    assert path == "Patient.identifier[0].value"
    assert "GB 11643" in says
    assert WRONG_CARD not in says
    assert store.create("Patient", carried(), by=DR_LIN).body["identifier"][0]["value"] == CARD


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (carried(birthDate="1949-12-30"), "Patient.birthDate"),
        (
            {
                "resourceType": "Organization",
                "identifier": [{"system": INSTITUTION, "value": "91350100M000100Y44"}],
            },
            "Organization.identifier[0].value",
        ),
        (
            {
                "resourceType": "Condition",
                "subject": {"reference": "Patient/zhao"},
                "code": {
                    "coding": [{"system": "x:y", "code": "1"}, {"system": ICD10, "code": "I10"}]
                },
            },
            "Condition.code.coding[1].code",
        ),
    ],
)
def test_the_place_is_named(db, body, path):
    with pytest.raises(Invalid) as refused:
        store.create(body["resourceType"], body, by=SYSTEM)
    assert refused.value.issues[0][0] == path


def test_a_month_or_a_year_of_birth_agrees_with_the_card():
    for said in ("1949", "1949-12"):
        assert profiles.breaches(carried(birthDate=said), "Patient", ours=True) == []
    assert profiles.breaches(carried(birthDate="1950"), "Patient", ours=True)


@pytest.mark.django_db
@pytest.mark.embedded
def test_a_partner_is_held_to_what_it_claims_alone(api):
    by = partner()
    assert api.post("Patient", carried(WRONG_CARD), by=by).status == 201
    claimed = carried(WRONG_CARD, meta={"profile": [RESIDENT]})
    refused = api.post("Patient", claimed, by=by)
    assert refused.status == 422
    assert refused.body["issue"][0]["expression"] == ["Patient.identifier[0].value"]
    other = carried(WRONG_CARD, meta={"profile": [f"{RESIDENT}|9", "http://x.example/theirs"]})
    assert api.post("Patient", other, by=by).status == 201
    entry = {"request": {"method": "POST", "url": "Patient"}, "resource": claimed}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    refused = api.post("", bundle, by=by)
    where = "Bundle.entry[0].resource.identifier[0].value"
    assert refused.body["issue"][0]["expression"] == [where]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_profile_describes_itself(profile):
    body = definition(profile)
    validate.check(body)
    assert profiles.find(body["url"]) is profiles.find(f"{body['url']}|{body['version']}")
    said = [c["key"] for e in body["differential"]["element"] for c in e.get("constraint", [])]
    assert sorted(said) == sorted(rule.key for rule in profile.rules)


@pytest.mark.django_db
@pytest.mark.embedded
def test_definitions_are_published_once(api, capsys):
    call_command("publish_profiles")
    assert f"{len(PROFILES)} definitions" in capsys.readouterr().out
    assert publish() == 0
    found = api.get(f"StructureDefinition?url={RESIDENT}")
    assert found.ids == ["tongzhen-patient"]
    rest = api.get("metadata").body["rest"][0]["resource"]
    [row] = [row for row in rest if row["type"] == "Patient"]
    assert row["supportedProfile"] == [RESIDENT]
