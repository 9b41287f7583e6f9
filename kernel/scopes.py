"""The grammar of SMART scopes of systems (SMART App Launch 2.2): ``system/Observation.rs?code=1``.

Pure: no request, no database. Version 1 (``.read``, ``.write``, ``.*``) is mapped to version 2.
"""

import re
from dataclasses import dataclass

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

    def opens(self, kind: str, letter: str) -> bool:
        """True when it lets ``letter`` be done to some or all resources of ``kind``."""
        return self.kind in ("*", kind) and letter in self.may


def parse(word: str) -> Scope | None:
    """The scope that ``word`` says, or None when it is none of a system."""
    match = _SCOPE.fullmatch(word)
    if not match or not match["may"]:
        return None
    return Scope(match["kind"], V1.get(match["may"], match["may"]), match["only"] or "")
