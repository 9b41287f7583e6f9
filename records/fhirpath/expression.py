"""Expressions: compiled once, and asked for values, for a truth, or for places."""

from functools import lru_cache
from typing import Any

from kernel.errors import Invalid
from records.fhirpath.compiler import closure
from records.fhirpath.context import Context, Items
from records.fhirpath.functions import Run
from records.fhirpath.items import raw, truth
from records.fhirpath.node import Json, Node
from records.fhirpath.parser import Call, parse

KEPT = 2000
TRUSTED_STEPS = 20_000_000
"""The standard's own expressions take a few steps an element, however large the resource is."""


class Expression:
    """A compiled expression. Its results are in the order of the resource."""

    def __init__(self, text: str, *, trusted: bool = False) -> None:
        tree = parse(text)
        self.text = text
        self._run = closure(tree)
        self._trusted = trusted
        all_ = isinstance(tree, Call) and tree.name == "all"
        self._parts = closure(Call(tree.of, "where", (_negated(tree),))) if all_ else None

    def items(self, node: Node, *, resource: Node | None = None, root: Node | None = None) -> Items:
        """Nodes, and values that the expression made itself.

        ``node`` is the focus and ``%context``; ``resource`` the resource around it, and ``root``
        the one around that when it is contained; by default ``node`` itself.
        Raises Invalid for what cannot be evaluated here, or only at too high a cost.
        """
        return self._asked(self._run, node, resource, root)

    def _asked(self, run: Run, node: Node, resource: Node | None, root: Node | None) -> Items:
        near = resource or node
        context = Context(root or near, near, node, self._trusted, this=[node])
        if self._trusted:
            context.left = TRUSTED_STEPS
        return run(context.this, context)

    def values(self, body: Json, *, kind: str = "") -> list[Any]:
        """The JSON values (objects, strings, numbers) for a resource, or an element of ``kind``."""
        return [raw(item) for item in self.items(Node.root(body, kind))]

    def is_true(
        self, node: Node, *, resource: Node | None = None, root: Node | None = None
    ) -> bool:
        """True when the expression says so; nothing said is not true."""
        return truth(self.items(node, resource=resource, root=root)) is True

    def exception(
        self, node: Node, *, resource: Node | None = None, root: Node | None = None
    ) -> Node | None:
        """The first node that makes ``places.all(criterion)`` false; None for other expressions."""
        found = self._asked(self._parts, node, resource, root) if self._parts else []
        return found[0] if found and isinstance(found[0], Node) else None


def _negated(tree: Call) -> Any:
    return Call(tree.arguments[0], "not", ()) if len(tree.arguments) == 1 else None


def compile(expression: str, *, trusted: bool = False) -> Expression:  # noqa: A001
    """Compile, or take from the cache. Raises Invalid naming what is wrong and where.

    ``trusted`` is for expressions of the standard itself: their cost is not bounded beforehand.
    """
    return _compiled(expression, trusted)


@lru_cache(KEPT)
def _compiled(expression: str, trusted: bool) -> Expression:
    return Expression(expression, trusted=trusted)


def nodes(body: Json, expression: str, *, kind: str = "") -> list[Node]:
    """The places in ``body`` that an expression names, so that they can be changed.

    Raises Invalid when it names a value that stands nowhere (``1 + 1``).
    """
    found = compile(expression).items(Node.root(body, kind))
    if not all(isinstance(item, Node) for item in found):
        raise Invalid("", "FHIRPath: this expression names a value, not a place")
    return found
