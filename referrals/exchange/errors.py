"""What can go wrong between us and a partner hospital."""

from typing import Literal

Kind = Literal[
    "unreachable",  # no connection, or no answer in time
    "busy",  # the partner says: later
    "unauthorised",  # it does not accept our token
    "refused",  # it does not accept what we send
    "garbage",  # its answer is not FHIR
    "too-large",  # its answer is longer than we read
    "redirected",  # it sends us elsewhere, which we do not follow
    "private",  # its address lies in a private network
    "no-address",  # we do not know where it lives
    "internal",  # we could not make the message
]
PERMANENT: frozenset[Kind] = frozenset({"refused", "redirected", "private", "no-address"})


class PartnerError(Exception):
    """A message did not arrive; ``permanent`` when trying again unchanged cannot help.

    ``says`` tells the step and status only: a partner's own words may name a patient.
    ``retry_after`` is the partner's wish in seconds, 0 when it has none.
    """

    def __init__(self, kind: Kind, says: str, *, retry_after: int = 0) -> None:
        super().__init__(f"{kind}: {says}")
        self.kind = kind
        self.says = says
        self.retry_after = retry_after

    @property
    def permanent(self) -> bool:
        """True when only a person can help."""
        return self.kind in PERMANENT
