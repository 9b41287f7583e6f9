"""Scopes of SMART v2 (``system/Observation.rs?category=laboratory``), with v1 understood.

Pure: no request, no database.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.oauth.errors import TokenError

LETTERS = "cruds"
V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(
    r"system/(?P<kind>\*|[A-Z][A-Za-z]{1,63})\."
    r"(?P<may>c?r?u?d?s?|read|write|\*)(?:\?(?P<only>[!-~]{1,200}))?"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A type of resource (or ``*``), the letters allowed, and a search that narrows it."""

    kind: str
    may: str
    only: str = ""

    def __str__(self) -> str:
        return f"system/{self.kind}.{self.may}" + (f"?{self.only}" if self.only else "")


def parse(text: str) -> list[Scope]:
    """Scopes separated by spaces. Raises TokenError ``invalid_scope`` for one that is malformed."""
    return [_parse(word) for word in text.split()]


def _parse(word: str) -> Scope:
    match = _SCOPE.fullmatch(word)
    if not match or not match["may"]:
        raise TokenError("invalid_scope", f"not a scope of a system: {word[:80]}")
    return Scope(match["kind"], V1.get(match["may"], match["may"]), match["only"] or "")


def narrow(asked: Iterable[Scope], granted: Iterable[Scope]) -> list[Scope]:
    """What is both asked and granted, in a stable order.

    A search that narrows either side narrows the result.
    """
    granted = list(granted)
    both = {scope for a in asked for g in granted if (scope := _both(a, g))}
    plain = (scope for scope in both if not any(_covers(other, scope) for other in both - {scope}))
    return sorted(plain, key=str)


def _covers(wide: Scope, scope: Scope) -> bool:
    kinds, letters = wide.kind in ("*", scope.kind), set(wide.may) >= set(scope.may)
    return kinds and letters and wide.only in ("", scope.only)


def _both(asked: Scope, granted: Scope) -> Scope | None:
    kind = granted.kind if asked.kind == "*" else asked.kind
    may = "".join(letter for letter in LETTERS if letter in asked.may and letter in granted.may)
    if granted.kind not in ("*", kind) or not may:
        return None
    only = dict.fromkeys(part for part in (granted.only, asked.only) if part)
    return Scope(kind, may, "&".join(only))
