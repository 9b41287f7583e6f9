"""Referrals, their transitions, and what must be told to partner hospitals.

Public ids and FHIR references only: what is clinical lies in ``records``.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.ids import new_id
from kernel.transitions import Stateful, TransitionRow, state_constraint
from kernel.workflow import Workflow
from referrals.workflow import LIVE, REFERRAL


class Referral(Stateful):
    """One patient sent to one institution for one purpose.

    ``patient`` and ``requester`` are FHIR references, the institutions and ``visit`` public ids,
    ``*_id`` logical ids of the FHIR resources that show this referral to others. ``document_id``
    names the document Bundle as it was when the referral was sent; it is never changed.
    ``filler_id`` is the number that the receiving hospital gave it.
    """

    workflow: ClassVar[Workflow] = REFERRAL

    patient = models.CharField(max_length=80, editable=False)
    visit = models.CharField(max_length=36, blank=True, editable=False, db_index=True)
    requester = models.CharField(max_length=120, editable=False)
    from_institution = models.CharField(max_length=64, editable=False)
    to_institution = models.CharField(max_length=64, editable=False)
    purpose = models.CharField(max_length=20)
    urgency = models.CharField(max_length=20)
    service_request_id = models.CharField(max_length=64, unique=True, default=new_id)
    task_id = models.CharField(max_length=64, unique=True, default=new_id)
    document_id = models.CharField(max_length=64, unique=True, default=new_id)
    filler_id = models.CharField(max_length=120, blank=True)
    decline_reason = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = (
            state_constraint(REFERRAL),
            models.UniqueConstraint(
                fields=("patient", "purpose"),
                condition=Q(state__in=sorted(LIVE)),
                name="referral_one_live_per_purpose",
            ),
        )
        indexes = (
            models.Index(fields=("from_institution", "state"), name="referral_sent"),
            models.Index(fields=("to_institution", "state"), name="referral_owner"),
        )


class ReferralTransition(TransitionRow):
    """What happened to a referral."""

    thing = models.ForeignKey(Referral, models.CASCADE, related_name="transitions")

    class Meta(TransitionRow.Meta):
        # The name that the kernel makes is longer than Django's 30 characters.
        indexes = (
            models.Index(
                fields=("due_at",), condition=Q(delivered_at=None), name="referral_transition_due"
            ),
        )


class Delivery(models.Model):
    """One message that a partner hospital must get, and how far it has come.

    ``transition`` is what it tells of: one transition makes one message, however often the outbox
    tells it. A message goes only after the earlier ones of its referral. ``error`` is a word of
    ``exchange.errors``, never the partner's text, which may name a patient.
    """

    referral = models.ForeignKey(Referral, models.CASCADE, related_name="deliveries")
    transition = models.OneToOneField(ReferralTransition, models.CASCADE, related_name="delivery")
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=now)
    delivered_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=40, blank=True)
    permanent = models.BooleanField(default=False)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(fields=("due_at",), condition=Q(delivered_at=None), name="delivery_due"),
        )

    def __str__(self) -> str:
        return f"{self.transition_id} after {self.attempts} attempts"

    @property
    def standing(self) -> str:
        """A word of ``workflow.DELIVERY``."""
        if self.delivered_at:
            return "sent"
        if self.permanent:
            return "stuck"
        return "retrying" if self.error else "waiting"
