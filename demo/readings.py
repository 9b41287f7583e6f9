"""Measured values of the residents: home readings of two weeks, and the laboratory."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from demo.residents import Resident
from records import build

Json = dict[str, Any]
LOINC = "http://loinc.org"
KIND = "http://terminology.hl7.org/CodeSystem/observation-category"
VITAL = build.codeable(KIND, "vital-signs", "Vital Signs")
LABORATORY = build.codeable(KIND, "laboratory", "Laboratory")
DAYS = 14

Value = tuple[str, str, str, str, float, float, int]
# condition: (LOINC code, display, unit as shown, UCUM unit, mean, spread, decimals)
DAILY: dict[str, Value] = {
    "dm2": ("1558-6", "Fasting glucose", "mmol/L", "mmol/L", 6.9, 0.7, 1),
    "copd": ("59408-5", "Oxygen saturation", "%", "%", 93.5, 1.2, 0),
    "hf": ("59408-5", "Oxygen saturation", "%", "%", 95.0, 1.0, 0),
}
TESTS: dict[str, tuple[Value, ...]] = {
    "dm2": (("4548-4", "Hemoglobin A1c", "%", "%", 7.2, 0.5, 1),),
    "lipid": (("22748-8", "LDL cholesterol", "mmol/L", "mmol/L", 2.9, 0.5, 2),),
    "gout": (("14933-6", "Urate", "μmol/L", "umol/L", 486, 40, 0),),
    "ckd": (("14682-9", "Creatinine", "μmol/L", "umol/L", 138, 20, 0),),
    "hf": (("33762-6", "NT-proBNP", "pg/mL", "pg/mL", 2150, 300, 0),),
    "htn2": (("2823-3", "Potassium", "mmol/L", "mmol/L", 4.2, 0.3, 1),),
    "hypothyroid": (("3016-3", "Thyrotropin", "mIU/L", "m[IU]/L", 3.1, 0.6, 2),),
}
CHINESE = {
    "8867-4": "心率",
    "29463-7": "体重",
    "1558-6": "空腹血糖",
    "59408-5": "血氧饱和度",
    "4548-4": "糖化血红蛋白",
    "22748-8": "低密度脂蛋白胆固醇",
    "14933-6": "尿酸",
    "14682-9": "肌酐",
    "33762-6": "NT-proBNP",
    "2823-3": "血钾",
    "3016-3": "促甲状腺激素",
}
HEART: Value = ("8867-4", "Heart rate", "/min", "/min", 75, 5, 0)
WEIGHT: Value = ("29463-7", "Body weight", "kg", "kg", 0, 0.3, 1)


def observations(resident: Resident, luck: random.Random, today: datetime) -> Iterator[Json]:
    """Everything measured of ``resident`` until ``today``, as Observations."""
    weight = luck.uniform(58, 79) if resident.sex == "male" else luck.uniform(49, 68)
    for days_ago in range(DAYS, 0, -1):
        at = _morning(today, days_ago, luck)
        if resident.pressure:
            yield _pressure(resident, luck, at)
            yield _value(resident, HEART, luck, at)
        for key in resident.conditions:
            if key in DAILY and days_ago % 2:
                yield _value(resident, DAILY[key], luck, at)
        if days_ago in (13, 7, 2):
            # A failing heart keeps water: the weight that climbs is what the doctor looks for.
            gain = 0.2 * (DAYS - days_ago) if "hf" in resident.conditions else 0.0
            yield _value(resident, WEIGHT, luck, at, mean=weight + gain)
    at = _morning(today, 13, luck)
    for key in resident.conditions:
        for test in TESTS.get(key, ()):
            yield _value(resident, test, luck, at, category=LABORATORY)


def _morning(today: datetime, days_ago: int, luck: random.Random) -> datetime:
    day = today.replace(hour=7, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    return day + timedelta(minutes=luck.randint(0, 80))


def _pressure(resident: Resident, luck: random.Random, at: datetime) -> Json:
    assert resident.pressure is not None  # noqa: S101
    systolic, diastolic = resident.pressure
    return {
        **_base(resident, at, VITAL),
        "code": build.codeable(LOINC, "85354-9", "Blood pressure panel", text="家庭血压"),
        "component": [
            _part("8480-6", "Systolic blood pressure", round(luck.gauss(systolic, 7))),
            _part("8462-4", "Diastolic blood pressure", round(luck.gauss(diastolic, 4))),
        ],
    }


def _part(code: str, display: str, value: int) -> Json:
    return {
        "code": build.codeable(LOINC, code, display),
        "valueQuantity": build.quantity(value, "mmHg", "mm[Hg]"),
    }


def _value(
    resident: Resident,
    what: Value,
    luck: random.Random,
    at: datetime,
    *,
    mean: float | None = None,
    category: Json = VITAL,
) -> Json:
    code, display, unit, ucum, usual, spread, decimals = what
    found = round(luck.gauss(usual if mean is None else mean, spread), decimals)
    value = found if decimals else int(found)
    if unit == "%" and code == "59408-5":
        value = min(value, 99)
    return {
        **_base(resident, at, category),
        "code": build.codeable(LOINC, code, display, text=CHINESE[code]),
        "valueQuantity": build.quantity(value, unit, ucum),
    }


def _base(resident: Resident, at: datetime, category: Json) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [category],
        "subject": {"reference": resident.reference},
        "effectiveDateTime": build.moment(at),
    }
