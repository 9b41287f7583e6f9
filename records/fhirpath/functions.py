"""Functions on collections: existence, filtering, subsetting, combining, the tree, types.

A function gets the collection that it is applied to, its arguments as closures, and the context.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kernel.errors import Invalid
from records.fhirpath.context import Context, Items
from records.fhirpath.items import distinct, key, keys_of, number_of, one, raw, text_of, truth
from records.fhirpath.node import Node, is_a
from records.fhirpath.values import Moment, Quantity, moment
from records.validation.narrative import narrative_fault

Run = Callable[[Items, Context], Items]
Arguments = tuple[Run, ...]
Function = Callable[[Items, Arguments, Context], Items]


def each(items: Items, run: Run, context: Context) -> "list[tuple[Any, Items]]":
    """Every item with what ``run`` gives for it as ``$this``."""
    before, place = context.this, context.index
    found = []
    for index, item in enumerate(items):
        context.this, context.index = [item], index
        context.spend(1)
        found.append((item, run(context.this, context)))
    context.this, context.index = before, place
    return found


def argument(arguments: Arguments, place: int, context: Context) -> Items:
    """A value that is given to a function: it is said of ``$this``, not of the collection."""
    return arguments[place](context.this, context)


def where(items: Items, arguments: Arguments, context: Context) -> Items:
    """The items for which the criterion is true."""
    return [item for item, found in each(items, arguments[0], context) if truth(found)]


def _select(items: Items, arguments: Arguments, context: Context) -> Items:
    return [one for _, found in each(items, arguments[0], context) for one in found]


def _exists(items: Items, arguments: Arguments, context: Context) -> Items:
    return [bool(where(items, arguments, context) if arguments else items)]


def _all(items: Items, arguments: Arguments, context: Context) -> Items:
    return [all(truth(found) for _, found in each(items, arguments[0], context))]


def _repeat(items: Items, arguments: Arguments, context: Context) -> Items:
    found: dict[str, Any] = {}
    fresh = items
    while fresh:
        made = _select(fresh, arguments, context)
        context.spend(len(made))
        fresh = [item for item in made if _identity(item) not in found]
        found |= {_identity(item): item for item in fresh}
    return list(found.values())


def _identity(item: Any) -> str:
    return item.path if isinstance(item, Node) and item.parent else key(item)


def children(items: Items, _: Arguments, context: Context) -> Items:
    """Every child of every item."""
    found: Items = []
    for item in items:
        if item.__class__ is Node:
            item.children(found)
    context.spend(len(found))
    return found


def _descendants(items: Items, arguments: Arguments, context: Context) -> Items:
    found: Items = []
    level = children(items, arguments, context)
    while level:
        found += level
        level = children(level, arguments, context)
    return found


def _truths(want: bool, every: bool) -> Function:
    def run(items: Items, _: Arguments, __: Context) -> Items:
        fits = [raw(item) is want for item in items]
        return [all(fits) if every else any(fits)]

    return run


def _not(items: Items, _: Arguments, __: Context) -> Items:
    found = truth(items)
    return [] if found is None else [not found]


def _index(items: Items, arguments: Arguments, context: Context) -> int:
    found = number_of(argument(arguments, 0, context))
    if found is None:
        raise Invalid("", "FHIRPath: a number is needed")
    return max(0, int(found))


def _skip(items: Items, arguments: Arguments, context: Context) -> Items:
    return items[_index(items, arguments, context) :]


def _take(items: Items, arguments: Arguments, context: Context) -> Items:
    return items[: _index(items, arguments, context)]


def _single(items: Items, _: Arguments, __: Context) -> Items:
    return [] if one(items) is None else items


def _iif(items: Items, arguments: Arguments, context: Context) -> Items:
    if truth(arguments[0](items, context)):
        return arguments[1](items, context)
    return arguments[2](items, context) if len(arguments) > 2 else []


def _union(items: Items, arguments: Arguments, context: Context) -> Items:
    return distinct(_combine(items, arguments, context))


def _combine(items: Items, arguments: Arguments, context: Context) -> Items:
    return [*items, *argument(arguments, 0, context)]


def _common(keep: bool) -> Function:
    def run(items: Items, arguments: Arguments, context: Context) -> Items:
        other = keys_of(argument(arguments, 0, context))
        found = [item for item in items if (key(item) in other) is keep]
        return distinct(found) if keep else found

    return run


def _subset(items: Items, other: Items) -> Items:
    return [keys_of(items) <= keys_of(other)]


def _trace(items: Items, arguments: Arguments, context: Context) -> Items:
    """Nothing is logged: what stands in a resource is about a patient."""
    return items


def _extension(items: Items, arguments: Arguments, context: Context) -> Items:
    url = text_of(argument(arguments, 0, context))
    found: Items = []
    for item in items:
        if item.__class__ is Node:
            item.named("extension", found)
    return [node for node in found if raw(node).get("url") == url]


def _has_value(items: Items, _: Arguments, __: Context) -> Items:
    return [len(items) == 1 and not isinstance(raw(items[0]), dict | None)]


def _value(items: Items, arguments: Arguments, context: Context) -> Items:
    return [raw(items[0])] if _has_value(items, arguments, context)[0] else []


def _resolve(items: Items, _: Arguments, context: Context) -> Items:
    found: Items = []
    for item in items:
        value = raw(item)
        address = value.get("reference") if isinstance(value, dict) else value
        if isinstance(address, str) and (node := _target(address, context)):
            found.append(node)
    return found


def _target(address: str, context: Context) -> Node | None:
    """What a reference names: the contained resource, else a resource of its type and id alone."""
    if address.startswith("#"):
        held: Items = []
        context.root.named("contained", held)
        near = (node for node in held if raw(node).get("id") == address[1:])
        return next(near, None)
    words = address.partition("/_history/")[0].split("/")
    if len(words) < 2 or not is_a(words[-2], "Resource"):
        return None
    return Node.root({"resourceType": words[-2], "id": words[-1]})


def _html_checks(items: Items, _: Arguments, __: Context) -> Items:
    texts = [raw(item) for item in items]
    return [all(isinstance(text, str) and not narrative_fault(text) for text in texts)]


def _now(precision: int) -> Function:
    def run(_: Items, __: Arguments, ___: Context) -> Items:
        text = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        cut = {0: text, 1: text[:10], 2: text[11:23]}[precision]
        found = moment(cut)
        return [found] if found else []

    return run


def is_type(item: Any, name: str) -> bool:
    """``is``: of FHIR's types for nodes, of FHIRPath's for other values."""
    if item.__class__ is Node:
        return is_a(item.type, name)
    names = {bool: "Boolean", str: "String", int: "Integer", Moment: "DateTime"}
    own = names.get(type(item), "Quantity" if isinstance(item, Quantity) else "Decimal")
    if isinstance(item, Moment) and not item.zoned:
        own = "Time" if item.clock else "Date" if len(item.parts) < 4 else own
    return name == own


FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "where": (1, 1, where),
    "select": (1, 1, _select),
    "exists": (0, 1, _exists),
    "empty": (0, 0, lambda items, _, __: [not items]),
    "all": (1, 1, _all),
    "repeat": (1, 1, _repeat),
    "children": (0, 0, children),
    "descendants": (0, 0, _descendants),
    "count": (0, 0, lambda items, _, __: [len(items)]),
    "first": (0, 0, lambda items, _, __: items[:1]),
    "last": (0, 0, lambda items, _, __: items[-1:]),
    "tail": (0, 0, lambda items, _, __: items[1:]),
    "single": (0, 0, _single),
    "skip": (1, 1, _skip),
    "take": (1, 1, _take),
    "not": (0, 0, _not),
    "allTrue": (0, 0, _truths(True, True)),
    "anyTrue": (0, 0, _truths(True, False)),
    "allFalse": (0, 0, _truths(False, True)),
    "anyFalse": (0, 0, _truths(False, False)),
    "distinct": (0, 0, lambda items, _, __: distinct(items)),
    "isDistinct": (0, 0, lambda items, _, __: [len(distinct(items)) == len(items)]),
    "subsetOf": (1, 1, lambda items, a, c: _subset(items, argument(a, 0, c))),
    "supersetOf": (1, 1, lambda items, a, c: _subset(argument(a, 0, c), items)),
    "union": (1, 1, _union),
    "combine": (1, 1, _combine),
    "intersect": (1, 1, _common(True)),
    "exclude": (1, 1, _common(False)),
    "iif": (2, 3, _iif),
    "trace": (1, 2, _trace),
    "extension": (1, 1, _extension),
    "hasValue": (0, 0, _has_value),
    "getValue": (0, 0, _value),
    "resolve": (0, 0, _resolve),
    "htmlChecks": (0, 0, _html_checks),
    "now": (0, 0, _now(0)),
    "today": (0, 0, _now(1)),
    "timeOfDay": (0, 0, _now(2)),
}
