"""Collects for ``records/data/constraints.json`` what StructureDefinitions say beyond ``r4.json``:
choices, required elements and invariants. The source is the one of ``make_fhir_definitions``.
"""

from typing import Any

from records.management.corrections import elements

Json = dict[str, Any]
# Said of every element: kept once, under the type that says it.
ROOTS = {"ele-1": "Element", "ext-1": "Extension"} | {
    f"dom-{number}": "DomainResource" for number in range(2, 7)
}


class Constraints:
    """``choices`` and ``required`` by type, ``rules`` by element path."""

    def __init__(self) -> None:
        self.choices: dict[str, list[str]] = {}
        self.required: dict[str, list[str]] = {}
        self.rules: dict[str, list[list[str]]] = {}

    def add(self, definition: Json) -> None:
        """Take in one StructureDefinition; primitive types and profiles say nothing here."""
        if definition["kind"] == "primitive-type" or definition.get("derivation") == "constraint":
            return
        for element in elements(definition):
            parent, _, name = element["path"].rpartition(".")
            if element["max"] == "0":
                continue
            if name.endswith("[x]"):
                self.choices.setdefault(parent, []).append(name.removesuffix("[x]"))
            if parent and element["min"]:
                self.required.setdefault(parent, []).append(name.removesuffix("[x]"))
            self._rules(element)

    def content(self) -> dict[str, Json]:
        """The tables of the file."""
        return {"choices": self.choices, "required": self.required, "rules": self.rules}

    def _rules(self, element: Json) -> None:
        for constraint in element.get("constraint", []):
            key: str = constraint["key"]
            rows = self.rules.setdefault(ROOTS.get(key) or element["path"], [])
            # Some say the same thing twice, or only in XPath.
            if "expression" in constraint and all(row[0] != key for row in rows):
                rows.append(
                    [key, constraint["severity"], constraint["human"], constraint["expression"]]
                )
        if not self.rules.get(element["path"]):
            self.rules.pop(element["path"], None)
