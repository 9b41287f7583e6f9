"""A video visit, what happened to it, and the link by which its patient comes."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from consult.workflow import INSIDE, LIVE, VISIT
from kernel.transitions import Stateful, TransitionRow, state_constraint
from kernel.workflow import Workflow


class VisitQuerySet(models.QuerySet["Visit"]):
    """Named filters."""

    def of_doctor(self, reference: str, institution: str) -> "VisitQuerySet":
        """The visits of one doctor at one institution."""
        return self.filter(doctor=reference, institution=institution)

    def on_day_of(self, moment: datetime) -> "VisitQuerySet":
        """Visits that start on the local day of ``moment``."""
        begin = timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)
        return self.filter(start__gte=begin, start__lt=begin + timedelta(days=1))

    def ahead_of(self, visit: "Visit") -> "VisitQuerySet":
        """Who is seen by the same doctor before ``visit``."""
        earlier = models.Q(state="waiting", waiting_since__lt=visit.waiting_since)
        inside = models.Q(state__in=INSIDE)
        same = self.of_doctor(visit.doctor, visit.institution)
        return same.filter(earlier | inside).exclude(pk=visit.pk)


class Visit(Stateful):
    """One video visit of a patient with a doctor of an institution.

    ``patient`` and ``doctor`` are FHIR references, ``institution`` is an institution's public id,
    ``fee`` is in fen. ``calls`` counts how often the patient was called without an answer;
    ``told_low`` and ``told_high`` are the minutes of waiting that they were told on arrival.
    """

    workflow: ClassVar[Workflow] = VISIT
    link: str = ""
    """The address of the patient's page, known only to who has just booked."""

    patient = models.CharField(max_length=80)
    doctor = models.CharField(max_length=80)
    institution = models.CharField(max_length=36)
    start = models.DateTimeField()
    end = models.DateTimeField()
    reason = models.CharField(max_length=300)
    pay_later = models.BooleanField(default=False)
    rehearsal = models.BooleanField(default=False)
    fee = models.PositiveIntegerField()

    appointment_id = models.CharField(max_length=64, blank=True)
    encounter_id = models.CharField(max_length=64, blank=True)
    consent_id = models.CharField(max_length=64, blank=True)
    composition_id = models.CharField(max_length=64, blank=True)
    room_id = models.CharField(max_length=64, blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    identified_at = models.DateTimeField(null=True)
    consented_at = models.DateTimeField(null=True)
    devices_checked_at = models.DateTimeField(null=True)
    video_works = models.BooleanField(null=True)
    waiting_since = models.DateTimeField(null=True)
    called_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    signed_at = models.DateTimeField(null=True)
    doctor_here = models.BooleanField(default=False)
    patient_here = models.BooleanField(default=False)
    calls = models.PositiveSmallIntegerField(default=0)
    told_low = models.PositiveSmallIntegerField(null=True)
    told_high = models.PositiveSmallIntegerField(null=True)

    objects = VisitQuerySet.as_manager()

    class Meta:
        constraints = (
            state_constraint(VISIT),
            models.CheckConstraint(
                condition=models.Q(end__gt=models.F("start")), name="visit_ends_after_it_starts"
            ),
            models.UniqueConstraint(
                fields=("doctor", "institution"),
                condition=models.Q(state__in=INSIDE),
                name="visit_one_call_a_doctor",
            ),
        )
        indexes = (
            models.Index(fields=("institution", "start"), name="visit_by_institution"),
            models.Index(fields=("doctor", "institution", "start"), name="visit_by_doctor"),
            models.Index(fields=("patient", "start"), name="visit_by_patient"),
            models.Index(
                fields=("state", "start"), condition=models.Q(state__in=LIVE), name="visit_live"
            ),
        )

    @property
    def purpose(self) -> str:
        """By this name the floors below know the visit (orders, rooms)."""
        return f"visit:{self.public_id}"

    @property
    def ready(self) -> bool:
        """True when identity and consent are there; payment is asked of payments."""
        return bool(self.identified_at and self.consented_at)


class VisitTransition(TransitionRow):
    """What happened to a visit."""

    thing = models.ForeignKey(Visit, models.CASCADE, related_name="transitions")


class VisitLink(models.Model):
    """The permission to come to a visit as its patient; only a hash of the token is kept."""

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"link of visit {self.visit_id}"
