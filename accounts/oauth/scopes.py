"""Which scopes a token carries (``system/Observation.rs?category=laboratory``).

Pure: no request, no database.
"""

from collections.abc import Iterable

from accounts.oauth.errors import TokenError
from kernel import scopes
from kernel.errors import Invalid
from kernel.scopes import LETTERS, Scope
from records import access


def parse(text: str) -> list[Scope]:
    """Scopes separated by spaces. Raises TokenError ``invalid_scope`` for one that is malformed."""
    return [_parse(word) for word in text.split()]


def _parse(word: str) -> Scope:
    scope = scopes.parse(word)
    if scope is None:
        raise TokenError("invalid_scope", f"not a scope of a system: {word[:80]}")
    try:
        access.check_filter(scope)
    except Invalid as error:
        raise TokenError("invalid_scope", f"{word[:80]}: {error.says}") from None
    return scope


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
