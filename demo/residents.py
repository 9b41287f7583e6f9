"""Thirty residents of a neighbourhood that does not exist. Nobody here is or was a real person."""

from dataclasses import dataclass
from datetime import date

from demo.numbers import identity_card, phone


@dataclass(frozen=True, slots=True)
class Resident:
    """Who somebody is and what ails them.

    ``conditions`` and ``medicines`` are keys of the lists in ``demo.histories``; ``pressure`` is
    the mean of the home readings in mmHg, or None when nobody measures.
    """

    number: int
    name: str
    sex: str
    birth: date
    home: str
    pressure: tuple[int, int] | None
    conditions: tuple[str, ...]
    medicines: tuple[str, ...]
    allergies: tuple[str, ...]

    @property
    def id(self) -> str:
        """The logical id of the Patient."""
        return f"resident-{self.number:02d}"

    @property
    def reference(self) -> str:
        """The FHIR reference."""
        return f"Patient/{self.id}"

    @property
    def identity_card(self) -> str:
        """A number with a valid checksum, of a division that does not exist."""
        return identity_card(self.birth, 40 + self.number, male=self.sex == "male")

    @property
    def phone(self) -> str:
        """A number that no operator gives out."""
        return phone(self.number)


REHEARSAL = "演练患者"

_LINES = """
赵桂芳|f|1952-03-18|临汾路街道|151/89|htn2 dm2 lipid knee|amlodipine valsartan metformin|青霉素:皮疹
沈美娟|f|1945-02-07|彭浦镇|138/78|af htn1 dizzy|warfarin bisoprolol|
何炳坤|m|1949-08-21|彭浦新村街道|146/86|gout uric htn1|febuxostat amlodipine|无
孙建华|m|1963-05-30|大宁路街道|134/82|dm2 lipid|metformin dapagliflozin atorvastatin|无
吴秀珍|f|1954-01-12|临汾路街道|136/80|htn2 lipid|amlodipine rosuvastatin|磺胺:荨麻疹
许丽君|f|1981-09-03|彭浦新村街道|-|thyroid||无
蒋福根|m|1942-06-25|彭浦镇|142/76|copd htn1|tiotropium amlodipine|无
陈国栋|m|1958-07-02|共和新路街道|118/72|hf cad ckd|bumetanide spironolactone|碘对比剂:皮疹
顾雪琴|f|1956-11-19|临汾路街道|144/84|htn1 vein|valsartan|
汪小莉|f|1993-04-08|大宁路街道|128/84|htn1|labetalol|无
冯美珍|f|1957-10-27|彭浦新村街道|132/78|lipid|atorvastatin|无
周志强|m|1970-02-14|芷江西路街道|-|gastritis|omeprazole|无
郑阿妹|f|1948-12-05|彭浦镇|150/82|htn2 ckd dm2|valsartan linagliptin|
丁树德|m|1951-07-16|临汾路街道|140/84|stroke htn2|aspirin atorvastatin amlodipine|无
谢玉珍|f|1953-03-29|宝山路街道|138/80|stroke htn1|clopidogrel atorvastatin|
柳志明|m|1960-09-11|北站街道|148/92|htn2 lipid|amlodipine|无
潘金娣|f|1950-05-06|彭浦镇|172/98|htn3 dm2|amlodipine valsartan metformin|无
严炳生|m|1944-10-10|临汾路街道|136/74|dm2 cataract|insulin|青霉素:休克
吴根娣|f|1947-08-02|彭浦新村街道|142/80|htn1 bronchitis|amlodipine|
鲍惠芬|f|1955-01-26|彭浦镇|138/82|stroke htn2|clopidogrel atorvastatin|无
钱宝林|m|1947-04-17|共和新路街道|134/76|copd|tiotropium|无
陆建平|m|1966-12-22|大宁路街道|152/96|htn2 obese|valsartan|无
施惠英|f|1962-06-09|芷江西路街道|130/78|hypothyroid|levothyroxine|无
黄根发|m|1953-09-18|彭浦镇|144/82|cad lipid|aspirin metoprolol atorvastatin|
徐玲娣|f|1959-02-28|临汾路街道|126/76|osteo|calcium|海鲜:荨麻疹
高志远|m|1985-11-07|大宁路街道|138/90|htn1 obese||无
马秀兰|f|1949-03-13|彭浦新村街道|146/80|parkinson htn1|levodopa amlodipine|
朱永康|m|1956-08-30|彭浦镇|140/86|prostate htn1|tamsulosin valsartan|无
唐佩华|f|1968-10-04|共和新路街道|-|insomnia anxious|zopiclone|无
演练患者|f|1950-01-01|彭浦镇|148/88|htn2|amlodipine|青霉素:皮疹
"""


def residents() -> list[Resident]:
    """Everybody; the last is the rehearsal patient, who is no patient at all."""
    return [_resident(n, line) for n, line in enumerate(_LINES.strip().splitlines(), 1)]


def _resident(number: int, line: str) -> Resident:
    name, sex, birth, home, pressure, conditions, medicines, allergies = line.split("|")
    systolic, _slash, diastolic = pressure.partition("/")
    return Resident(
        number,
        name,
        "male" if sex == "m" else "female",
        date.fromisoformat(birth),
        home,
        (int(systolic), int(diastolic)) if diastolic else None,
        tuple(conditions.split()),
        tuple(medicines.split()),
        tuple(allergies.split()),
    )
