"""Which elements of each resource type belong to its summary, and which it cannot do without."""

from typing import Any

Json = dict[str, Any]


class Summaries:
    """Collects ``isSummary`` and ``min`` of the elements of resource types and their parts."""

    def __init__(self) -> None:
        self._summary: dict[str, list[str]] = {}
        self._needed: dict[str, list[str]] = {}

    def add(self, definition: Json) -> None:
        """Take the elements of one resource type."""
        if definition.get("derivation") == "constraint":
            return
        for element in definition["snapshot"]["element"]:
            parent, _, name = element["path"].rpartition(".")
            if not parent or element["max"] == "0":
                continue
            names = [name.replace("[x]", code) for code in _codes(element)]
            if element.get("isSummary"):
                self._summary.setdefault(parent, []).extend(names)
            if element["min"]:
                self._needed.setdefault(parent, []).extend(names)

    def content(self) -> Json:
        """The whole content of the file."""
        return {"summary": self._summary, "needed": self._needed}


def _codes(element: Json) -> list[str]:
    """What may stand for ``[x]``."""
    if not element["path"].endswith("[x]"):
        return [""]
    return [kind["code"][0].upper() + kind["code"][1:] for kind in element["type"]]
