"""The profiles: which elements of which type are checked by which rule."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from records.profiles import numbers
from records.validation.issues import Fault, Issue, issue

Json = dict[str, Any]
STANDARD = "http://hl7.org/fhir/StructureDefinition/"
BASE = "urn:tongzhen:profile:"
VERSION = "1.0.0"
IDENTITY_CARD = "urn:oid:2.16.156.10011.1.3"
INSTITUTION = "urn:oid:2.16.156.10011.1.5"
ICD10 = "urn:oid:2.16.156.10011.2.3.3.11"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a profile at the element ``path``; ``broken`` gives the places that break it."""

    key: str
    path: str
    human: str
    broken: Callable[[Json], Iterator[tuple[list[str | int], str]]]
    code: str = "value"
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of ours on one type."""

    name: str
    kind: str
    title: str
    description: str
    rules: tuple[Rule, ...]

    @property
    def url(self) -> str:
        """Its canonical address."""
        return BASE + self.name

    def faults(self, body: Json) -> Iterator[Fault]:
        """What breaks it in a resource that follows R4."""
        for rule in self.rules:
            for places, says in rule.broken(body):
                yield Fault(places, f"{says} ({rule.key})", rule.code, rule.severity)


def _numbers(
    path: str, system: str, member: str, fault: Callable[[str], str]
) -> Callable[[Json], Iterator[tuple[list[str | int], str]]]:
    """Every ``member`` of the identifiers or codings of ``system`` at ``path`` is without fault."""

    def broken(body: Json) -> Iterator[tuple[list[str | int], str]]:
        for places, node in _nodes(body, path.split(".")):
            said = member in node and node.get("system") == system
            if said and (says := fault(str(node[member]))):
                yield [member, *places], says

    return broken


def _nodes(node: Json, names: list[str]) -> Iterator[tuple[list[str | int], Json]]:
    """The objects at a path, with their places from the innermost outwards."""
    name, *rest = names
    found = node.get(name)
    for place, item in enumerate(found if isinstance(found, list) else [found]):
        if not isinstance(item, dict):
            continue
        here: list[str | int] = [place, name] if isinstance(found, list) else [name]
        if not rest:
            yield here, item
        else:
            yield from (([*inner, *here], each) for inner, each in _nodes(item, rest))


def _cards(body: Json) -> list[str]:
    """The sound identity card numbers of a person."""
    values = [
        str(item.get("value"))
        for _, item in _nodes(body, ["identifier"])
        if item.get("system") == IDENTITY_CARD
    ]
    return [value for value in values if not numbers.identity_card_fault(value)]


def _wrong_birth(body: Json) -> Iterator[tuple[list[str | int], str]]:
    said = body.get("birthDate")
    for card in _cards(body):
        day = numbers.born(card)
        if said and day and said not in (f"{day}", f"{day}"[:7], f"{day}"[:4]):
            yield ["birthDate"], "is not the day of birth of the identity card"


def _wrong_sex(body: Json) -> Iterator[tuple[list[str | int], str]]:
    for card in _cards(body):
        if body.get("gender") == ("female" if numbers.is_male(card) else "male"):
            yield ["gender"], "is not the sex of the identity card"


def _people(kind: str) -> tuple[Rule, ...]:
    """The rules on a person of one type."""
    return (
        Rule(
            "tz-1",
            f"{kind}.identifier",
            f"An identity card ({IDENTITY_CARD}) follows GB 11643-1999, with its check digit",
            _numbers("identifier", IDENTITY_CARD, "value", numbers.identity_card_fault),
        ),
        Rule(
            "tz-2",
            f"{kind}.birthDate",
            "The day of birth is that of the identity card",
            _wrong_birth,
            "invariant",
        ),
        Rule(
            "tz-3",
            f"{kind}.gender",
            "The sex is that of the identity card",
            _wrong_sex,
            "invariant",
            "warning",
        ),
    )


PERSON = "People with an identity card are known by a number that can be one."
PROFILES = (
    Profile("patient", "Patient", "居民 Resident", PERSON, _people("Patient")),
    Profile("practitioner", "Practitioner", "医务人员 Staff", PERSON, _people("Practitioner")),
    Profile("related-person", "RelatedPerson", "联系人 Kin", PERSON, _people("RelatedPerson")),
    Profile(
        "organization",
        "Organization",
        "医疗机构 Institution",
        "An institution is known by its unified social credit code or organization code.",
        (
            Rule(
                "tz-4",
                "Organization.identifier",
                f"A code ({INSTITUTION}) follows GB 32100-2015 (18 characters) or GB 11714-1997",
                _numbers("identifier", INSTITUTION, "value", numbers.institution_code_fault),
            ),
        ),
    ),
    Profile(
        "condition",
        "Condition",
        "诊断 Diagnosis",
        "Diagnoses are coded as the national clinical and insurance editions of ICD-10 do.",
        (
            Rule(
                "tz-5",
                "Condition.code",
                f"A code of ICD-10 ({ICD10}) is written as in 国家临床版 2.0 or 医保版 2.0",
                _numbers("code.coding", ICD10, "code", numbers.diagnosis_fault),
            ),
        ),
    ),
)
_BY_URL = {profile.url: profile for profile in PROFILES}
_BY_KIND = {profile.kind: profile for profile in PROFILES}


def of_kind(kind: str) -> Profile | None:
    """The profile of ours on a type, or None."""
    return _BY_KIND.get(kind)


def find(canonical: str) -> Profile | None:
    """The profile of ours at ``url`` or ``url|version``, or None."""
    url, _, version = canonical.partition("|")
    return _BY_URL.get(url) if version in ("", VERSION) else None


def claims(body: Json) -> list[str]:
    """The profiles that a resource claims in ``meta.profile``."""
    return list(body.get("meta", {}).get("profile", ()))


def unknown(body: Json) -> list[tuple[int, str]]:
    """What it claims that is neither ours nor the standard's own, with the places."""
    own = f"{STANDARD}{body['resourceType']}"
    return [
        (place, claim)
        for place, claim in enumerate(claims(body))
        if claim and find(claim) is None and claim.partition("|")[0] != own
    ]


def breaches(
    body: Json, root: str, *, ours: bool = False, asked: Profile | None = None
) -> list[Issue]:
    """What breaks the profiles that ``body`` claims, the one ``asked``, and with ``ours`` its
    type's. ``body`` follows R4; ``root`` is what paths begin with.
    """
    wanted = [profile for claim in claims(body) if claim and (profile := find(claim))]
    near = of_kind(body["resourceType"]) if ours else None
    for profile in (asked, near):
        if profile is not None and profile not in wanted:
            wanted.append(profile)
    return [each for profile in wanted for each in _against(profile, body, root)]


def _against(profile: Profile, body: Json, root: str) -> list[Issue]:
    if body["resourceType"] != profile.kind:
        return [Issue(root, f"is not what {profile.url} is about", "invariant", expression=root)]
    return [issue(fault, body, root) for fault in profile.faults(body)]
