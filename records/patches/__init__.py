"""PATCH: a resource as it is, and what to change in it (FHIR R4, http.html#patch)."""

from typing import Any, Protocol

Json = dict[str, Any]
JSON_PATCH = "application/json-patch+json"


class Patch(Protocol):
    """What changes a resource."""

    @property
    def content(self) -> Any:
        """The patch itself; a Bundle resolves the references in it."""

    def apply(self, body: Json) -> Json:
        """The changed resource; the one given may be changed on the way.

        Raises Invalid naming the operation that cannot be done.
        """
