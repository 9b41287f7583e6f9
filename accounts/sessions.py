"""Who a session belongs to: read by pages, by sockets and by the FHIR door.

One session may hold a member of staff and a patient at once (a doctor who opens a patient's link
in the same browser); each door takes the one it is for.
"""

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase

from accounts import queries
from accounts.models import PatientAccount, Post, User
from accounts.principals import patient_principal, staff_principal
from kernel.clock import now
from kernel.principal import Principal

POST = "post"
PATIENT = "patient"
PATIENT_UNTIL = "patient_until"
PATIENT_HOURS = 4
# allauth's own record of how the user proved who they are.
METHODS = "account_authentication_methods"
METHODS_USER = "account_authentication_methods_user"


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff who is signed in, as far as they have come.

    ``proved``: the second factor was shown in this session. ``post`` is None while they have not
    chosen between several, or have none.
    """

    user: User
    proved: bool
    post: Post | None
    posts: tuple[Post, ...]

    @property
    def principal(self) -> Principal | None:
        """Who acts; None until the second factor is shown and a post is settled."""
        return staff_principal(self.user, self.post) if self.proved and self.post else None


def staff_of(session: SessionBase, user: AbstractBaseUser | AnonymousUser) -> Staff | None:
    """The member of staff of this session, read afresh: a lost post or role counts at once."""
    if not isinstance(user, User) or not user.is_active:
        return None
    posts = tuple(queries.posts_of(user))
    return Staff(user, second_factor(session, user), _settled(posts, session.get(POST)), posts)


def patient_of(session: SessionBase) -> PatientAccount | None:
    """The patient of this session while their time runs and their account is active."""
    if now().timestamp() > session.get(PATIENT_UNTIL, 0):
        return None
    accounts = PatientAccount.objects.select_related("institution")
    return accounts.filter(fhir_id=session.get(PATIENT), active=True).first()


def principal_of(session: SessionBase, user: AbstractBaseUser | AnonymousUser) -> Principal | None:
    """The staff principal of this session, else the patient's, else None."""
    staff = staff_of(session, user)
    if staff and staff.principal:
        return staff.principal
    account = patient_of(session)
    return patient_principal(account) if account else None


def second_factor(session: SessionBase, user: User) -> bool:
    """True when a TOTP or recovery code of ``user`` was shown in this session."""
    if session.get(METHODS_USER) != str(user.pk):
        return False
    return any(record.get("method") == "mfa" for record in session.get(METHODS, []))


def _settled(posts: tuple[Post, ...], chosen: str | None) -> Post | None:
    if len(posts) == 1:
        return posts[0]
    return next((post for post in posts if post.public_id == chosen), None)
