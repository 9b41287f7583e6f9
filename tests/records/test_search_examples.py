"""Every official example is found by the values of each of its own search parameters.

What the values are is read by another hand: fhirpathpy evaluates R4's own expressions.
"""

import json
import re
from pathlib import Path

import fhirpathpy
import pytest
from fhirpathpy.models import models

from kernel.errors import Invalid
from kernel.principal import SYSTEM
from records import jsontext, store
from records.kinds import KINDS
from records.search import search

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

DATA = Path(__file__).resolve().parents[3] / "shared/data/fhir"
LIST = DATA / "definitions/search-parameters-google-fhir-4.0.1.json"
CAST = re.compile(r"\(([\w.]+) as (\w+)\)")
RESOLVE = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
MOST_VALUES = 3
NOT_DONE = {"phonetic", "_text", "_content", "_query", "_filter", "near", "age", "part-agree"}
MODEL = models["r4"]


def escaped(text):
    return re.sub(r"([\\$|,])", r"\\\1", text)


def token(system, code):
    return f"{escaped(system)}|{escaped(code)}" if system else escaped(code)


def of_token(value):
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, str):
        return [escaped(value)]
    if "coding" in value:
        return [t for coding in value["coding"] for t in of_token(coding)]
    if "code" in value:
        return [token(value.get("system"), value["code"])]
    if "value" in value:
        phone = value.get("system") in ("phone", "email", "fax", "pager", "url", "sms", "other")
        return [escaped(value["value"]) if phone else token(value.get("system"), value["value"])]
    return []


def of_string(value):
    if isinstance(value, str):
        return [escaped(value[:30].strip())]
    keys = ("text", "family", "given", "city", "district", "country", "postalCode", "line")
    held = [value[key] for key in keys if key in value]
    return [escaped(one) for part in held for one in (part if isinstance(part, list) else [part])]


def of_reference(value, target=""):
    if isinstance(value, str):
        return [escaped(value)]
    text = value.get("reference", "")
    if not text or text.startswith("#") or (target and not text.startswith(f"{target}/")):
        return []
    return [escaped(text)]


def of_date(value):
    if isinstance(value, str):
        # A few expressions reach free text too ("daily").
        return [value, f"ge{value}", f"le{value}"] if value[:4].isdigit() else []
    if "event" in value:
        return [f"ge{value['event'][0]}"]
    period = value.get("repeat", {}).get("boundsPeriod", {}) if "repeat" in value else value
    starts = [f"{sign}{period['start']}" for sign in ("ge", "le") if "start" in period]
    return starts + ([f"le{period['end']}", f"ge{period['end']}"] if "end" in period else [])


def of_quantity(value):
    if "value" not in value or "comparator" in value:
        return []
    unit = f"|{value['system']}|{value['code']}" if "code" in value and "system" in value else ""
    return [f"{value['value']}{unit}", f"ge{value['value']}{unit}", f"le{value['value']}"]


def of_number(value):
    return [] if isinstance(value, dict) else [str(value), f"ge{value}"]


READERS = {
    "token": of_token,
    "string": of_string,
    "reference": of_reference,
    "date": of_date,
    "quantity": of_quantity,
    "number": of_number,
    "uri": lambda value: [escaped(value)],
}


def held(body, parameter, listed):
    """Values to search for, as texts."""
    # R4 casts lists; FHIRPath has come to want one value there, and ofType for lists.
    expression = CAST.sub(r"\1.ofType(\2)", parameter["expression"]).replace(".as(", ".ofType(")
    expression = re.sub(r"hasExtension(\([^)]*\))", r"extension\1.exists()", expression)
    target = found[1] if (found := RESOLVE.search(expression)) else ""
    values = fhirpathpy.evaluate(body, RESOLVE.sub("", expression), model=MODEL)
    values = [value for value in values if value is not None]
    if parameter["type"] == "composite":
        return [text for base in values for text in tied(base, parameter, listed)]
    if parameter["type"] == "reference":
        return [text for value in values for text in of_reference(value, target)]
    return [text for value in values for text in READERS[parameter["type"]](value)]


def tied(base, parameter, listed):
    parts = []
    for component in parameter["component"]:
        if "%resource" in component["expression"] or parameter["code"] == "relationship":
            return []
        reader = READERS[listed[component["definition"]]["type"]]
        texts = (
            component["expression"]
            .replace("DateTime", "dateTime")
            .replace(".as(", ".ofType(")
            .split("|")
        )
        values = [v for text in texts for v in fhirpathpy.evaluate(base, text.strip(), model=MODEL)]
        found = [one for value in values if value is not None for one in reader(value)]
        if not found:
            return []
        parts.append(found[0])
    return ["$".join(parts)]


def plain(node):
    """Decimals as floats: what fhirpathpy reads."""
    return json.loads(jsontext.dumps(node))


@pytest.mark.skipif(not DATA.exists(), reason="the official examples are not on this machine")
def test_every_example_is_found_by_its_own_values():
    entries = [entry["resource"] for entry in json.loads(LIST.read_text())["entry"]]
    listed = {parameter["url"]: parameter for parameter in entries}
    asked, missed, silent = 0, [], set()
    for path in sorted((DATA / "examples").glob("*.json")):
        body = jsontext.loads(path.read_bytes())
        kind = body.get("resourceType")
        if kind not in KINDS:
            continue
        try:
            stored = store.create(kind, body, by=SYSTEM, id=body["id"])
        except Invalid:
            continue  # some of them break R4's own rules: see test_validate
        for parameter in entries:
            if not {kind, "Resource"} & set(parameter.get("base", ())):
                continue
            if parameter["code"] in NOT_DONE or "/example" in parameter["url"]:
                continue
            values = (
                held(plain(stored.body), parameter, listed) if "expression" in parameter else []
            )
            if not values:
                silent.add((kind, parameter["code"]))
            for value in list(dict.fromkeys(values))[:MOST_VALUES]:
                asked += 1
                query = [(parameter["code"], value), ("_id", stored.id)]
                if not search(kind, query, by=SYSTEM).matches:
                    missed.append(f"{path.name}: {parameter['code']}={value}")
    assert "\n".join(missed) == ""
    assert asked > 2000
