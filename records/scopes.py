"""SMART scopes of partner systems (SMART App Launch 2.2; v1 is mapped to v2)."""

import re
from functools import cache

from kernel.errors import Forbidden
from kernel.principal import Principal

V2 = re.compile(r"system/(?P<kind>\*|[A-Z]\w+)\.(?P<letters>c?r?u?d?s?)(?:\?.*)?")
V1 = {"read": "rs", "write": "cud", "*": "cruds"}


def check(by: Principal, kind: str, letter: str) -> None:
    """Refuse what a partner's token does not open (``c r u d s``). Raises Forbidden."""
    if by.has("partner") and not opens(by.scopes, kind, letter):
        raise Forbidden(f"the token has no scope system/{kind}.{letter}")


@cache
def opens(scopes: frozenset[str], kind: str, letter: str) -> bool:
    """True when one of ``scopes`` opens ``letter`` on ``kind``; one with a filter does not."""
    return any(_opens(scope, kind, letter) for scope in scopes)


def _opens(scope: str, kind: str, letter: str) -> bool:
    head, _, tail = scope.rpartition(".")
    if tail in V1:
        scope = f"{head}.{V1[tail]}"
    found = V2.fullmatch(scope)
    # A filter narrows what a scope opens. Not knowing how, it must not widen it.
    if found is None or "?" in scope:
        return False
    return found["kind"] in ("*", kind) and letter in found["letters"]
