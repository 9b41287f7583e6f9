"""What the addresses inside the resources of a Bundle are replaced by (http.html#trules)."""

import re
from collections.abc import Iterable
from typing import Any

from kernel.errors import Invalid
from records.bundles import addresses
from records.bundles.addresses import Address
from records.bundles.entries import Entry
from records.bundles.neighbours import Neighbours
from records.bundles.questions import Questions, is_condition

Json = dict[str, Any]
URNS = ("urn:uuid:", "urn:oid:")
NAMED = ("POST", "PUT", "PATCH")
TAIL = re.compile(r"[|#]|/_history/")
# [base]/Kind/id: the base is what relative references of the same entry begin with (bundle.html).
BASE = re.compile(r"(https?://.+/)[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")


class References:
    """The addresses of a Bundle that are to change, found before anything is decided."""

    def __init__(self, entries: Iterable[Entry], base: str) -> None:
        self._known = {e.full_url for e in entries if e.full_url and e.method in NAMED}
        self._base = f"{base}/"
        # Most Bundles name by URN alone: then no relative reference can mean an entry.
        self._relative = any(not name.startswith("urn:") for name in self._known)
        self._found: list[tuple[Entry, Address]] = []
        for entry in entries:
            bases = self._bases(entry)
            for address in _of_entry(entry):
                if self._is_meant(address, bases):
                    self._found.append((entry, address))

    def _bases(self, entry: Entry) -> tuple[str, ...]:
        """What a relative reference in this entry may begin with."""
        if not self._relative:
            return ("",)
        begin = BASE.fullmatch(entry.full_url)
        return ("", *((begin[1],) if begin else ()), self._base)

    def _is_meant(self, address: Address, bases: tuple[str, ...]) -> bool:
        value = address.value
        if address.what == "narrative":
            return any(self._name(link, bases) for link in addresses.links(value))
        if address.what == "reference" and (value.startswith(URNS) or is_condition(value)):
            return True
        return self._name(value, bases) is not None

    def _name(self, value: str, bases: tuple[str, ...]) -> tuple[str, str] | None:
        """The full URL of the Bundle that an address means, and what it says after it."""
        if value in self._known:
            return value, ""
        cut = TAIL.search(value)
        bare, tail = (value[: cut.start()], value[cut.start() :]) if cut else (value, "")
        for base in bases:
            if base + bare in self._known:
                return base + bare, tail
        return None

    def ask(self, asked: Questions) -> None:
        """Put the conditional references among the questions."""
        for entry, address in self._found:
            if address.what == "reference" and is_condition(address.value):
                asked.note(address.value, _path(entry, address))

    def resolve(self, entries: Iterable[Entry], asked: Questions) -> None:
        """Make every address point to where things are. Raises Invalid, Conflict."""
        names = {entry.full_url: entry for entry in entries if entry.method in NAMED}
        near = Neighbours({e.target: e.body for e in entries if e.body and not e.existing})
        for entry, address in self._found:
            if not entry.existing:
                address.holder[address.key] = self._new(entry, address, names, asked, near)

    def _new(
        self,
        entry: Entry,
        address: Address,
        names: dict[str, Entry],
        asked: Questions,
        near: Neighbours,
    ) -> str:
        bases = self._bases(entry)

        def target(value: str) -> str | None:
            named = self._name(value, bases)
            return None if named is None else _tailed(names[named[0]], named[1])

        value = address.value
        if address.what == "narrative":
            return addresses.relink(value, target)
        found = target(value)
        if found is None and address.what == "reference":
            if is_condition(value):
                return asked.resolve(value, _path(entry, address), near)
            raise Invalid(_path(entry, address), "refers to nothing in this Bundle")
        # A canonical is absolute by its type.
        return self._base + found if found and address.what == "canonical" else found or value


def _of_entry(entry: Entry) -> Iterable[Address]:
    if entry.patch is not None:
        content = entry.patch.content
        typed = isinstance(content, dict)
        return addresses.of_resource(content) if typed else addresses.of_values(content)
    return addresses.of_resource(entry.body) if entry.body is not None else ()


def _tailed(entry: Entry, tail: str) -> str:
    """A version of something new can only be its first; others stay as they are."""
    if tail.startswith("/_history/") and entry.method == "POST":
        return f"{entry.target}/_history/1"
    return f"{entry.target}{tail}"


def _path(entry: Entry, address: Address) -> str:
    return f"{entry.path}.resource{address.path}"
