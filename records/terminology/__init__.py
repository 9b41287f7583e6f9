"""Terminology: which codes a value set holds, and which stand below or above a code.

What HL7 defines is built in; CodeSystem and ValueSet resources of the store add to it. SNOMED CT,
LOINC and others that have owners are not held unless somebody who may loads them.
"""

from kernel.errors import Invalid, Missing
from kernel.principal import Principal
from records.errors import TooCostly
from records.terminology.concepts import CodeSystem
from records.terminology.expansion import expand
from records.terminology.library import Library

__all__ = ["Library", "above", "below", "codes_in", "expand"]
MOST_TO_SEARCH = 1000
"""More codes than these are not looked for in one search."""


def codes_in(
    value_set: str, *, by: Principal, most: int = MOST_TO_SEARCH
) -> frozenset[tuple[str, str]]:
    """Every (system, code) of the value set at a canonical address.

    Raises Invalid naming the set when ``by`` sees none, when what it is made of is not held here,
    and (TooCostly, an Invalid) when it holds more than ``most`` codes.
    """
    library = Library(by)
    try:
        found = expand(library.need_value_set(value_set), library)
    except Missing as error:
        raise Invalid("", error.says) from None
    if len(found) > most:
        raise TooCostly("", f"the value set {value_set[:200]} holds more than {most} codes")
    return frozenset(found)


def below(system: str, code: str, *, by: Principal) -> frozenset[tuple[str, str]]:
    """The code and everything below it. Raises Invalid naming a system that is not held here."""
    found = _held(system, by)
    return frozenset((found.url, near) for near in found.below(code))


def above(system: str, code: str, *, by: Principal) -> frozenset[tuple[str, str]]:
    """The code and everything above it. Raises Invalid naming a system that is not held here."""
    found = _held(system, by)
    return frozenset((found.url, near) for near in found.above(code))


def _held(system: str, by: Principal) -> CodeSystem:
    found = Library(by).code_system(system)
    if found is None:
        raise Invalid("", f"the code system {system[:200]} is not held here")
    return found
