"""People and places for tests, with names; sign-in without typing passwords."""

from typing import Any

from django.test import Client

from accounts import services
from accounts.models import Department, Institution, Partner, PatientAccount, Post, User
from accounts.sessions import METHODS, METHODS_USER, POST
from kernel.ids import new_id


def institution(public_id: str = "yunling", kind: str = "chc", **more: Any) -> Institution:
    """An institution; made once for each ``public_id``."""
    facts = {"kind": kind, "name": public_id, "code": f"12310106{public_id}"[:18], **more}
    return Institution.objects.get_or_create(public_id=public_id, defaults=facts)[0]


def staff(
    username: str,
    *roles: str,
    at: Institution | None = None,
    title: str = "",
    department: str = "",
    name: str = "",
) -> User:
    """A member of staff with one post."""
    user = User.objects.create_user(
        username, password="correct horse battery", name=name or username
    )
    post(user, *roles, at=at or institution(), title=title, department=department)
    return user


def post(user: User, *roles: str, at: Institution, title: str = "", department: str = "") -> Post:
    """One more post of ``user``."""
    part = (
        Department.objects.get_or_create(
            institution=at, code=department, defaults={"name": department}
        )[0]
        if department
        else None
    )
    return Post.objects.create(
        user=user, institution=at, roles=list(roles), title=title, department=part
    )


def patient(
    name: str = "赵德明", *, at: Institution | None = None, phone: str = "19900001234"
) -> PatientAccount:
    """A patient's account."""
    return PatientAccount.objects.create(
        fhir_id=new_id(), name=name, phone=phone, institution=at or institution()
    )


def partner(organization_id: str = "donghua", **more: Any) -> Partner:
    """A partner system without a key."""
    facts = {"name": organization_id, "client_id": f"{organization_id}-client", **more}
    return Partner.objects.create(organization_id=organization_id, **facts)


def signed_in(user: User, *, at: Institution | None = None, client: Client | None = None) -> Client:
    """A browser in which ``user`` is wholly signed in, second factor included."""
    client = client or Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    session[METHODS] = [{"method": "mfa", "type": "totp"}]
    session[METHODS_USER] = str(user.pk)
    if at:
        session[POST] = user.posts.get(institution=at).public_id
    session.save()
    return client


def patient_in(account: PatientAccount, *, client: Client | None = None) -> Client:
    """A browser in which the patient is signed in."""
    client = client or Client()
    session = client.session
    services.remember_patient(session, account)
    session.save()
    return client
