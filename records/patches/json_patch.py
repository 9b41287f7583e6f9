"""JSON Patch (RFC 6902) on resources, by the library ``jsonpatch``.

It changes the parsed resource in place, so that decimals which it does not touch keep their text.
"""

from dataclasses import dataclass
from typing import Any

import jsonpatch
import jsonpointer

from kernel.errors import Invalid
from records import jsontext
from records.errors import Malformed

Json = dict[str, Any]
OPERATIONS = frozenset({"add", "remove", "replace", "move", "copy", "test"})
MOST_OPERATIONS = 1000
MOST_COPIED = 1024 * 1024
LONGEST_NAMED = 80


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """The operations of one patch; ``path`` is what the paths of errors begin with."""

    content: list[Json]
    path: str = ""

    def apply(self, body: Json) -> Json:
        """Do every operation in order. Raises Invalid naming the first that cannot be done."""
        copied = 0
        for place, operation in enumerate(self.content):
            where = f"{self.path}operation[{place}]"
            try:
                copied += _copies(operation, body)
                if copied > MOST_COPIED:
                    raise Invalid(where, "the patch copies more than 1 MB")
                body = jsonpatch.JsonPatch([operation]).apply(body, in_place=True)
            except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
                raise Invalid(where, _says(operation, error)) from None
            except RecursionError:
                raise Invalid(where, "nested too deeply") from None
        if not isinstance(body, dict):
            raise Invalid(self.path.rstrip("."), "leaves something that is no resource")
        return body


def parse(text: str | bytes, path: str = "") -> JsonPatch:
    """Understand a patch document. Raises Malformed naming the operation."""
    found = jsontext.loads(text)
    if not isinstance(found, list):
        raise Malformed(path.rstrip("."), "a JSON Patch is an array of operations")
    if len(found) > MOST_OPERATIONS:
        raise Malformed(path.rstrip("."), f"a patch has at most {MOST_OPERATIONS} operations")
    for place, operation in enumerate(found):
        if says := _fault(operation):
            raise Malformed(f"{path}operation[{place}]", says)
    return JsonPatch(found, path)


def _fault(operation: Any) -> str:
    if not isinstance(operation, dict):
        return "must be an object"
    name = operation.get("op")
    if not isinstance(name, str) or name not in OPERATIONS:
        return f"op must be one of {', '.join(sorted(OPERATIONS))}"
    for key in ("path", *(("from",) if name in ("move", "copy") else ())):
        pointer = operation.get(key)
        if not isinstance(pointer, str) or pointer[:1] not in ("", "/"):
            return f"{key} must be a JSON Pointer"
    if name in ("add", "replace", "test") and "value" not in operation:
        return "value is required"
    return ""


def _copies(operation: Json, body: Json) -> int:
    """How much a copy adds: copies of copies would grow without bound."""
    if operation["op"] != "copy":
        return 0
    return len(jsontext.dumps(jsonpointer.resolve_pointer(body, operation["from"])))


def _says(operation: Json, error: Exception) -> str:
    """A sentence that names the place, without the values that the library would tell."""
    place = operation["path"][:LONGEST_NAMED] or "the whole resource"
    if isinstance(error, jsonpatch.JsonPatchTestFailed):
        return f"test failed: {place} has not that value"
    return f"there is no {place}, or it cannot be changed so"
