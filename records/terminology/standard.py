"""The terminology that HL7 defines, from ``records/data/terminology.json``; read when first asked.

The file is made by ``manage.py make_terminology``. A system is ``[version, name, content,
concepts]`` with concepts ``[code, display, parents, flags, {language: display}]`` (the empty end
left out; flags: ``a`` abstract, ``i`` inactive), a value set is ``[version, name, compose]``.
"""

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from records.terminology.concepts import CodeSystem, Concept
from records.terminology.sets import ValueSet

FILE = Path(__file__).resolve().parents[1] / "data" / "terminology.json"
KEPT = 64


@cache
def _raw() -> dict[str, dict[str, list[Any]]]:
    content: dict[str, dict[str, list[Any]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@lru_cache(KEPT)
def code_system(url: str) -> CodeSystem | None:
    """The code system of HL7 at ``url``, or None."""
    row = _raw()["systems"].get(url)
    if row is None:
        return None
    version, name, content, concepts = row
    found = {concept[0]: _concept(*concept) for concept in concepts}
    return CodeSystem(url, version, name, content == "complete", found)


def _concept(
    code: str,
    display: str = "",
    parents: list[str] | tuple[str, ...] = (),
    flags: str = "",
    chinese: dict[str, str] | None = None,
) -> Concept:
    said = tuple({"language": key, "value": value} for key, value in (chinese or {}).items())
    return Concept(
        *(code, display or code, tuple(parents), "a" in flags, "i" in flags), designations=said
    )


def value_set(url: str) -> ValueSet | None:
    """The value set of HL7 at ``url``, or None."""
    row = _raw()["sets"].get(url)
    return ValueSet(url, *row) if row else None


def value_sets() -> list[str]:
    """The addresses of HL7's value sets."""
    return list(_raw()["sets"])
