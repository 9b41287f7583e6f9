"""The closed list of errors raised on purpose; each door has one table that translates them."""

from collections.abc import Sequence


class HouseError(Exception):
    """What every error below shares: a sentence for people, free of patient data."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


class Missing(HouseError):
    """It does not exist, or the principal may not know that it does."""


class Forbidden(HouseError):
    """The thing is visible to the principal, but this act is not theirs."""


class Refused(HouseError):
    """The rules of the work say no: wrong state, wrong moment, already done."""


class Conflict(HouseError):
    """Somebody else changed it first (optimistic lock, If-Match)."""


class Invalid(HouseError):
    """Input that is wrong, with the places where.

    ``issues`` holds (path, sentence) pairs; a path is written in the language of the door, for
    example ``Bundle.entry[3].resource.name[0].famly`` or ``phone``.
    """

    def __init__(self, path: str, says: str, *more: tuple[str, str]) -> None:
        super().__init__(f"{path}: {says}" if path else says)
        self.issues: Sequence[tuple[str, str]] = ((path, says), *more)


class Busy(HouseError):
    """Try again after ``retry_after`` seconds: a limit was met or a neighbour is away."""

    def __init__(self, says: str, *, retry_after: int = 1) -> None:
        super().__init__(says)
        self.retry_after = retry_after
