"""Finds code systems and value sets by their canonical address: HL7's, then those in the store.

What HL7 defines cannot be overruled by a resource of the same address, unless the address names
another version. Of several resources with one address that of one's own institution counts, then
the newest. Parsed ones are kept, by version: a write makes another version, so that what is kept
is never stale.
"""

from functools import lru_cache
from typing import Any

from kernel.errors import Invalid, Missing
from kernel.principal import Principal
from records import jsontext, rows
from records.search import clauses, sql
from records.terminology import concepts, sets, standard
from records.terminology.concepts import CodeSystem
from records.terminology.sets import ValueSet

SYSTEMS_KEPT = 8
NEWEST = """
SELECT r.id, r.version, r.updated_ms FROM records_resource r WHERE {where}
ORDER BY CASE WHEN r.institution = %s THEN 0 ELSE 1 END, r.updated_ms DESC, r.id DESC LIMIT 1
"""
VERSION = """
SELECT v.content FROM records_resourceversion v
WHERE v.resource_id = %s AND v.version = %s AND v.at_ms = %s
"""
Key = tuple[int, int, int]


class Library:
    """What one principal may see, within one request."""

    def __init__(self, by: Principal) -> None:
        self._by = by
        self._systems: dict[str, CodeSystem | None] = {}

    def code_system(self, canonical: str) -> CodeSystem | None:
        """The code system at ``url`` or ``url|version``, or None."""
        if canonical not in self._systems:
            self._systems[canonical] = self._code_system(canonical)
        return self._systems[canonical]

    def need_code_system(self, canonical: str) -> CodeSystem:
        """The same. Raises Missing naming the address."""
        found = self.code_system(canonical)
        if found is None:
            raise Missing(f"the code system {canonical[:200]} is not held here")
        return found

    def value_set(self, canonical: str) -> ValueSet | None:
        """The value set at ``url`` or ``url|version``, or None.

        ``[system]?fhir_vs`` is every code of a system, ``[system]?fhir_vs=isa/[code]`` what is
        below one.
        """
        url, _, version = canonical.partition("|")
        if implied := _implied(url):
            return implied
        found = standard.value_set(url)
        if found and version in ("", found.version):
            return found
        key = self._key("ValueSet", url, version)
        return sets.of_resource(_body(key)) if key else None

    def need_value_set(self, canonical: str) -> ValueSet:
        """The same. Raises Missing naming the address."""
        found = self.value_set(canonical)
        if found is None:
            raise Missing(f"the value set {canonical[:200]} is not held here")
        return found

    def _code_system(self, canonical: str) -> CodeSystem | None:
        url, _, version = canonical.partition("|")
        found = standard.code_system(url)
        if found and version in ("", found.version):
            return found
        key = self._key("CodeSystem", url, version)
        return _parsed(key) if key else None

    def _key(self, kind: str, url: str, version: str) -> Key | None:
        """The newest visible resource of this address."""
        by = self._by
        if not url or "\0" in url:
            return None
        asked = [_clause(kind, "url", url)]
        if version:
            asked.append(_clause(kind, "version", version))
        where, holds = sql.conditions(kind, asked, by, letter="r")
        found = rows.fetch(NEWEST.format(where=where), [*holds, by.institution])
        return found[0] if found else None


def _clause(kind: str, name: str, value: str) -> clauses.Clause:
    parameter = clauses.find(kind, name)
    if parameter is None:
        raise Invalid(name, f"{kind} has no such search parameter here")
    return clauses.Clause(parameter, "", (value,))


def _implied(url: str) -> ValueSet | None:
    system, mark, rest = url.partition("?fhir_vs")
    if not mark or (rest and not rest.startswith("=isa/")):
        return None
    include: dict[str, Any] = {"system": system}
    if rest:
        code = rest.removeprefix("=isa/")
        include["filter"] = [{"property": "concept", "op": "is-a", "value": code}]
    return ValueSet(url, "", system, {"include": [include]})


@lru_cache(SYSTEMS_KEPT)
def _parsed(key: Key) -> CodeSystem:
    return concepts.of_resource(_body(key))


def _body(key: Key) -> dict[str, Any]:
    [(text,)] = rows.fetch(VERSION, key)
    return jsontext.load_object(text)
