"""Tables of people and places."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kernel.clock import now
from kernel.ids import new_id

ROLES = {
    "doctor": _("Doctor"),
    "nurse": _("Nurse"),
    "pharmacist": _("Pharmacist"),
    "cashier": _("Cashier"),
    "admin": _("Institution administrator"),
    "auditor": _("Auditor"),
}


class InstitutionKind(models.TextChoices):
    """What an institution is in the consortium."""

    CHC = "chc", _("Community health centre")
    MEDICAL_CENTRE = "medical-centre", _("Regional medical centre")
    REHABILITATION = "rehabilitation", _("Rehabilitation hospital")
    NURSING_HOME = "nursing-home", _("Nursing home")
    CONSORTIUM = "consortium", _("Medical consortium")


class Institution(models.Model):
    """A member of the consortium. ``public_id`` is the logical id of its FHIR Organization."""

    public_id = models.CharField(max_length=64, unique=True, default=new_id)
    kind = models.CharField(max_length=20, choices=InstitutionKind.choices)
    name = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100, blank=True)
    code = models.CharField(max_length=22, unique=True, help_text=_("Unified social credit code"))
    phone = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=InstitutionKind.values), name="institution_kind"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """Its FHIR reference."""
        return f"Organization/{self.public_id}"


class Department(models.Model):
    """A part of an institution where staff work."""

    institution = models.ForeignKey(Institution, models.CASCADE, related_name="departments")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ("institution", "code")
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        constraints = (
            models.UniqueConstraint(fields=("institution", "code"), name="department_code"),
        )

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A member of staff who can sign in; ``practitioner_id`` names their FHIR Practitioner."""

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    name = models.CharField(_("full name"), max_length=60, blank=True)
    practitioner_id = models.CharField(max_length=64, unique=True, default=new_id)

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def reference(self) -> str:
        """Their FHIR reference."""
        return f"Practitioner/{self.practitioner_id}"


class Post(models.Model):
    """What a member of staff does at one institution; several for a doctor of several sites.

    ``public_id`` is the logical id of the FHIR PractitionerRole; ``roles`` are words of the
    workflow tables.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id)
    user = models.ForeignKey(User, models.CASCADE, related_name="posts")
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="posts")
    department = models.ForeignKey(
        Department, models.PROTECT, related_name="posts", null=True, blank=True
    )
    roles = models.JSONField(default=list)
    title = models.CharField(max_length=60, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("id",)
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = (models.UniqueConstraint(fields=("user", "institution"), name="post_once"),)

    def __str__(self) -> str:
        return f"{self.user} · {self.institution}"


class Licence(models.Model):
    """A filed permission to practise: of a doctor at an institution, within a scope and a time."""

    user = models.ForeignKey(User, models.CASCADE, related_name="licences")
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="licences")
    number = models.CharField(max_length=30)
    scope = models.CharField(max_length=60)
    valid_from = models.DateField()
    valid_to = models.DateField()

    class Meta:
        ordering = ("-valid_to",)
        verbose_name = _("licence")
        verbose_name_plural = _("licences")
        constraints = (
            models.UniqueConstraint(fields=("number", "institution"), name="licence_once"),
            models.CheckConstraint(
                condition=Q(valid_to__gte=models.F("valid_from")), name="licence_period"
            ),
        )

    def __str__(self) -> str:
        return f"{self.number} · {self.scope}"


class PatientAccount(models.Model):
    """How a patient reaches their own pages; their facts live in the FHIR Patient ``fhir_id``."""

    fhir_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=60)
    phone = models.CharField(max_length=20, db_index=True)
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="patients")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("id",)
        verbose_name = _("patient's account")
        verbose_name_plural = _("patients' accounts")

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """The patient's FHIR reference."""
        return f"Patient/{self.fhir_id}"


class PatientCode(models.Model):
    """A six-digit code that was sent to a phone; only its digest is kept, for an hour."""

    phone = models.CharField(max_length=20, db_index=True)
    digest = models.CharField(max_length=64)
    sent_at = models.DateTimeField(default=now, db_index=True)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"code {self.pk}"


class Partner(models.Model):
    """A partner hospital's system: a client of SMART Backend Services and a FHIR server of its own.

    ``scopes`` are the widest that it may be granted, separated by spaces.
    """

    organization_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    fhir_base = models.URLField(blank=True)
    client_id = models.CharField(max_length=100, unique=True)
    jwks = models.JSONField(null=True, blank=True)
    jwks_url = models.URLField(blank=True)
    scopes = models.TextField(blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("partner system")
        verbose_name_plural = _("partner systems")

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """Its FHIR reference."""
        return f"Organization/{self.organization_id}"


class UsedAssertion(models.Model):
    """A client assertion that was accepted once and never will be again (RFC 7523 §3, item 7)."""

    client_id = models.CharField(max_length=100)
    jti = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("client_id", "jti"), name="assertion_once"),)

    def __str__(self) -> str:
        return f"{self.client_id} {self.jti}"
