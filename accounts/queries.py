"""What other rooms read about people and places."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, QuerySet

from accounts.models import Department, Institution, Licence, Partner, PatientAccount, Post, User
from kernel.clock import today
from kernel.errors import Missing

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A member of staff at one institution; ``reference`` is a ``Practitioner/…``."""

    reference: str
    name: str
    title: str
    department: str
    roles: frozenset[str]
    institution: str


def institution(public_id: str) -> Institution:
    """The institution, active or not. Raises Missing."""
    return _only(Institution.objects.filter(public_id=public_id), "institution")


def institutions(kind: str | None = None) -> list[Institution]:
    """Active institutions by name, of one ``kind`` or all."""
    found = Institution.objects.filter(active=True)
    return list(found.filter(kind=kind) if kind else found)


def departments(institution_id: str) -> list[Department]:
    """The departments of an institution."""
    return list(Department.objects.filter(institution__public_id=institution_id))


def staff(institution_id: str, role: str | None = None) -> list[StaffMember]:
    """Active staff of an institution, those who hold ``role`` or all; one query."""
    return [
        _member(post)
        for post in _posts().filter(institution__public_id=institution_id)
        if role is None or role in post.roles
    ]


def member(reference: str, institution_id: str) -> StaffMember:
    """The member of staff ``Practitioner/…`` at an institution. Raises Missing."""
    posts = _posts().filter(
        user__practitioner_id=_id(reference, "Practitioner"), institution__public_id=institution_id
    )
    return _member(_only(posts, "member of staff"))


def posts_of(user: User) -> list[Post]:
    """Where ``user`` may work now; one query."""
    return list(_posts().filter(user=user))


def licences(reference: str, institution_id: str) -> list[Licence]:
    """Licences of ``Practitioner/…`` at an institution that are valid today."""
    day = today()
    return list(
        Licence.objects.filter(
            user__practitioner_id=_id(reference, "Practitioner"),
            institution__public_id=institution_id,
            valid_from__lte=day,
            valid_to__gte=day,
        )
    )


def patient_account(fhir_id: str) -> PatientAccount:
    """The account of a patient, by the logical id of their FHIR Patient. Raises Missing."""
    found = PatientAccount.objects.select_related("institution")
    return _only(found.filter(fhir_id=fhir_id), "patient's account")


def patients(institution_id: str) -> list[PatientAccount]:
    """Active patients' accounts that an institution manages, by name."""
    found = PatientAccount.objects.filter(institution__public_id=institution_id, active=True)
    return list(found.order_by("name", "id"))


def partner_for(organization_id: str) -> Partner:
    """The active partner system of an organization. Raises Missing."""
    return _only(Partner.objects.filter(organization_id=organization_id, active=True), "partner")


def partners() -> list[Partner]:
    """Active partner systems by name."""
    return list(Partner.objects.filter(active=True))


def names(references: Iterable[str]) -> dict[str, str]:
    """Names to show for FHIR references of people, institutions and partners.

    At most four queries however many references; what is unknown is left out.
    """
    ids: dict[str, set[str]] = {}
    for reference in references:
        kind, _, key = reference.partition("/")
        ids.setdefault(kind, set()).add(key)
    return {
        **_names(User, "Practitioner", "practitioner_id", ids),
        **_names(PatientAccount, "Patient", "fhir_id", ids),
        **_names(Partner, "Organization", "organization_id", ids),
        **_names(Institution, "Organization", "public_id", ids),
    }


def _names(
    model: type[User | PatientAccount | Partner | Institution],
    kind: str,
    column: str,
    ids: dict[str, set[str]],
) -> dict[str, str]:
    if kind not in ids:
        return {}
    rows = model._default_manager.filter(**{f"{column}__in": ids[kind]})
    return {f"{kind}/{key}": name for key, name in rows.values_list(column, "name")}


def _posts() -> QuerySet[Post]:
    return Post.objects.filter(
        active=True, user__is_active=True, institution__active=True
    ).select_related("user", "institution", "department")


def _member(post: Post) -> StaffMember:
    return StaffMember(
        reference=post.user.reference,
        name=str(post.user),
        title=post.title,
        department=post.department.name if post.department else "",
        roles=frozenset(post.roles),
        institution=post.institution.public_id,
    )


def _id(reference: str, kind: str) -> str:
    found, _, key = reference.partition("/")
    if found != kind or not key:
        raise Missing(f"not a {kind}")
    return key


def _only(rows: QuerySet[M], what: str) -> M:
    found = rows.first()
    if found is None:
        raise Missing(f"no such {what}")
    return found
