"""Errors of the store beyond the house's own."""

from kernel.errors import Busy, HouseError, Invalid, Missing


class Gone(Missing):
    """It was here and has been deleted; its history is still there."""


class Malformed(Invalid):
    """The request itself cannot be understood: not JSON, an unknown parameter, a bad header."""


class TooCostly(Invalid):
    """It would be answered at a price that this service does not pay; ask for less."""


class Unsupported(HouseError):
    """FHIR has it, this service has not. ``status`` is the HTTP status that says so best."""

    def __init__(self, says: str, *, status: int = 404) -> None:
        super().__init__(says)
        self.status = status


class TooMany(Busy):
    """The requester has as many of these as one may have."""
