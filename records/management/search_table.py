"""The search parameters of R4 as rows: FHIRPath expressions become places in the JSON.

A row is ``[url, type, places]`` and, for a reference, its targets (and 1 where the expression asks
what the reference resolves to), for a composite the places of each component. A place is a path
and the datatype there: ``name.given:string``, ``telecom[system=phone]:ContactPoint``,
``extension[url=http://…].valueString:string``, ``entry[0].resource:Resource``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from records.kinds import KINDS

Json = dict[str, Any]
Types = dict[str, dict[str, list[Any]]]
Ways = list[tuple[str, str]]
URL = "http://hl7.org/fhir/SearchParameter/"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
MANY_TARGETS = 100
NOT_R4 = {("DetectedIssue", "status"), ("ServiceRequest", "order-detail")}
"""What the package lists and R4 does not."""
CANNOT = frozenset({"phonetic", "_text", "_content", "_query", "_filter"})
"""A comparison by sound, full text, named queries, a language: not done."""
BY_EXTENSION = (
    # (type, code, url, type of search, expression): in R4's list, not in the package's.
    ("Device", "din", "device-extensions-Device-din", "token",
     f"Device.extension('{URL}device-extensions-Device-din').value"),
    ("DiagnosticReport", "assessed-condition",
     "diagnosticreport-genetic-DiagnosticReport-assessed-condition", "reference",
     f"DiagnosticReport.extension('{EXTENSION}DiagnosticReport-geneticsAssessedCondition').value"),
    ("Observation", "amino-acid-change", "observation-genetic-Observation-amino-acid-change",
     "string",
     f"Observation.extension('{EXTENSION}observation-geneticsAminoAcidChangeName').value"),
    ("Observation", "gene-amino-acid-change",
     "observation-genetic-Observation-gene-amino-acid-change", "string",
     f"Observation.extension('{EXTENSION}observation-geneticsAminoAcidChangeName').value"),
    ("Observation", "dna-variant", "observation-genetic-Observation-dna-variant", "string",
     f"Observation.extension('{EXTENSION}observation-geneticsDnaVariant').value"),
    ("Observation", "gene-dnavariant", "observation-genetic-Observation-gene-dnavariant",
     "string", f"Observation.extension('{EXTENSION}observation-geneticsDnaVariant').value"),
    ("Observation", "gene-identifier", "observation-genetic-Observation-gene-identifier",
     "token", f"Observation.extension('{EXTENSION}observation-geneticsGene').value"),
    ("Patient", "mothersMaidenName", "patient-extensions-Patient-mothersMaidenName", "string",
     f"Patient.extension('{EXTENSION}patient-mothersMaidenName').value"),
    ("Patient", "birthOrderBoolean", "patient-extensions-Patient-birthOrderBoolean", "token",
     "Patient.multipleBirth.ofType(boolean)"),
    ("QuestionnaireResponse", "item-subject",
     "questionnaireresponse-extensions-QuestionnaireResponse-item-subject", "reference",
     f"QuestionnaireResponse.item.extension('{EXTENSION}questionnaireresponse-isSubject')"
     ".answer.value.ofType(Reference)"),
)  # fmt: skip
DATATYPES = {
    "token": {"code", "Coding", "CodeableConcept", "Identifier", "ContactPoint", "boolean"}
    | {"string", "uri", "id", "exists"},
    "string": {"string", "markdown", "HumanName", "Address"},
    "date": {"date", "dateTime", "instant", "Period", "Timing", "string"},
    "reference": {"Reference", "canonical", "uri", "Resource"},
    "quantity": {"Quantity", "Money", "Range", "Age", "Duration", "Count", "SampledData"},
    "number": {"integer", "decimal", "positiveInt", "unsignedInt", "Range"},
    "uri": {"uri", "url", "canonical", "oid", "uuid"},
    "special": {"Location.position"},
}
"""What each type of search can compare."""
EXISTS = re.compile(r"(\w+)\.(\w+)\.exists\(\) and \1\.\2 != false")
STEP = re.compile(
    r"""\.?(?:
      ofType\((?P<type>\w+)\)
    | where\(resolve\(\)\ is\ (?P<target>\w+)\)
    | where\((?P<key>\w+)='(?P<value>[^']+)'\)
    | extension\('(?P<extension>[^']+)'\)
    | \[(?P<place>\d+)\]
    | (?P<name>%?\w+)
    )""",
    re.VERBOSE,
)


class SearchTable:
    """Builds the rows from the SearchParameter resources and the elements of every type."""

    def __init__(self, types: Types, parameters: Iterable[Json]) -> None:
        self._types = types
        self._parameters = [p for p in parameters if p["code"] not in CANNOT]

    def rows(self) -> dict[str, dict[str, list[Any]]]:
        """Rows by served type and code; ``Resource`` holds what every type has."""
        kinds = [*sorted(KINDS), "Resource"]
        found: dict[str, dict[str, list[Any]]] = {kind: {} for kind in kinds}
        for parameter in self._parameters:
            for kind in sorted(set(parameter["base"]) & set(found)):
                if (kind, parameter["code"]) not in NOT_R4:
                    found[kind][parameter["code"]] = self._row(kind, parameter)
        for kind, code, url, type_, expression in BY_EXTENSION:
            made = {"url": URL + url, "type": type_, "expression": expression}
            found[kind][code] = self._row(kind, made)
        return {kind: dict(sorted(rows.items())) for kind, rows in found.items()}

    def _row(self, kind: str, parameter: Json) -> list[Any]:
        type_, expression = parameter["type"], parameter["expression"]
        row: list[Any] = [parameter["url"].removeprefix(URL), type_]
        if type_ == "composite":
            parts = self._alternatives(kind, expression)
            bases = [kind_ for part in parts for kind_ in self._walk([("", kind)], part)[0]]
            return [*row, [way for way, _ in bases], self._components(kind, bases, parameter)]
        places, resolved = self._places(kind, type_, expression)
        if not places:
            raise ValueError(f"{kind}.{parameter.get('code')}: {expression} leads nowhere")
        if type_ != "reference":
            return [*row, places]
        listed = parameter.get("target", [])
        targets = [] if len(listed) > MANY_TARGETS else [t for t in listed if t in KINDS]
        return [*row, places, list(dict.fromkeys(resolved)) or targets, *([1] if resolved else [])]

    def _components(self, kind: str, bases: Ways, parameter: Json) -> list[Any]:
        """``[[type, [places]], …]``, a place relative to the base, with ``%`` to the resource."""
        found = []
        for component in parameter["component"]:
            type_ = self._type_of(component["definition"])
            places: list[str] = []
            for text in component["expression"].split(" | "):
                starts = [("%", kind)] if text.startswith("%resource.") else bases
                ways, _ = self._walk([("", t) for _, t in starts], text.replace("%resource.", ""))
                mark = "%" if text.startswith("%") else ""
                # R4 names the two components of DocumentReference.relationship the wrong way round.
                if {t for _, t in ways} <= {"code"}:
                    type_ = "token"
                elif {t for _, t in ways} <= {"Reference"}:
                    type_ = "reference"
                places += [f"{mark}{way}:{t}" for way, t in ways if t in DATATYPES[type_]]
            found.append([type_, list(dict.fromkeys(places))])
        return found

    def _type_of(self, url: str) -> str:
        return str(next(p["type"] for p in self._parameters if p["url"] == url))

    def _places(self, kind: str, type_: str, expression: str) -> tuple[list[str], list[str]]:
        places: list[str] = []
        resolved: list[str] = []
        for part in self._alternatives(kind, expression):
            # Every type has what Resource has.
            start = "Basic" if kind == "Resource" else kind
            ways, target = self._walk([("", start)], part)
            places += [f"{way}:{t}" for way, t in ways if t in DATATYPES[type_]]
            resolved += [target] if target else []
        return list(dict.fromkeys(places)), resolved

    def _alternatives(self, kind: str, expression: str) -> Iterator[str]:
        """The parts of an expression that begin at ``kind``, without its name."""
        if found := EXISTS.fullmatch(expression):
            if found[1] == kind:
                yield f"{found[2]}.exists"
            return
        for part in expression.split(" | "):
            bare = part.strip().replace("(Observation.value", "Observation.value")
            head, _, rest = bare.strip("()").partition(".")
            if head in (kind, "Resource"):
                yield rest + (")" if rest.count("(") > rest.count(")") else "")
            elif head[0].islower():  # InsurancePlan.name
                yield bare

    def _walk(self, ways: Ways, expression: str) -> tuple[Ways, str]:
        """Where an expression leads, choices spelt out, and what its references must resolve to."""
        if expression.endswith(".exists"):
            return [(f"{expression.partition('.')[0]}[x]", "exists")], ""
        target, place = "", 0
        while place < len(expression):
            step = STEP.match(expression, place)
            if step is None:
                place += 1 if expression[place] in "()" else _lost(expression)
                continue
            place = step.end()
            target = step["target"] or target
            ways = self._stepped(ways, step)
        return ways, target

    def _stepped(self, ways: Ways, step: re.Match[str]) -> Ways:
        if step["name"]:
            return [next_ for way in ways for next_ in self._children(*way, step["name"])]
        if step["type"]:
            end = step["type"][0].upper() + step["type"][1:]
            return [(way, kind) for way, kind in ways if way.endswith(end)]
        if step["key"]:
            return [(f"{way}[{step['key']}={step['value']}]", kind) for way, kind in ways]
        if step["place"]:
            return [(f"{way}[{step['place']}]", kind) for way, kind in ways]
        if step["extension"]:
            return [self._extended(way, kind, step["extension"]) for way, kind in ways]
        return ways

    def _extended(self, way: str, kind: str, url: str) -> tuple[str, str]:
        """Into the extension itself, or, behind a list of items, to those that have it."""
        if way:
            return f"{way}[extension={url}]", kind
        return f"extension[url={url}]", "Extension"

    def _children(self, way: str, kind: str, name: str) -> Iterator[tuple[str, str]]:
        if name == "text" and kind == "CodeableConcept":
            yield f"{way}.text", "string"
            return
        for key, row in self._types.get(kind, {}).items():
            if key == name or (key.startswith(name) and self._is_choice(kind, name, key, row)):
                yield f"{way}.{key}".lstrip("."), row[0]

    def _is_choice(self, kind: str, name: str, key: str, row: list[Any]) -> bool:
        code = row[0]
        return key == name + code[0].upper() + code[1:] and name not in self._types[kind]


def _lost(expression: str) -> int:
    raise ValueError(f"not understood: {expression}")
