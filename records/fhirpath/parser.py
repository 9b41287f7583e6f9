"""Tokens into a tree, by binding power (grammar: FHIRPath 2.0.0, appendix B)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kernel.errors import Invalid
from records.fhirpath.lexer import Token, tokens
from records.fhirpath.values import Moment, Quantity, calendar_unit, moment

DEEPEST = 60
POWER = {
    "implies": 1,
    "or": 2,
    "xor": 2,
    "and": 3,
    "in": 4,
    "contains": 4,
    **dict.fromkeys(("=", "~", "!=", "!~"), 5),
    **dict.fromkeys(("<=", "<", ">", ">="), 6),
    "|": 7,
    "is": 8,
    "as": 8,
    **dict.fromkeys(("+", "-", "&"), 9),
    **dict.fromkeys(("*", "/", "div", "mod"), 10),
}
TIGHTEST = 11


@dataclass(frozen=True, slots=True)
class Literal:
    """A value; None is the empty collection ``{}``."""

    value: bool | int | Decimal | str | Moment | Quantity | None


@dataclass(frozen=True, slots=True)
class Member:
    """A child by its name, of ``of`` or of the focus."""

    of: Any
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function, applied to ``of`` or to the focus."""

    of: Any
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """``of[index]``."""

    of: Any
    index: Any


@dataclass(frozen=True, slots=True)
class Variable:
    """``$this``, ``$index``, ``%resource`` and so on, without its sign."""

    name: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Two sides of an operator; for ``is`` and ``as`` the right one is the name of a type."""

    operator: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Minus:
    """A changed sign."""

    of: Any


def parse(text: str) -> Any:
    """The tree of an expression. Raises Invalid naming what is wrong and where."""
    parser = _Parser(tokens(text))
    tree = parser.expression(0)
    parser.expect("end", "")
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._tokens[self._place]
        self._place += 1
        return token

    def _is(self, sign: str) -> bool:
        return self._next.kind == "sign" and self._next.value == sign

    def _wrong(self, token: Token) -> Invalid:
        seen = "the end" if token.kind == "end" else f"'{token.value}'"
        return Invalid("", f"FHIRPath: {seen} is not expected at {token.at}")

    def expect(self, kind: str, value: str) -> None:
        """Take one token that must be there."""
        token = self._take()
        if token.kind != kind or token.value != value:
            raise self._wrong(token)

    def expression(self, power: int) -> Any:
        """An expression whose operators bind tighter than ``power``."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Invalid("", "FHIRPath: nested too deeply")
        left = self._unary()
        while True:
            token = self._next
            known = token.kind in ("sign", "name") and token.value in POWER
            if not known or POWER[token.value] <= power:
                break
            self._take()
            typed = token.value in ("is", "as")
            right = self._type() if typed else self.expression(POWER[token.value])
            left = Binary(token.value, left, right)
        self._depth -= 1
        return left

    def _unary(self) -> Any:
        if self._is("-"):
            self._take()
            return Minus(self.expression(TIGHTEST))
        if self._is("+"):
            self._take()
            return self.expression(TIGHTEST)
        return self._postfix(self._term())

    def _postfix(self, term: Any) -> Any:
        while True:
            if self._is("."):
                self._take()
                term = self._invocation(term)
            elif self._is("["):
                self._take()
                term = Item(term, self.expression(0))
                self.expect("sign", "]")
            else:
                return term

    def _invocation(self, of: Any) -> Any:
        token = self._take()
        if token.kind == "scope" and of is not None:
            raise self._wrong(token)
        if token.kind not in ("name", "quoted"):
            raise self._wrong(token)
        if token.kind == "name" and self._is("("):
            return Call(of, token.value, self._arguments())
        return Member(of, token.value)

    def _arguments(self) -> tuple[Any, ...]:
        self._take()
        found: list[Any] = []
        while not self._is(")"):
            if found:
                self.expect("sign", ",")
            found.append(self.expression(0))
        self._take()
        return tuple(found)

    def _type(self) -> str:
        token = self._take()
        if token.kind not in ("name", "quoted"):
            raise self._wrong(token)
        name = str(token.value)
        if self._is("."):
            self._take()
            name = str(self._take().value)
        return name

    def _term(self) -> Any:
        token = self._next
        if token.kind == "name" and token.value in ("true", "false"):
            self._take()
            return Literal(token.value == "true")
        if token.kind in ("name", "quoted"):
            return self._invocation(None)
        self._take()
        if token.kind in ("scope", "outer"):
            return Variable(token.value)
        if token.kind == "sign" and token.value == "(":
            inner = self.expression(0)
            self.expect("sign", ")")
            return inner
        return Literal(self._value(token))

    def _value(self, token: Token) -> Any:
        if token.kind == "number":
            return self._number(token.value)
        if token.kind == "string":
            return token.value
        if token.kind in ("date", "time"):
            return self._moment(token)
        if token.kind == "sign" and token.value == "{":
            self.expect("sign", "}")
            return None
        raise self._wrong(token)

    def _number(self, value: int | Decimal) -> int | Decimal | Quantity:
        """A number, with the unit that may follow it (``4 'mg'``, ``3 days``)."""
        unit = self._next
        if unit.kind == "string":
            self._take()
            return Quantity(Decimal(value), unit.value)
        if unit.kind == "name" and (name := calendar_unit(unit.value)):
            self._take()
            return Quantity(Decimal(value), name)
        return value

    def _moment(self, token: Token) -> Moment:
        found = moment(token.value)
        if found is None:
            raise self._wrong(token)
        return found
