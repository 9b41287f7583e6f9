"""Errors of the store beyond the house's own."""

import re
from collections.abc import Sequence

from kernel.errors import Busy, Conflict, HouseError, Invalid, Missing
from records.validation.issues import Issue

KIND = re.compile(r"[A-Z]\w+(?=[.[]|$)")


class Collision(Conflict):
    """Two writes of one resource at the same moment; the other one won."""


class Gone(Missing):
    """It was here and has been deleted; its history is still there."""


class Malformed(Invalid):
    """The request itself cannot be understood: not JSON, an unknown parameter, a bad header."""


class Unfit(Invalid):
    """A resource that does not follow the standard, or a profile: ``found`` says where and why."""

    def __init__(self, found: Sequence[Issue]) -> None:
        (path, says), *more = [(issue.path, issue.says) for issue in found]
        super().__init__(path, says, *more)
        self.found = tuple(found)


class TooCostly(Invalid):
    """It would be answered at a price that this service does not pay; ask for less."""


class Unsupported(HouseError):
    """FHIR has it, this service has not. ``status`` is the HTTP status that says so best."""

    def __init__(self, says: str, *, status: int = 404) -> None:
        super().__init__(says)
        self.status = status


class TooMany(Busy):
    """The requester has as many of these as one may have."""


class NotAllowed(Unsupported):
    """Something is at this address, but not by this method; ``allow`` are those that work."""

    def __init__(self, allow: list[str]) -> None:
        super().__init__(f"only {', '.join(allow)} may be done here", status=405)
        self.allow = allow


def named(error: HouseError, path: str) -> HouseError:
    """The same error, saying which entry of a Bundle it is about."""
    if isinstance(error, Invalid):
        error.issues = [(_within(path, where), says) for where, says in error.issues]
    if path not in error.says:
        error.says = f"{path}: {error.says}"
    return error


def _within(path: str, where: str) -> str:
    if where.startswith(path) or not path:
        return where
    if path.endswith(".resource") and (kind := KIND.match(where)):
        return path + where[kind.end() :]
    return f"{path}: {where}" if where else path
