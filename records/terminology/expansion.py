"""Which codes a value set holds (FHIR R4, valueset.html#compositions). No database of its own."""

import time
from collections.abc import Iterator
from typing import Any

from kernel.errors import Invalid
from records.errors import TooCostly
from records.terminology import filters
from records.terminology.concepts import CodeSystem, Concept
from records.terminology.library import Library
from records.terminology.sets import ValueSet

Json = dict[str, Any]
Codes = dict[tuple[str, str], Concept]
MOST_CODES = 200_000
LONGEST_SECONDS = 2.0
DEEPEST = 8


def expand(value_set: ValueSet, library: Library) -> Codes:
    """Every concept of the set by (system, code), in the order in which it names them.

    Raises Invalid where the set is wrong or names what is not held here in full, TooCostly.
    """
    return _Expansion(library).of(value_set, ())


class _Expansion:
    """One expansion: what it may look into, and how long."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._deadline = time.monotonic() + LONGEST_SECONDS

    def of(self, value_set: ValueSet, above: tuple[str, ...]) -> Codes:
        """``above`` are the sets within which this one is named."""
        if len(above) > DEEPEST or (value_set.url and value_set.url in above):
            raise Invalid(f"ValueSet {value_set.url[:200]}", "is made of itself, or too deeply")
        above = (*above, value_set.url)
        found: Codes = {}
        for number, part in enumerate(value_set.compose.get("include", ())):
            path = f"ValueSet.compose.include[{number}]"
            found |= self._part(part, path, above)
            if len(found) > MOST_CODES:
                raise TooCostly("ValueSet.compose", f"holds more than {MOST_CODES} codes")
        for number, part in enumerate(value_set.compose.get("exclude", ())):
            for key in self._part(part, f"ValueSet.compose.exclude[{number}]", above):
                found.pop(key, None)
        if value_set.compose.get("inactive") is False:
            return {key: concept for key, concept in found.items() if not concept.inactive}
        return found

    def _part(self, part: Json, path: str, above: tuple[str, ...]) -> Codes:
        found = self._of_system(part, path) if "system" in part else None
        for url in part.get("valueSet", ()):
            named = self._library.value_set(url)
            if named is None:
                raise Invalid(f"{path}.valueSet", f"the value set {url[:200]} is not held here")
            inner = self.of(named, above)
            found = inner if found is None else {k: v for k, v in found.items() if k in inner}
        return found or {}

    def _of_system(self, part: Json, path: str) -> Codes:
        url = part["system"]
        canonical = f"{url}|{part['version']}" if "version" in part else url
        system = self._library.code_system(canonical)
        if "concept" in part:
            return {(url, item["code"]): _listed(item, system) for item in part["concept"]}
        if system is None or not system.complete:
            held = "is not held here" if system is None else "is held in part only"
            raise Invalid(f"{path}.system", f"the code system {canonical[:200]} {held}")
        return {(system.url, c.code): c for c in self._filtered(system, part, path)}

    def _filtered(self, system: CodeSystem, part: Json, path: str) -> Iterator[Concept]:
        tests = [
            filters.test_of(system, given, f"{path}.filter[{number}]")
            for number, given in enumerate(part.get("filter", ()))
        ]
        for concept in system.concepts.values():
            if tests and time.monotonic() > self._deadline:
                raise TooCostly(path, "takes too long")
            if all(test(concept) for test in tests):
                yield concept


def _listed(item: Json, system: CodeSystem | None) -> Concept:
    """A concept as the value set lists it: its own words, else those of the code system."""
    known = system.find(item["code"]) if system else None
    if known is None:
        said = str(item.get("display") or item["code"])
        return Concept(item["code"], said, designations=tuple(item.get("designation", ())))
    if not ("display" in item or "designation" in item):
        return known
    return Concept(
        *(known.code, str(item.get("display") or known.display), known.parents),
        *(known.abstract, known.inactive, known.definition),
        (*item.get("designation", ()), *known.designations),
        known.properties,
    )
