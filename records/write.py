"""One write: what is wanted, and what became of it."""

from dataclasses import dataclass
from typing import Any

from records.compartments import NOWHERE, Place
from records.patches import Patch

Json = dict[str, Any]
ANY = 0
"""``If-Match: *``: some version must be there."""


@dataclass(slots=True)
class Current:
    """What is in the table now, its row locked."""

    pk: int
    version: int
    deleted: bool
    institution: str
    author: str
    patient: str
    text: str
    seen: bool


@dataclass(slots=True)
class Write:
    """One write. The first part says what is wanted, the second is filled in by ``commit``.

    ``if_match`` is the version that must be there (``ANY``: whichever), ``only_new`` says that
    nothing may be there. A ``patch`` makes the body out of the current one. ``fresh`` says that
    the id is new, drawn by us: nothing can be there. ``keeper``, if any, becomes its author.
    """

    method: str
    kind: str
    id: str
    body: Json | None
    if_match: int | None = None
    institution: str | None = None
    path: str = ""
    fresh: bool = False
    only_new: bool = False
    patch: Patch | None = None

    current: Current | None = None
    version: int = 0
    updated_ms: int = 0
    keeper: str | None = None
    place: Place = NOWHERE
    text: str = ""
    rows: set[tuple[int, bytes]] | None = None

    @property
    def letter(self) -> str:
        """The letter of a token's scope that opens it."""
        return {"POST": "c", "DELETE": "d"}.get(self.method, "u")

    @property
    def created(self) -> bool:
        """True when there was nothing, or nothing any more."""
        return self.current is None or self.current.deleted

    @property
    def where(self) -> str:
        """The path that errors begin with."""
        return self.path or self.kind
