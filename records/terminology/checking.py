"""Is this code of the set, and called so? The heart of ``$validate-code``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from records.search.values import fold
from records.terminology.concepts import CodeSystem, Concept

Json = dict[str, Any]
Codes = Mapping[tuple[str, str], Concept]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``message`` says why not, ``display`` how the code is called."""

    result: bool
    message: str = ""
    display: str = ""


def check(codings: Sequence[Json], codes: Codes, *, abstract: bool, name: str) -> Verdict:
    """True when one of ``codings`` is among ``codes`` and, where it says so, called so.

    A coding without a system must fit one code only. ``abstract`` lets codes pass that only group;
    ``name`` is how the set is called in the message.
    """
    verdicts = [_one(coding, codes, abstract=abstract, name=name) for coding in codings]
    good = next((verdict for verdict in verdicts if verdict.result), None)
    return good or next(iter(verdicts), Verdict(False, "there is no coding"))


def of_system(system: CodeSystem) -> Codes:
    """Every code of a code system, as a set."""
    return {(system.url, code): concept for code, concept in system.concepts.items()}


def _one(coding: Json, codes: Codes, *, abstract: bool, name: str) -> Verdict:
    system, code = str(coding.get("system", "")), str(coding.get("code", ""))
    if system:
        found = [codes[system, code]] if (system, code) in codes else []
    else:
        found = [concept for (_, own), concept in codes.items() if own == code]
    if len(found) != 1:
        fault = "is of several code systems in" if found else "is not in"
        return Verdict(False, f"the code {_quoted(code)} of {_quoted(system)} {fault} {name}")
    concept = found[0]
    if concept.abstract and not abstract:
        return Verdict(False, f"{_quoted(code)} only groups other codes", concept.display)
    said = coding.get("display")
    if said and fold(str(said)) not in _names(concept):
        return Verdict(False, f"{_quoted(code)} is not called so", concept.display)
    return Verdict(True, "", concept.display)


def _quoted(text: object) -> str:
    return repr(str(text)[:80]) if text else "no system"


def _names(concept: Concept) -> set[str]:
    said = [concept.display, *(str(d.get("value", "")) for d in concept.designations)]
    return {fold(name) for name in said}
