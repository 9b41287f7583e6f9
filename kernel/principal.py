"""Who acts."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """One person or system, as they act at one institution.

    ``reference`` is the FHIR reference of the actor (``Practitioner/…``, ``Patient/…``,
    ``Organization/…`` for a partner's system, ``Device/…`` for this service itself).
    ``institution`` is the public id of the institution they act for, empty for patients.
    ``roles`` are words of the workflow tables; ``scopes`` are SMART v2 scopes of a partner's token.
    """

    reference: str
    institution: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    name: str = ""

    def has(self, *roles: str) -> bool:
        """True when the principal holds any of ``roles``."""
        return not self.roles.isdisjoint(roles)


SYSTEM = Principal(reference="Device/tongzhen", roles=frozenset({"system"}), name="Tongzhen")
