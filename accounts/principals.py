"""Who acts, made from our rows."""

from collections.abc import Iterable

from accounts.models import Partner, PatientAccount, Post, User
from accounts.oauth import scopes as smart
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


def standing(by: Principal) -> Principal | None:
    """``by``, who was let in once, with the access that they have now; None when it has ended."""
    if by.has("partner"):
        partner = Partner.objects.filter(organization_id=by.institution, active=True).first()
        if partner is None:
            return None
        both = smart.narrow(smart.parse(" ".join(by.scopes)), smart.parse(partner.scopes))
        return (
            system_of(partner.organization_id, map(str, both), name=partner.name) if both else None
        )
    if by.has("system", "patient"):
        return by
    user = User.objects.filter(practitioner_id=by.reference.partition("/")[2], is_active=True)
    post = (
        Post.objects.filter(user__in=user, institution__public_id=by.institution, active=True)
        .select_related("user", "institution")
        .first()
    )
    return staff_principal(post.user, post) if post else None
