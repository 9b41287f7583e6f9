"""Checks a resource against FHIR R4: the only importer of ``fhir.resources``.

The R4B models check formats, required elements and choices; our own walk over the R4 tables checks
what they let pass (``shape``), so that together they refuse what the standard refuses.
"""

import logging
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from kernel.errors import Invalid
from records.shape import Issue, issues_of

log = logging.getLogger(__name__)

# R4 has it, R4B has not.
ALLOWED_BEYOND_MODEL = frozenset({"valueMeta"})
MOST_ISSUES = 20
SAYS = {
    "missing": "is required",
    "extra_forbidden": "is not an element of this type",
    "list_type": "must be an array",
    "string_type": "must be a string",
}


def check(body: dict[str, Any], path: str = "") -> None:
    """Raise Invalid naming every wrong place of ``body`` (at most ``MOST_ISSUES``).

    ``path`` is what paths begin with, such as ``Bundle.entry[3].resource``; by default the type.
    """
    kind = body["resourceType"]
    root = path or kind
    issues = issues_of(body, root)
    if not any(issue.fatal for issue in issues):
        known = {issue.path for issue in issues}
        issues += [issue for issue in _of_model(body, root) if issue.path not in known]
    if issues:
        (first, says), *more = [(issue.path, issue.says) for issue in issues[:MOST_ISSUES]]
        raise Invalid(first, says, *more)


@cache
def _model(kind: str) -> type[BaseModel]:
    model: type[BaseModel] = get_fhir_model_class(kind)
    return model


def _of_model(body: dict[str, Any], root: str) -> list[Issue]:
    try:
        _model(body["resourceType"]).model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [
            Issue(_path(root, each["loc"]), _says(each["type"], each["msg"]))
            for each in found
            if not (each["loc"] and each["loc"][-1] in ALLOWED_BEYOND_MODEL)
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # The models raise these for some shapes that they did not foresee.
        log.warning("fhir.resources: %s", type(error).__name__)
        return [Issue(root, "does not follow the definition of its type")]
    return []


def _path(root: str, places: tuple[int | str, ...]) -> str:
    path = root
    for place in places:
        path += f"[{place}]" if isinstance(place, int) else f".{place}"
    return path


def _says(kind: str, message: str) -> str:
    return SAYS.get(kind) or message.removeprefix("Value error, ")
