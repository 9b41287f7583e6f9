"""The tree into Python closures: a closure takes the focus and the context, gives a collection."""

from collections.abc import Callable
from typing import Any

from kernel.errors import Invalid
from records.definitions import types
from records.fhirpath.context import Context, Items
from records.fhirpath.functions import FUNCTIONS, Run, is_type
from records.fhirpath.items import Fixed, distinct, number_of, one, truth
from records.fhirpath.node import SYSTEM_TYPES, Node, is_a
from records.fhirpath.operators import OPERATORS
from records.fhirpath.parser import Binary, Call, Item, Literal, Member, Minus, Variable
from records.fhirpath.text import TEXTS
from records.fhirpath.values import Quantity

DEEPEST = 120
TABLE = FUNCTIONS | TEXTS
TYPE_FUNCTIONS = frozenset({"is", "as", "ofType"})
ADDRESSES = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
FIXED = frozenset({"resource", "rootResource", "context"})
SETS = {"vs-": "ValueSet", "ext-": "StructureDefinition"}
ABSTRACT = frozenset({"Resource", "DomainResource", "Element", "BackboneElement"})


def closure(tree: Any, depth: int = 0) -> Run:
    """What a tree does. Raises Invalid for an unknown function, type or variable."""
    if depth > DEEPEST:
        raise Invalid("", "FHIRPath: nested too deeply")
    if fast := _fast(tree):
        return fast
    make: Callable[[Any, int], Run] = MAKERS[type(tree)]
    run = make(tree, depth + 1)
    return _kept(run) if isinstance(tree, Member | Call) and _is_fixed(tree) else run


def _is_fixed(tree: Any) -> bool:
    """True for a path that begins at a resource: it leads to the same for every item."""
    while isinstance(tree, Member) or (isinstance(tree, Call) and not tree.arguments):
        tree = tree.of
    return isinstance(tree, Variable) and tree.name in FIXED


def _kept(run: Run) -> Run:
    """Asks once an evaluation."""

    def again(focus: Items, context: Context) -> Items:
        found = context.kept.get(id(run))
        if found is None:
            found = context.kept[id(run)] = Fixed(run(focus, context))
        return found

    return again


def _fast(tree: Any) -> Run | None:
    """``name.exists()`` and ``name.empty()``, without making nodes to be counted."""
    simple = isinstance(tree, Call) and tree.name in ("exists", "empty") and not tree.arguments
    if not simple or not isinstance(tree.of, Member) or tree.of.of is not None:
        return None
    name, wanted = tree.of.name, tree.name == "exists"
    if name[:1].isupper():
        return None

    def run(focus: Items, context: Context) -> Items:
        found = any(item.__class__ is Node and item.has(name) for item in focus)
        return [found is wanted]

    return run


def _literal(tree: Literal, _: int) -> Run:
    items: Items = [] if tree.value is None else [tree.value]
    return lambda focus, context: items


def _member(tree: Member, depth: int) -> Run:
    name = tree.name
    if tree.of is None and name[:1].isupper():
        return lambda focus, context: _typed(focus, name)
    of = closure(tree.of, depth) if tree.of is not None else None

    def run(focus: Items, context: Context) -> Items:
        found: Items = []
        for item in focus if of is None else of(focus, context):
            if item.__class__ is Node:
                item.named(name, found)
        return found

    return run


def _typed(focus: Items, name: str) -> Items:
    """``Patient`` at the beginning of a path: the focus itself, where it is one."""
    return [item for item in focus if item.__class__ is Node and is_a(item.type, name)]


def _call(tree: Call, depth: int) -> Run:
    name = tree.name
    of = closure(tree.of, depth) if tree.of is not None else None
    if name in TYPE_FUNCTIONS:
        return _of_type(name, of, _type_name(tree))
    if name not in TABLE:
        raise Invalid("", f"FHIRPath: there is no function {name}()")
    least, most, function = TABLE[name]
    if not least <= len(tree.arguments) <= most:
        raise Invalid("", f"FHIRPath: {name}() takes {least} to {most} arguments")
    arguments = tuple(closure(argument, depth) for argument in tree.arguments)

    def run(focus: Items, context: Context) -> Items:
        found = function(focus if of is None else of(focus, context), arguments, context)
        context.spend(1 + len(found))
        return found

    return run


def _type_name(tree: Call) -> str:
    if len(tree.arguments) != 1 or not isinstance(tree.arguments[0], Member):
        raise Invalid("", f"FHIRPath: {tree.name}() takes the name of a type")
    found: Member = tree.arguments[0]
    return found.name


def _of_type(operator: str, of: Run | None, name: str) -> Run:
    known = name in SYSTEM_TYPES or name in types() or name in ABSTRACT or name[:1].islower()
    if not known and name != "Quantity":
        raise Invalid("", f"FHIRPath: there is no type {name}")

    def run(focus: Items, context: Context) -> Items:
        items = focus if of is None else of(focus, context)
        if operator == "is":
            item = one(items)
            return [] if item is None else [is_type(item, name)]
        return [item for item in items if is_type(item, name)]

    return run


def _item(tree: Item, depth: int) -> Run:
    of, index = closure(tree.of, depth), closure(tree.index, depth)

    def run(focus: Items, context: Context) -> Items:
        place = number_of(index(context.this, context))
        items = of(focus, context)
        good = place is not None and 0 <= place < len(items)
        return [items[int(place)]] if good and place is not None else []

    return run


def _variable(tree: Variable, _: int) -> Run:
    name = tree.name
    scopes: dict[str, Run] = {
        "this": lambda focus, context: context.this,
        "index": lambda focus, context: [context.index] if context.index >= 0 else [],
        "resource": lambda focus, context: [context.resource],
        "rootResource": lambda focus, context: [context.root],
        "context": lambda focus, context: [context.focus],
    }
    if name in scopes:
        return scopes[name]
    if address := ADDRESSES.get(name) or _standard(name):
        return lambda focus, context: [address]
    raise Invalid("", f"FHIRPath: there is no variable {name}")


def _standard(name: str) -> str:
    for prefix, kind in SETS.items():
        if name.startswith(prefix):
            return f"http://hl7.org/fhir/{kind}/{name.removeprefix(prefix)}"
    return ""


def _binary(tree: Binary, depth: int) -> Run:
    if (constant := _constant(tree)) is not None:
        return lambda focus, context: constant
    left = closure(tree.left, depth)
    if tree.operator in TYPE_FUNCTIONS:
        return _of_type(tree.operator, left, tree.right)
    right = closure(tree.right, depth)
    if tree.operator in SHORT:
        return SHORT[tree.operator](left, right)
    work = OPERATORS[tree.operator]
    return lambda focus, context: work(left(focus, context), right(focus, context), context)


def _constant(tree: Any) -> Items | None:
    """What ``'a' | 'b'`` is; None for what has to be asked."""
    if isinstance(tree, Literal):
        return [] if tree.value is None else [tree.value]
    if not isinstance(tree, Binary) or tree.operator != "|":
        return None
    left, right = _constant(tree.left), _constant(tree.right)
    return None if left is None or right is None else Fixed(distinct([*left, *right]))


def _or(left: Run, right: Run) -> Run:
    def run(focus: Items, context: Context) -> Items:
        first = truth(left(focus, context))
        if first is True:
            return [True]
        second = truth(right(focus, context))
        if second is True:
            return [True]
        return [] if first is None or second is None else [False]

    return run


def _and(left: Run, right: Run) -> Run:
    def run(focus: Items, context: Context) -> Items:
        first = truth(left(focus, context))
        if first is False:
            return [False]
        second = truth(right(focus, context))
        if second is False:
            return [False]
        return [] if first is None or second is None else [True]

    return run


def _implies(left: Run, right: Run) -> Run:
    def run(focus: Items, context: Context) -> Items:
        first = truth(left(focus, context))
        if first is False:
            return [True]
        second = truth(right(focus, context))
        if second is True:
            return [True]
        return [False] if first and second is False else []

    return run


def _minus(tree: Minus, depth: int) -> Run:
    of = closure(tree.of, depth)

    def run(focus: Items, context: Context) -> Items:
        items = of(focus, context)
        if items and isinstance(items[0], Quantity):
            return [Quantity(-items[0].value, items[0].unit)]
        value = number_of(items)
        return [] if value is None else [-value]

    return run


# The right side is not asked where the left one decides.
SHORT = {"or": _or, "and": _and, "implies": _implies}
MAKERS: dict[type, Callable[[Any, int], Run]] = {
    Literal: _literal,
    Member: _member,
    Call: _call,
    Item: _item,
    Variable: _variable,
    Binary: _binary,
    Minus: _minus,
}
