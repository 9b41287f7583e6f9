"""How much the evidence weighs, and which grade it makes. One table, no statistics.

Points are added and make the score, 100 points being 1. The grade is *certain* from 80 points when
nothing of name, birth date and gender differs, *probable* from 55, *possible* from 30 (always, when
the resident's numbers agree), and *certainly-not* below, and always when these numbers differ.
Without any number that agrees nothing is certain: name, birth date, gender and phone make 60.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from records.matching.comparing import Evidence, Json, compare
from records.stored import Stored

Grade = Literal["certain", "probable", "possible", "certainly-not"]

POINTS: dict[str, dict[str, int]] = {
    "number": {"agrees": 60, "differs": -60},
    "identifier": {"agrees": 40, "differs": -20},
    "name": {"agrees": 20, "near": 10, "differs": -20},
    "birthDate": {"agrees": 20, "near": 5, "differs": -20},
    "gender": {"agrees": 5, "differs": -10},
    "phone": {"agrees": 15},
}
CERTAIN, PROBABLE, POSSIBLE = 80, 55, 30
ORDER: tuple[Grade, ...] = ("certain", "probable", "possible", "certainly-not")
BINDING = ("name", "birthDate", "gender")


@dataclass(frozen=True, slots=True)
class Match:
    """One who may be meant; ``score`` is from 0 to 1."""

    patient: Stored
    evidence: Evidence
    score: float
    grade: Grade


def points(evidence: Evidence) -> int:
    """The sum of what speaks for and against."""
    return sum(POINTS[feature].get(answer, 0) for feature, answer in evidence.items())


def grade(evidence: Evidence) -> Grade:
    """The grade of a match (http://terminology.hl7.org/CodeSystem/match-grade)."""
    sum_ = points(evidence)
    if evidence["number"] == "differs":
        return "certainly-not"
    if sum_ >= CERTAIN and not any(evidence[feature] == "differs" for feature in BINDING):
        return "certain"
    if sum_ >= PROBABLE:
        return "probable"
    return "possible" if sum_ >= POSSIBLE or evidence["number"] == "agrees" else "certainly-not"


def rank(asked: Json, candidates: Iterable[Stored]) -> list[Match]:
    """Those of the candidates who may be meant, the likeliest first."""
    found = []
    for stored in candidates:
        evidence = compare(asked, stored.body)
        score = max(0, min(100, points(evidence))) / 100
        found.append(Match(stored, evidence, score, grade(evidence)))
    fitting = [match for match in found if match.grade != "certainly-not"]
    return sorted(fitting, key=lambda m: (ORDER.index(m.grade), -m.score, m.patient.id))
