"""What is known of each resident, as FHIR R4: problems, medicines, allergies, readings.

Deterministic: a resident's numbers come from their own seeded generator and the day of seeding.
"""

import random
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from demo.readings import observations
from demo.residents import REHEARSAL, Resident
from kernel.principal import Principal
from records import build, store

Json = dict[str, Any]
CHC = "yunling"
DOCTOR = "Practitioner/practitioner-lin-gp"
ID_CARD = "urn:oid:2.16.156.10011.1.3"
HEALTH_RECORD = "urn:oid:2.16.156.10011.1.2"
ICD10 = "urn:oid:2.16.156.10011.2.3.3.11"
SNOMED = "http://snomed.info/sct"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
ALLERGY = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
TEST_DATA = build.coding(
    "http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data"
)
KEEPER = Principal("Device/tongzhen", institution=CHC, roles=frozenset({"system"}))

CONDITIONS = {
    "htn1": ("I10.x03", "高血压1级"),
    "htn2": ("I10.x04", "高血压2级"),
    "htn3": ("I10.x05", "高血压3级"),
    "dm2": ("E11.900", "2型糖尿病"),
    "lipid": ("E78.200", "混合性高脂血症"),
    "knee": ("M17.900", "膝关节病"),
    "af": ("I48.900x004", "心房颤动"),
    "dizzy": ("R42.x00x004", "头晕"),
    "gout": ("M10.900", "痛风"),
    "uric": ("E79.001", "高尿酸血症"),
    "thyroid": ("E04.100", "非毒性单个甲状腺结节"),
    "hypothyroid": ("E03.900", "甲状腺功能减退症"),
    "copd": ("J44.900", "慢性阻塞性肺病"),
    "bronchitis": ("J42.x00", "慢性支气管炎"),
    "hf": ("I50.900", "心力衰竭"),
    "cad": ("I25.103", "冠状动脉粥样硬化性心脏病"),
    "ckd": ("N18.900", "慢性肾脏病，未特指"),
    "vein": ("I83.900x004", "下肢静脉曲张"),
    "gastritis": ("K29.500", "慢性胃炎"),
    "stroke": ("I69.300", "脑梗死后遗症"),
    "cataract": ("H25.900", "老年性白内障"),
    "obese": ("E66.900", "肥胖症"),
    "osteo": ("M81.900", "骨质疏松"),
    "parkinson": ("G20.x00", "帕金森病"),
    "prostate": ("N40.x00", "前列腺增生"),
    "insomnia": ("G47.000x001", "失眠"),
    "anxious": ("F41.100", "广泛性焦虑障碍"),
}
MEDICINES = {
    "amlodipine": ("苯磺酸氨氯地平片 5 mg", "早 1 片"),
    "valsartan": ("缬沙坦胶囊 80 mg", "早 1 粒"),
    "metformin": ("盐酸二甲双胍缓释片 0.5 g", "早晚各 1 片"),
    "warfarin": ("华法林钠片 2.5 mg", "晚 1 片"),
    "bisoprolol": ("富马酸比索洛尔片 5 mg", "早半片"),
    "metoprolol": ("琥珀酸美托洛尔缓释片 47.5 mg", "早 1 片"),
    "febuxostat": ("非布司他片 40 mg", "早 1 片"),
    "dapagliflozin": ("达格列净片 10 mg", "早 1 片"),
    "atorvastatin": ("阿托伐他汀钙片 20 mg", "晚 1 片"),
    "rosuvastatin": ("瑞舒伐他汀钙片 10 mg", "晚 1 片"),
    "tiotropium": ("噻托溴铵粉吸入剂 18 μg", "每天吸 1 粒"),
    "bumetanide": ("布美他尼片 1 mg", "早 1 片"),
    "spironolactone": ("螺内酯片 20 mg", "早 1 片"),
    "labetalol": ("盐酸拉贝洛尔片 100 mg", "早晚各 1 片"),
    "omeprazole": ("奥美拉唑肠溶胶囊 20 mg", "早饭前 1 粒"),
    "linagliptin": ("利格列汀片 5 mg", "早 1 片"),
    "aspirin": ("阿司匹林肠溶片 100 mg", "早 1 片"),
    "clopidogrel": ("硫酸氢氯吡格雷片 75 mg", "早 1 片"),
    "insulin": ("甘精胰岛素注射液 300 U", "睡前 14 单位"),
    "levothyroxine": ("左甲状腺素钠片 50 μg", "早饭前 1 片"),
    "calcium": ("碳酸钙 D3 片 600 mg", "晚 1 片"),
    "levodopa": ("多巴丝肼片 250 mg", "早中晚各半片"),
    "tamsulosin": ("盐酸坦索罗辛缓释胶囊 0.2 mg", "睡前 1 粒"),
    "zopiclone": ("右佐匹克隆片 3 mg", "睡前 1 片"),
}


def seed_history(resident: Resident, *, today: datetime) -> None:
    """Write the resident and everything known of them, in one transaction Bundle."""
    entries = [_entry(*known) for known in history(resident, today=today)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    store.transaction(bundle, by=KEEPER)


def _entry(kind: str, id_: str, body: Json) -> Json:
    where = f"{kind}/{id_}"
    return {"resource": {**body, "id": id_}, "request": {"method": "PUT", "url": where}}


def history(resident: Resident, *, today: datetime) -> Iterator[tuple[str, str, Json]]:
    """(type, logical id, resource) of everything known of ``resident``."""
    luck = random.Random(f"tongzhen {resident.number}")  # noqa: S311 - readings, not secrets
    yield "Patient", resident.id, patient(resident)
    listed = (
        *_conditions(resident, luck, today),
        *_medicines(resident, luck, today),
        *_allergies(resident),
        *observations(resident, luck, today),
        *_papers(resident, today),
    )
    counts: dict[str, int] = {}
    for body in listed:
        kind = body["resourceType"]
        counts[kind] = counts.get(kind, 0) + 1
        yield kind, f"{resident.id}-{kind.lower()}-{counts[kind]}", body


def patient(resident: Resident) -> Json:
    """The Patient, marked as test data."""
    family, given = resident.name[0], resident.name[1:]
    if resident.name == REHEARSAL:
        family, given = resident.name, ""
    return {
        "resourceType": "Patient",
        "meta": {"security": [TEST_DATA]},
        "identifier": [
            build.identifier(ID_CARD, resident.identity_card, use="official"),
            build.identifier(HEALTH_RECORD, f"990106{resident.number:011d}", use="secondary"),
        ],
        "active": True,
        "name": [build.human_name(resident.name, family=family, given=given or None)],
        "telecom": [build.telecom("phone", resident.phone, use="mobile")],
        "gender": resident.sex,
        "birthDate": resident.birth.isoformat(),
        "address": [
            {"use": "home", "text": f"上海市静安区{resident.home}（虚构）", "country": "CN"}
        ],
        "generalPractitioner": [{"reference": DOCTOR, "display": "林静怡"}],
        "managingOrganization": build.reference("Organization", CHC, "云岭社区卫生服务中心"),
    }


def _conditions(resident: Resident, luck: random.Random, today: datetime) -> Iterator[Json]:
    for key in resident.conditions:
        code, name = CONDITIONS[key]
        since = min(today.year, max(resident.birth.year + 30, today.year - luck.randint(1, 15)))
        yield {
            "resourceType": "Condition",
            "clinicalStatus": build.codeable(CLINICAL, "active", "Active"),
            "verificationStatus": build.codeable(VERIFIED, "confirmed", "Confirmed"),
            "category": [build.codeable(CATEGORY, "problem-list-item", "Problem List Item")],
            "code": build.codeable(ICD10, code, name, text=name),
            "subject": {"reference": resident.reference},
            "onsetDateTime": str(since),
            "recorder": {"reference": DOCTOR},
        }


def _medicines(resident: Resident, luck: random.Random, today: datetime) -> Iterator[Json]:
    for key in resident.medicines:
        name, dose = MEDICINES[key]
        yield {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": name},
            "subject": {"reference": resident.reference},
            "authoredOn": build.moment(today - timedelta(days=luck.randint(8, 26))),
            "requester": {"reference": DOCTOR},
            "dosageInstruction": [{"text": dose}],
        }


def _allergies(resident: Resident) -> Iterator[Json]:
    for said in resident.allergies:
        what, _colon, signs = said.partition(":")
        body: Json = {
            "resourceType": "AllergyIntolerance",
            "clinicalStatus": build.codeable(ALLERGY, "active", "Active"),
            "code": {"text": what},
            "patient": {"reference": resident.reference},
        }
        if what == "无":
            body["code"] = build.codeable(
                SNOMED, "716186003", "No known allergy", text="无已知过敏"
            )
        else:
            body["reaction"] = [{"manifestation": [{"text": sign} for sign in signs.split("、")]}]
        yield body


def _papers(resident: Resident, today: datetime) -> Iterator[Json]:
    if "stroke" in resident.conditions or "hf" in resident.conditions:
        title = "北部医疗中心 出院小结"
        text = f"{title}（虚构）\n病情平稳出院，建议社区随访，按时服药。"
        yield {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": build.codeable("http://loinc.org", "18842-5", "Discharge summary"),
            "subject": {"reference": resident.reference},
            "date": build.moment(today - timedelta(days=41)),
            "description": title,
            "content": [{"attachment": _text_attachment(title, text)}],
        }


def _text_attachment(title: str, text: str) -> Json:
    data = b64encode(text.encode()).decode()
    return {"contentType": "text/plain; charset=utf-8", "title": title, "data": data}
