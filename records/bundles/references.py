"""The addresses inside the resources of a Bundle, and what they are replaced by."""

from collections.abc import Iterator
from typing import Any

from kernel.errors import Invalid
from records.bundles.conditions import Questions, is_condition
from records.bundles.entries import Entry

Json = dict[str, Any]
ADDRESSES = frozenset({"reference", "url", "valueUri", "valueUrl"})


def places(node: Any, path: str) -> Iterator[tuple[str, Json, str]]:
    """Every place of a resource that holds an address: its path, and where to change it."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            if isinstance(item, dict | list):
                yield from places(item, f"{path}[{place}]")
    elif isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield from places(value, f"{path}.{key}")
            elif key in ADDRESSES and isinstance(value, str):
                yield f"{path}.{key}", node, key


def resolve(entry: Entry, names: dict[str, str], asked: Questions, bodies: dict[str, Json]) -> None:
    """Make the addresses of one entry point to where things are.

    ``names`` are the references behind the full URLs of the Bundle, ``bodies`` its resources by
    reference. Raises Invalid, Conflict naming the element.
    """
    for where, holder, key in list(places(entry.body, f"{entry.path}.resource")):
        address: str = holder[key]
        if address in names:
            holder[key] = names[address]
        elif key == "reference":
            if address.startswith(("urn:uuid:", "urn:oid:")):
                raise Invalid(where, "refers to nothing in this Bundle")
            if is_condition(address):
                holder[key] = asked.resolve(address, where, bodies)
