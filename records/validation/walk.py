"""The walk through a resource: each element once, faults placed on the way back out."""

from typing import Any

from records.definitions import types
from records.fhirpath import Node
from records.validation import references
from records.validation.invariants import Invariant, advice
from records.validation.issues import Fault, Issue, issue
from records.validation.primitives import not_a_code
from records.validation.shapes import Rule, Shape, is_resource, shape

Json = dict[str, Any]
DEEPEST = 48
ENOUGH = 100


def issues_of(body: Json, root: str, *, advise: bool = False) -> list[Issue]:
    """Every issue of a resource; with ``advise`` warnings of the standard too."""
    walk = _Walk(body, advise)
    walk.resource(body)
    return [issue(fault, body, root) for fault in walk.faults]


class _Walk:
    """What was found so far, how deep we are, and whose ``contained`` a ``#`` means."""

    def __init__(self, body: Json, advise: bool) -> None:
        self.faults: list[Fault] = []
        self.advise = advise
        self.depth = 0
        self.near = self.owner = body
        self._around = Node.root(body), Node.root(body)
        self.held: Json | None = None
        self.pointed: set[str] = set()

    def say(self, code: str, says: str, *places: str | int, severity: str = "error") -> None:
        if len(self.faults) < ENOUGH:
            self.faults.append(Fault(list(places), says, code, severity))

    def around(self) -> tuple[Node, Node]:
        """The nearest resource, and the one that contains it."""
        near, owner = self._around
        if near.value is not self.near or owner.value is not self.owner:
            near, owner = self._around = Node.root(self.near), Node.root(self.owner)
        return near, owner

    def resource(self, node: Any) -> None:
        """A resource that stands for itself: its own meaning of ``#``."""
        if not isinstance(node, dict):
            self.say("structure", "must be an object")
            return
        before = self.near, self.owner, self.held, self.pointed
        self.near = self.owner = node
        self.held, self.pointed = None, set()
        self.typed(node)
        contained = node.get("contained")
        if isinstance(contained, list) and contained:
            self.faults += references.unused(node, self.pointed)
        self.near, self.owner, self.held, self.pointed = before

    def typed(self, node: Json) -> None:
        kind = node.get("resourceType")
        if not isinstance(kind, str):
            self.say("required", "is required", "resourceType")
        elif not is_resource(kind):
            self.say("value", "no such type in FHIR R4", "resourceType")
        else:
            self.complex(node, shape(kind))
            if self.advise and "text" in types()[kind]:
                self.advice(node, kind, advice("DomainResource"))

    def contained(self, item: Any) -> None:
        if not isinstance(item, dict):
            self.say("structure", "must be an object")
            return
        self.faults += references.contained_faults(item)
        before, self.near = self.near, item
        self.typed(item)
        self.near = before

    def complex(self, node: Json, form: Shape) -> None:
        """An object and what it holds."""
        if self.depth >= DEEPEST:
            self.say("too-costly", "nested too deeply")
            return
        self.depth += 1
        faults = self.faults
        begin = len(faults)
        rules = form.elements
        chosen: dict[str, str] | None = None
        for key, value in node.items():
            rule = rules.get(key)
            mark = len(faults)
            if rule is None:
                rule = self.beside(node, key, value, form)
            elif rule.many:
                self.many(node, key, value, rule)
            else:
                self.one(value, rule)
            if rule is not None and rule.choice:
                chosen = chosen or {}
                if chosen.setdefault(rule.choice, rule.key) != rule.key:
                    self.say("structure", f"there is {chosen[rule.choice]} already")
            if len(faults) > mark:
                _place(faults, mark, key)
        for name, ways in form.required:
            if ways[0] not in node and not any(way in node for way in ways):
                self.say("required", "is required", name)
        if len(faults) == begin:
            self.keep(node, form)
        self.depth -= 1

    def keep(self, node: Json, form: Shape) -> None:
        """The rules between the elements of a sound object."""
        if form.kind != "Extension":
            if "extension" in node:
                self.extensions(node["extension"])
            if "modifierExtension" in node:
                says = "changes the meaning in a way that this server does not know"
                self.say("extension", says, 0, "modifierExtension")
        self.invariants(node, form.kind, form.invariants)
        if self.advise:
            self.advice(node, form.kind, advice(form.kind))

    def invariants(self, value: Any, kind: str, rules: tuple[Invariant, ...]) -> None:
        for rule in rules:
            if rule.broken(value, kind, self.around):
                where = rule.culprit(value, kind, self.around)
                self.say("invariant", rule.says, *where)

    def advice(self, value: Any, kind: str, rules: tuple[Invariant, ...]) -> None:
        for rule in rules:
            if rule.broken(value, kind, self.around):
                self.say("invariant", rule.says, severity="warning")

    def many(self, node: Json, key: str, value: Any, rule: Rule) -> None:
        if not isinstance(value, list):
            self.say("structure", "must be an array")
        elif not value:
            self.say("structure", "must not be an empty array")
        else:
            faults = self.faults
            for place, item in enumerate(value):
                mark = len(faults)
                if key == "contained":
                    self.contained(item)
                elif item is not None or not _beside(node, "_" + key, place):
                    self.one(item, rule)
                if len(faults) > mark:
                    _place(faults, mark, place)

    def one(self, value: Any, rule: Rule) -> None:
        """A single value of an element."""
        check = rule.check
        if check is not None:
            if fault := check(value):
                array = isinstance(value, list)
                code, says = ("structure", "must not be an array") if array else fault
                self.say(code, says)
            elif rule.points and value[0] == "#":
                self.point(value)
        elif value.__class__ is not dict:
            self.say("structure", _no_object(value))
        elif not value:
            self.say("structure", "must not be an empty object")
        elif rule.kind == "Resource":
            self.depth += 1
            self.resource(value)
            self.depth -= 1
        else:
            mark = len(self.faults)
            self.complex(value, shape(rule.kind))
            if len(self.faults) == mark:
                self.bound(value, rule)
        if rule.invariants and value is not None:
            self.invariants(value, rule.kind, rule.invariants)

    def bound(self, value: Json, rule: Rule) -> None:
        """Required codes of coded elements, and what a reference may name."""
        if rule.kind == "Reference":
            if self.held is None:
                self.held = references.held_by(self.owner)
            self.faults += references.reference_faults(value, rule.targets, self.held)
            if (literal := value.get("reference", ""))[:1] == "#":
                self.point(literal)
        elif rule.codes is not None:
            # A concept may have translations: one of its codings is to be of the set.
            concept = rule.kind == "CodeableConcept"
            codings = value.get("coding", ()) if concept else (value,)
            if codings and not any(coding.get("code") in rule.codes for coding in codings):
                places = ("code", 0, "coding") if concept else ("code",)
                self.say("code-invalid", not_a_code(codings[0].get("code")), *places)

    def point(self, literal: str) -> None:
        """Note a local reference, and who refers to its container."""
        self.pointed.add(literal)
        if literal == "#" and self.near is not self.owner:
            self.pointed.add(f"{self.near.get('id')}>")

    def beside(self, node: Json, key: str, value: Any, form: Shape) -> Rule | None:
        """A key that is no element: the type, or what stands beside a primitive; gives its rule."""
        rule = form.elements.get(key[1:]) if key[:1] == "_" else None
        if rule is None or rule.check is None:
            if key != "resourceType" or not form.resource:
                self.say("structure", "is not an element of this type")
        elif not rule.many:
            self.besides(value)
        elif not isinstance(value, list) or not value:
            self.say("structure", "must be an array that is not empty")
        else:
            for place, item in enumerate(value):
                begin = len(self.faults)
                if item is not None or not _beside(node, key[1:], place):
                    self.besides(item)
                _place(self.faults, begin, place)
        return rule

    def besides(self, item: Any) -> None:
        if isinstance(item, dict) and item:
            self.complex(item, shape("Element"))
        else:
            self.say("structure", "must be an object that is not empty")

    def extensions(self, items: Any) -> None:
        """Only inside another extension may an address be relative (extensibility.html)."""
        for place, item in enumerate(items):
            if ":" not in item["url"]:
                self.say("value", "must be an absolute address", "url", place, "extension")


def _place(faults: list[Fault], mark: int, place: str | int) -> None:
    """What was found since ``mark`` was found at ``place``."""
    for fault in faults[mark:]:
        fault.places.append(place)


def _no_object(value: Any) -> str:
    if value is None:
        return "must not be null"
    return "must not be an array" if isinstance(value, list) else "must be an object"


def _beside(node: Json, key: str, place: int) -> bool:
    """True when the list under ``key`` holds something at ``place``."""
    beside = node.get(key)
    return isinstance(beside, list) and len(beside) > place and beside[place] not in (None, {})
