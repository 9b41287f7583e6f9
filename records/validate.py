"""Checks a resource against FHIR R4: the only importer of ``fhir.resources``.

A write is checked by our own walk over the tables of R4 (``records.validation``), which refuses all
that the R4B models of ``fhir.resources`` refuse and what they let pass; tests hold the two against
each other. ``$validate`` asks both, and for the standard's advice too.
"""

import logging
from functools import cache
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from records import profiles
from records.errors import Unfit
from records.profiles import Profile
from records.validation.issues import Issue
from records.validation.walk import issues_of

log = logging.getLogger(__name__)

# R4 has it, R4B has not.
ALLOWED_BEYOND_MODEL = frozenset({"valueMeta"})
MOST_ISSUES = 20
SEVERITIES = ("error", "warning", "information")
SAYS = {
    "missing": "is required",
    "extra_forbidden": "is not an element of this type",
    "list_type": "must be an array",
    "string_type": "must be a string",
}


def check(body: dict[str, Any], path: str = "", *, ours: bool = False) -> None:
    """Raise Unfit (an Invalid) naming the wrong places of ``body``, at most ``MOST_ISSUES``.

    ``path`` is what paths begin with, such as ``Bundle.entry[3].resource``; by default the type.
    Profiles of ours are kept when ``body`` claims them, and with ``ours`` in any case.
    """
    root = path or str(body.get("resourceType"))
    issues = issues_of(body, root)
    if not issues:
        breaches = profiles.breaches(body, root, ours=ours)
        issues = [issue for issue in breaches if issue.severity == "error"]
    if issues:
        raise Unfit(issues[:MOST_ISSUES])


def review(body: dict[str, Any], profile: Profile | None = None) -> list[Issue]:
    """Everything there is to say of ``body``: errors by our walk and the models, and warnings.

    It is held against the profiles that it claims, and against ``profile``. What it claims and
    nobody here knows is said, as information.
    """
    root = str(body.get("resourceType"))
    issues = issues_of(body, root, advise=True)
    if not any(issue.severity == "error" for issue in issues):
        issues += second_opinion(body, root)
        issues += profiles.breaches(body, root, asked=profile)
        issues += [_unknown(claim, place, root) for place, claim in profiles.unknown(body)]
    gravest = sorted(issues, key=lambda issue: SEVERITIES.index(issue.severity))
    return gravest[:MOST_ISSUES]


def _unknown(claim: str, place: int, root: str) -> Issue:
    path = f"{root}.meta.profile[{place}]"
    says = "is not a profile that is known here, it was not checked"
    return Issue(path, says, "not-supported", "information", path)


def second_opinion(body: dict[str, Any], root: str) -> list[Issue]:
    """What the models of ``fhir.resources`` refuse."""
    try:
        _model(body["resourceType"]).model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [
            Issue(
                path := _path(root, each["loc"]), _says(each["type"], each["msg"]), expression=path
            )
            for each in found
            if not (each["loc"] and each["loc"][-1] in ALLOWED_BEYOND_MODEL)
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # The models raise these for some shapes that they did not foresee.
        log.warning("fhir.resources: %s", type(error).__name__)
        return [Issue(root, "does not follow the definition of its type", expression=root)]
    return []


@cache
def _model(kind: str) -> type[BaseModel]:
    model: type[BaseModel] = get_fhir_model_class(kind)
    return model


def _path(root: str, places: tuple[int | str, ...]) -> str:
    path = root
    for place in places:
        path += f"[{place}]" if isinstance(place, int) else f".{place}"
    return path


def _says(kind: str, message: str) -> str:
    return SAYS.get(kind) or message.removeprefix("Value error, ")
