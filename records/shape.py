"""What R4 demands and ``fhir.resources`` does not check: one walk over the tables of the standard.

Structure (unknown elements, empty and null values, arrays where there is one), JSON types without
coercion, required codes, reference targets, narrative, contained resources, and the invariants
that matter to the journey. Yields every issue with its path.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from records.definitions import Element, types
from records.invariants import INVARIANTS
from records.narrative import narrative_fault

Json = dict[str, Any]
DEEPEST = 70
CODE_LIKE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
NOT_A_CODE = "is not a code of the required value set"
LONGEST = 1024 * 1024
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
TARGET = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[^/]+)?$")
WHOLE = frozenset({"integer", "positiveInt", "unsignedInt"})
FORMATS = {
    "base64Binary": re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*"),
    "uri": re.compile(r"\S+"),
    "url": re.compile(r"\S+"),
    "canonical": re.compile(r"\S+"),
    "id": re.compile(r"[A-Za-z0-9.-]{1,64}"),
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One wrong place. ``fatal`` ones make further looking pointless."""

    path: str
    says: str
    fatal: bool = False


def issues_of(body: Json, root: str) -> list[Issue]:
    """Every issue of a resource."""
    walk = _Walk(body)
    walk.resource(body, root)
    return walk.issues


class _Walk:
    """One walk: what was found so far, how deep we are, and whose ``contained`` a ``#`` means."""

    def __init__(self, owner: Json) -> None:
        self.issues: list[Issue] = []
        self.depth = 0
        self.owner = owner

    def say(self, path: str, says: str, *, fatal: bool = False) -> None:
        self.issues.append(Issue(path, says, fatal))

    def resource(self, node: Any, path: str) -> None:
        kind = node.get("resourceType") if isinstance(node, dict) else None
        if not isinstance(kind, str):
            self.say(f"{path}.resourceType", "is required", fatal=True)
        elif kind not in types() or "." in kind or "meta" not in types()[kind]:
            self.say(f"{path}.resourceType", "no such type in FHIR R4", fatal=True)
        else:
            own = node.get("id")
            if isinstance(own, str) and not FORMATS["id"].fullmatch(own):
                self.say(f"{path}.id", "is not a valid id")
            self.complex(node, kind, path)

    def inner_resource(self, node: Any, path: str, owner: Json) -> None:
        """A resource within this one, with its own meaning of ``#``."""
        outer, self.owner = self.owner, owner
        self.depth += 1
        self.resource(node, path)
        self.depth -= 1
        self.owner = outer

    def complex(self, node: Json, kind: str, path: str) -> None:
        if self.depth > DEEPEST:
            self.say(path, "nested too deeply", fatal=True)
            return
        self.depth += 1
        elements = types()[kind]
        for key in node:
            element = elements.get(key)
            if element is not None:
                self.element(node, key, element, f"{path}.{key}")
            elif key[:1] == "_" and key[1:] in elements:
                self.sibling(node, key, elements[key[1:]], f"{path}.{key}")
            elif key != "resourceType" or "meta" not in elements:
                self.say(f"{path}.{key}", "is not an element of this type")
        if kind == "Reference":
            self.local(node, path)
        elif kind != "Extension" and "extension" in node:
            self.extensions(node["extension"], f"{path}.extension")
        for invariant in INVARIANTS.get(kind, ()):
            if says := invariant(node):
                self.say(path, says)
        self.depth -= 1

    def element(self, node: Json, key: str, element: Element, path: str) -> None:
        value = node[key]
        if not element.many:
            if isinstance(value, list):
                self.say(path, "must not be an array")
            else:
                self.one(value, element, path)
        elif not isinstance(value, list):
            self.say(path, "must be an array")
        elif not value:
            self.say(path, "must not be an empty array")
        else:
            for place, item in enumerate(value):
                if key == "contained":
                    self.contained(item, f"{path}[{place}]")
                elif item is not None or not _beside(node, "_" + key, place):
                    self.one(item, element, f"{path}[{place}]")

    def sibling(self, node: Json, key: str, element: Element, path: str) -> None:
        """Extensions of a primitive live beside it under ``_name``."""
        if element.type in types() or element.type == "Resource":
            self.say(path, "is not an element of this type")
            return
        items = node[key] if element.many else [node[key]]
        if not isinstance(items, list) or not items:
            self.say(path, "must be an array")
            return
        for place, item in enumerate(items):
            where = f"{path}[{place}]" if element.many else path
            if item is None and element.many and _beside(node, key[1:], place):
                continue
            if not isinstance(item, dict) or not item:
                self.say(where, "must be an object that is not empty")
            else:
                self.complex(item, "Element", where)

    def one(self, value: Any, element: Element, path: str) -> None:
        if value is None:
            self.say(path, "must not be null")
        elif element.type == "Resource":
            self.inner_resource(value, path, value if isinstance(value, dict) else {})
        elif element.type not in types():
            if says := _primitive(value, element):
                self.say(path, says)
        elif not isinstance(value, dict):
            self.say(path, "must be an object", fatal=True)
        elif not value:
            self.say(path, "must not be an empty object")
        else:
            self.complex(value, element.type, path)
            self.bound(value, element, path)

    def bound(self, value: Json, element: Element, path: str) -> None:
        """Required codes of coded elements, and the types that a reference may name."""
        if element.codes is not None:
            codings = value.get("coding", []) if element.type == "CodeableConcept" else [value]
            for place, coding in enumerate(codings if isinstance(codings, list) else ()):
                if isinstance(coding, dict) and coding.get("code") not in element.codes:
                    where = path if coding is value else f"{path}.coding[{place}]"
                    self.say(f"{where}.code", not_a_code(coding.get("code")))
        elif element.targets is not None and isinstance(value.get("reference"), str):
            target = TARGET.search(value["reference"])
            local = value["reference"].startswith("#")
            if target and not local and target[1] not in element.targets:
                self.say(f"{path}.reference", f"may not refer to a {target[1]}")

    def extensions(self, items: Any, path: str) -> None:
        """Only inside another extension may an address be relative (extensibility.html)."""
        for place, item in enumerate(items if isinstance(items, list) else ()):
            url = item.get("url") if isinstance(item, dict) else None
            if isinstance(url, str) and ":" not in url:
                self.say(f"{path}[{place}].url", "must be an absolute address")

    def contained(self, item: Any, path: str) -> None:
        if not isinstance(item, dict):
            self.say(path, "must be an object", fatal=True)
            return
        if "contained" in item:
            self.say(f"{path}.contained", "contained resources contain none (dom-2)")
        if not item.get("id"):
            self.say(f"{path}.id", "a contained resource needs an id")
        meta = item.get("meta")
        if isinstance(meta, dict) and {"versionId", "lastUpdated"} & meta.keys():
            self.say(f"{path}.meta", "a contained resource has no version (dom-4)")
        # A contained resource refers to its neighbours: those of whoever holds it.
        self.inner_resource(item, path, self.owner)

    def local(self, node: Json, path: str) -> None:
        target = node.get("reference")
        if not isinstance(target, str) or not target.startswith("#") or target == "#":
            return
        held = self.owner.get("contained")
        items = held if isinstance(held, list) else []
        if target[1:] not in {item.get("id") for item in items if isinstance(item, dict)}:
            self.say(f"{path}.reference", "refers to nothing in contained (ref-1)")


def _beside(node: Json, key: str, place: int) -> bool:
    """True when the list under ``key`` holds something at ``place``."""
    beside = node.get(key)
    return isinstance(beside, list) and len(beside) > place and beside[place] not in (None, {})


def _primitive(value: Any, element: Element) -> str:
    kind = element.type
    if kind == "boolean":
        return "" if isinstance(value, bool) else "must be true or false"
    if kind in WHOLE:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return "" if whole else "must be a whole number"
    if kind == "decimal":
        good = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return "" if good else "must be a number"
    if not isinstance(value, str):
        return "must be a string"
    return _text(value, element)


def not_a_code(value: object) -> str:
    """The refusal of an unknown code, by name where it looks like one (and not like a person)."""
    named = isinstance(value, str) and CODE_LIKE.fullmatch(value)
    return f"{value!r} is not a code of the required value set" if named else NOT_A_CODE


def _text(value: str, element: Element) -> str:
    kind = element.type
    if not value.strip():
        return "must not be empty"
    if kind != "base64Binary" and (len(value) > LONGEST or CONTROL.search(value)):
        return "is longer than 1 MB" if len(value) > LONGEST else "holds a control character"
    if element.codes is not None and value not in element.codes:
        return not_a_code(value)
    if kind in FORMATS and not FORMATS[kind].fullmatch(value):
        return f"is not a valid {kind}"
    if kind == "base64Binary" and sum(not c.isspace() for c in value) % 4:
        return "is not valid base64"
    return narrative_fault(value) if kind == "xhtml" else ""
