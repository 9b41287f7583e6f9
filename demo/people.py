"""The demo's staff: sign-in with fresh secrets, posts, licences, and their FHIR resources."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.hashers import make_password

from accounts.models import Department, Institution, Licence, Post, User
from kernel.principal import SYSTEM
from records import build, store

Json = dict[str, Any]
STAFF_NUMBER = "urn:oid:2.16.156.10011.1.4"
ROLE = "urn:tongzhen:staff-role"


@dataclass(frozen=True, slots=True)
class Member:
    """One line of the list below; ``also`` are further institutions of a doctor of several."""

    username: str
    name: str
    sex: str
    place: str
    department: str
    title: str
    roles: tuple[str, ...]
    scope: str = ""
    also: tuple[str, ...] = ()
    superuser: bool = False


_LINES = """
lin.gp     |林静怡|female|yunling     |全科    |主治医师  |doctor    |全科医学专业|
xu.gp      |徐海波|male  |yunling     |全科    |副主任医师|doctor    |全科医学专业|
zhou.nurse |周颖  |female|yunling     |护理    |主管护师  |nurse     |            |
tang.rx    |唐慧  |female|yunling     |药房    |主管药师  |pharmacist|            |
han.cash   |韩敏  |female|yunling     |收费    |收费员    |cashier   |            |
ma.admin   |马建国|male  |yunling     |办公室  |主任      |admin     |            |
cheng.card |程思远|male  |beibu-centre|心内科  |主任医师  |doctor    |内科专业    |yunling
meng.neph  |孟晓岚|female|beibu-centre|肾内科  |副主任医师|doctor    |内科专业    |beibu-rehab
zhou.neuro |周岚  |female|beibu-centre|神经内科|主治医师  |doctor    |内科专业    |
wu.ward    |吴晓燕|female|beibu-centre|神经内科|护士长    |nurse     |            |
guo.rehab  |郭立群|male  |beibu-rehab |神经康复|副主任医师|doctor    |康复医学专业|
chen.nurse |陈洁  |female|beibu-rehab |神经康复|护士长    |nurse     |            |
shen.care  |沈国华|male  |pengyue     |护理部  |主治医师  |doctor    |全科医学专业|
xia.audit  |夏雯  |female|beibu       |办公室  |审计      |auditor   |            |
root       |管理员|male  |beibu       |办公室  |系统管理员|admin     |            |
"""


def members() -> list[Member]:
    """Everybody of the list."""
    found = []
    for line in _LINES.strip().splitlines():
        name, *cells = (cell.strip() for cell in line.split("|"))
        display, sex, place, department, title, roles, scope, also = cells
        found.append(
            Member(
                name,
                display,
                sex,
                place,
                department,
                title,
                tuple(roles.split()),
                scope,
                tuple(also.split()),
                superuser=name == "root",
            )
        )
    return found


def seed_people(places: dict[str, Institution]) -> list[Json]:
    """Write everybody; return their lines of the credentials, secrets in clear."""
    everybody = members()
    passwords = [secrets.token_urlsafe(12) for _member in everybody]
    # Hashing is slow on purpose and needs no lock of Python's: all cores share it.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        hashes = list(pool.map(make_password, passwords))
    return [
        {**_seed(member, number, hashes[number - 1], places), "password": passwords[number - 1]}
        for number, member in enumerate(everybody, 1)
    ]


def _seed(member: Member, number: int, password: str, places: dict[str, Institution]) -> Json:
    secret = generate_totp_secret()
    user = User.objects.create(
        username=member.username,
        password=password,
        name=member.name,
        practitioner_id=f"practitioner-{member.username.replace('.', '-')}",
        is_staff=member.superuser,
        is_superuser=member.superuser,
    )
    TOTP.activate(user, secret)
    institutions = [places[key] for key in (member.place, *member.also)]
    posts = [_post(user, member, institution) for institution in institutions]
    licences = _licences(user, member, number, institutions) if member.scope else []
    _write(member, number, user, posts, licences)
    return {
        "username": member.username,
        "totp_secret": secret,
        "name": member.name,
        "title": f"{member.department} {member.title}",
        "institution": institutions[0].name,
        "roles": list(member.roles),
    }


def _post(user: User, member: Member, institution: Institution) -> Post:
    own = Department.objects.filter(institution=institution, name=member.department).first()
    return Post.objects.create(
        public_id=f"{user.practitioner_id}-{institution.public_id}",
        user=user,
        institution=institution,
        department=own,
        roles=list(member.roles),
        title=member.title,
    )


def _licences(
    user: User, member: Member, number: int, institutions: list[Institution]
) -> list[Licence]:
    return [
        Licence.objects.create(
            user=user,
            institution=institution,
            number=f"110990106{number:06d}",
            scope=member.scope,
            valid_from=date(2024, 1, 1),
            valid_to=date(2028, 12, 31),
        )
        for institution in institutions
    ]


def _write(
    member: Member, number: int, user: User, posts: list[Post], licences: list[Licence]
) -> None:
    home = posts[0].institution.public_id
    body = {
        "resourceType": "Practitioner",
        "identifier": [build.identifier(STAFF_NUMBER, f"{number:06d}")],
        "active": True,
        "name": [build.human_name(member.name, family=member.name[0], given=member.name[1:])],
        "gender": member.sex,
    }
    if licences:
        body["qualification"] = [_qualification(licence) for licence in licences]
    store.update("Practitioner", user.practitioner_id, body, by=SYSTEM, institution=home)
    for post in posts:
        place = post.institution.public_id
        store.update(
            "PractitionerRole", post.public_id, _role(member, post), by=SYSTEM, institution=place
        )


def _qualification(licence: Licence) -> Json:
    issuer = licence.institution
    return {
        "identifier": [{"value": licence.number}],
        "code": {"text": licence.scope},
        "period": build.period(licence.valid_from, licence.valid_to),
        "issuer": build.reference("Organization", issuer.public_id, issuer.name),
    }


def _role(member: Member, post: Post) -> Json:
    place = post.institution
    return {
        "resourceType": "PractitionerRole",
        "active": True,
        "practitioner": {"reference": post.user.reference, "display": member.name},
        "organization": build.reference("Organization", place.public_id, place.name),
        "code": [build.codeable(ROLE, role, text=member.title) for role in member.roles],
        "specialty": [{"text": member.scope or member.department}],
        "location": [build.reference("Location", place.public_id, place.name)],
    }
