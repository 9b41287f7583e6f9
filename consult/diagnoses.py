"""Common diagnoses of community health centres, by the codes of the insurance edition of ICD-10.

A short list so that a first day works; institutions load the official list.
"""

from dataclasses import dataclass

SYSTEM = "urn:oid:2.16.156.10011.2.3.3.11"
"""ICD-10 as Chinese clinical documents name it (WS/T 500)."""


@dataclass(frozen=True, slots=True)
class Known:
    """One diagnosis: its code, its name, and its name in English."""

    code: str
    name: str
    english: str


_LINES = """
I10.x09|原发性高血压|Essential hypertension
I10.x03|高血压1级|Hypertension, grade 1
I10.x04|高血压2级|Hypertension, grade 2
I10.x05|高血压3级|Hypertension, grade 3
I11.901|高血压性心脏病|Hypertensive heart disease
I15.900|继发性高血压|Secondary hypertension
E11.900|2型糖尿病|Type 2 diabetes mellitus
E11.201+N08.3*|2型糖尿病性肾病|Diabetic kidney disease, type 2
E11.301+H36.0*|2型糖尿病性视网膜病变|Diabetic retinopathy, type 2
E11.401+G63.2*|2型糖尿病性周围神经病|Diabetic neuropathy, type 2
E10.900|1型糖尿病|Type 1 diabetes mellitus
R73.002|糖尿病前期|Prediabetes
E78.000|纯高胆固醇血症|Pure hypercholesterolaemia
E78.100|纯高甘油酯血症|Pure hypertriglyceridaemia
E78.200|混合性高脂血症|Mixed hyperlipidaemia
E78.500|高脂血症|Hyperlipidaemia
E79.001|高尿酸血症|Hyperuricaemia
M10.900|痛风|Gout
E66.900|肥胖症|Obesity
E03.900|甲状腺功能减退症|Hypothyroidism
E05.900x001|甲状腺功能亢进症|Hyperthyroidism
E04.100|非毒性单个甲状腺结节|Thyroid nodule
I25.103|冠状动脉粥样硬化性心脏病|Coronary heart disease
I20.000|不稳定型心绞痛|Unstable angina
I20.900|心绞痛|Angina pectoris
I25.200|陈旧性心肌梗死|Old myocardial infarction
I48.900x004|心房颤动|Atrial fibrillation
I49.900|心律失常|Cardiac arrhythmia
I50.900|心力衰竭|Heart failure
I63.900|脑梗死|Cerebral infarction
I69.300|脑梗死后遗症|Sequelae of cerebral infarction
G45.900|短暂性大脑缺血性发作|Transient ischaemic attack
I67.200|大脑动脉粥样硬化|Cerebral atherosclerosis
I83.900x004|下肢静脉曲张|Varicose veins of the legs
R42.x00x004|头晕|Dizziness
R51.x00|头痛|Headache
G43.900|偏头痛|Migraine
G47.000x001|失眠|Insomnia
G20.x00|帕金森病|Parkinson's disease
G30.900|阿尔茨海默病|Alzheimer's disease
F32.900|抑郁发作|Depressive episode
F41.100|广泛性焦虑障碍|Generalised anxiety disorder
J06.900|急性上呼吸道感染|Acute upper respiratory infection
J20.900|急性支气管炎|Acute bronchitis
J40.x00|支气管炎|Bronchitis
J42.x00|慢性支气管炎|Chronic bronchitis
J44.900|慢性阻塞性肺病|Chronic obstructive pulmonary disease
J44.100|慢性阻塞性肺病伴有急性加重|COPD with acute exacerbation
J45.900|哮喘|Asthma
J30.400|变应性鼻炎|Allergic rhinitis
J18.900|肺炎|Pneumonia
R05.x00|咳嗽|Cough
K21.900x003|胃食管反流|Gastro-oesophageal reflux disease
K29.500|慢性胃炎|Chronic gastritis
K25.900x001|胃溃疡|Gastric ulcer
K26.900x001|十二指肠溃疡|Duodenal ulcer
K30.x00|功能性消化不良|Functional dyspepsia
K58.801|肠易激综合征|Irritable bowel syndrome
K59.000|便秘|Constipation
K76.000|脂肪肝|Fatty liver
K80.200x003|胆囊结石|Gallstones
B18.107|未特指乙型病毒性肝炎|Chronic hepatitis B
N18.900|慢性肾脏病，未特指|Chronic kidney disease
N39.000|泌尿道感染|Urinary tract infection
N40.x00|前列腺增生|Benign prostatic hyperplasia
N20.000|肾结石|Kidney stone
M17.900|膝关节病|Osteoarthritis of the knee
M54.500|下背痛|Low back pain
M47.802|混合型颈椎病|Cervical spondylosis
M51.202|腰椎间盘突出|Lumbar disc herniation
M75.001|肩周炎|Frozen shoulder
M81.900|骨质疏松|Osteoporosis
M06.900|类风湿性关节炎|Rheumatoid arthritis
L30.900|皮炎|Dermatitis
L50.900|荨麻疹|Urticaria
B02.900x001|带状疱疹|Herpes zoster
B35.300|脚癣|Tinea pedis
H10.900|结膜炎|Conjunctivitis
H25.900|老年性白内障|Senile cataract
H81.100|良性阵发性眩晕|Benign paroxysmal vertigo
D50.900|缺铁性贫血|Iron-deficiency anaemia
R60.900|水肿|Oedema
R53.x00|不适和疲劳|Malaise and fatigue
R10.402|腹痛|Abdominal pain
R07.400|胸痛|Chest pain
Z71.900|咨询|Counselling
"""
KNOWN = tuple(Known(*line.split("|")) for line in _LINES.strip().splitlines())
_BY_CODE = {known.code: known for known in KNOWN}


def by_code(code: str) -> Known | None:
    """The diagnosis with this code, or None."""
    return _BY_CODE.get(code)


def search(words: str, *, limit: int = 8) -> list[Known]:
    """Diagnoses whose name, English name or code contains ``words``; those that begin so first."""
    wanted = words.strip().lower()
    if not wanted:
        return []
    found = [known for known in KNOWN if wanted in _haystack(known)]
    return sorted(found, key=lambda known: not _begins(known, wanted))[:limit]


def _haystack(known: Known) -> str:
    return f"{known.code}\n{known.name}\n{known.english}".lower()


def _begins(known: Known, wanted: str) -> bool:
    return any(line.startswith(wanted) for line in _haystack(known).split("\n"))
