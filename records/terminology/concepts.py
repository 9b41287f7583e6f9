"""Code systems in memory: their concepts, and who stands above whom. Pure."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Json = dict[str, Any]
PARENTS = frozenset({"parent", "subsumedBy"})
GROUPING = frozenset({"notSelectable", "abstract"})


@dataclass(frozen=True, slots=True)
class Concept:
    """One code. ``parents`` are codes; ``abstract`` ones only group, ``inactive`` ones are past.

    ``designations`` and ``properties`` are as in CodeSystem.concept of FHIR.
    """

    code: str
    display: str
    parents: tuple[str, ...] = ()
    abstract: bool = False
    inactive: bool = False
    definition: str = ""
    designations: tuple[Json, ...] = ()
    properties: tuple[Json, ...] = ()

    def said(self, language: str) -> str:
        """The display in a language (``zh`` also takes ``zh-CN``), else the usual one."""
        fitting = (d for d in self.designations if _speaks(d, language))
        return next((str(d["value"]) for d in fitting), self.display)


def _speaks(designation: Json, language: str) -> bool:
    own = str(designation.get("language", "")).lower()
    asked = language.lower()
    return bool(asked) and (own == asked or own.partition("-")[0] == asked.partition("-")[0])


@dataclass(frozen=True)
class CodeSystem:
    """A code system that is held here. ``complete`` says that no code is left out."""

    url: str
    version: str
    name: str
    complete: bool
    concepts: Mapping[str, Concept] = field(repr=False)
    case_sensitive: bool = True

    def find(self, code: str) -> Concept | None:
        """The concept of a code, whatever its case where the system does not care."""
        found = self.concepts.get(code)
        if found is None and not self.case_sensitive:
            return self._folded.get(code.casefold())
        return found

    def children(self, code: str) -> tuple[str, ...]:
        """The codes right below."""
        return tuple(self._children.get(code, ()))

    def below(self, code: str) -> set[str]:
        """The code and everything below it; empty when there is no such code."""
        return self._reach(code, self.children)

    def above(self, code: str) -> set[str]:
        """The code and everything above it; empty when there is no such code."""
        return self._reach(code, lambda near: self.concepts[near].parents)

    def _reach(self, code: str, step: Any) -> set[str]:
        concept = self.find(code)
        waiting = [concept.code] if concept else []
        seen: set[str] = set()
        while waiting:
            near = waiting.pop()
            if near not in seen and near in self.concepts:
                seen.add(near)
                waiting += step(near)
        return seen

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for concept in self.concepts.values():
            for parent in concept.parents:
                found.setdefault(parent, []).append(concept.code)
        return found

    @cached_property
    def _folded(self) -> dict[str, Concept]:
        return {code.casefold(): concept for code, concept in self.concepts.items()}


def of_resource(body: Json) -> CodeSystem:
    """A CodeSystem resource, understood."""
    items: dict[str, Json] = {}
    parents: dict[str, list[str]] = {}
    for item, parent in _walk(body.get("concept", ()), []):
        items[item["code"]] = item
        parents.setdefault(item["code"], []).extend([*parent, *_values(item, PARENTS)])
        for child in _values(item, {"child"}):
            parents.setdefault(child, []).append(item["code"])
    return CodeSystem(
        str(body.get("url", "")),
        str(body.get("version", "")),
        str(body.get("title") or body.get("name") or body.get("url", "")),
        body.get("content") == "complete",
        {code: _concept(item, parents[code]) for code, item in items.items()},
        body.get("caseSensitive") is not False,
    )


def _walk(items: Iterable[Json], parent: list[str]) -> Iterator[tuple[Json, list[str]]]:
    """Each concept, and the code within which it is nested."""
    for item in items:
        yield item, parent
        yield from _walk(item.get("concept", ()), [item["code"]])


def _values(concept: Json, names: Container[str]) -> list[str]:
    properties = concept.get("property", ())
    return [p["valueCode"] for p in properties if p["code"] in names and "valueCode" in p]


def _concept(item: Json, parents: Iterable[str]) -> Concept:
    properties = tuple(item.get("property", ()))
    return Concept(
        item["code"],
        str(item.get("display") or item["code"]),
        tuple(dict.fromkeys(parents)),
        any(p["code"] in GROUPING and p.get("valueBoolean") is True for p in properties),
        any(_ends(p) for p in properties),
        str(item.get("definition", "")),
        tuple(item.get("designation", ())),
        properties,
    )


def _ends(item: Json) -> bool:
    """FHIR R4, codesystem.html#4.8.14: ``inactive``, or a ``status`` of the past."""
    if item["code"] == "inactive":
        return item.get("valueBoolean") is True
    return item["code"] == "status" and item.get("valueCode") in ("retired", "inactive")
