"""Who acts, made from our rows."""

from collections.abc import Iterable

from accounts.models import PatientAccount, Post, User
from kernel.principal import Principal


def staff_principal(user: User, post: Post) -> Principal:
    """A member of staff as they act at the institution of ``post``."""
    return Principal(
        reference=user.reference,
        institution=post.institution.public_id,
        roles=frozenset(post.roles),
        name=str(user),
    )


def patient_principal(account: PatientAccount) -> Principal:
    """A patient on their own pages."""
    return Principal(reference=account.reference, roles=frozenset({"patient"}), name=account.name)


def system_of(organization_id: str, scopes: Iterable[str], *, name: str = "") -> Principal:
    """The system of the partner ``organization_id`` with the scopes of its token."""
    return Principal(
        reference=f"Organization/{organization_id}",
        institution=organization_id,
        roles=frozenset({"partner"}),
        scopes=frozenset(scopes),
        name=name,
    )
