"""What is going on with each Subscription, and the events that it has seen.

The Subscription resource says what its owner wants; the state beside it is the work of delivering.
Only ``records.subscriptions`` writes these.
"""

from django.db import models

from records.models.resources import REFERENCE, Resource


class SubscriptionState(models.Model):
    """The work for one Subscription, ``logical_id``.

    ``kind``, ``interactions`` (words separated by spaces) and ``filters`` (query strings) say which
    writes are events. ``owner`` … ``scopes`` are the principal whose access decides. ``counting``
    says that writes become events now; ``numbered`` and ``delivered`` are the last event numbers
    given and arrived. A deliverer holds the row until ``due_ms``, by its ``claim``.
    """

    logical_id = models.CharField(max_length=64, unique=True)
    topic = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=40)
    interactions = models.CharField(max_length=40)
    filters = models.JSONField(default=list)
    owner = models.CharField(max_length=REFERENCE, db_index=True)
    institution = models.CharField(max_length=64, blank=True)
    roles = models.JSONField(default=list)
    scopes = models.JSONField(default=list)
    status = models.CharField(max_length=10)
    counting = models.BooleanField(default=False)
    numbered = models.PositiveBigIntegerField(default=0)
    delivered = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    due_ms = models.BigIntegerField()
    claim = models.CharField(max_length=36, blank=True)
    heartbeat_ms = models.BigIntegerField(default=0)
    heard_ms = models.BigIntegerField(default=0)
    ends_ms = models.BigIntegerField(null=True)

    class Meta:
        indexes = (models.Index(fields=("status", "due_ms"), name="records_subscription_due"),)

    def __str__(self) -> str:
        return f"Subscription/{self.logical_id}: {self.status}"


class SubscriptionEvent(models.Model):
    """One write that a Subscription asked for: appended with the write, numbered when looked at.

    Numbers are given later, by one hand, so that writers never wait for each other and no number is
    missing when a write is undone.
    """

    subscription = models.ForeignKey(
        SubscriptionState,
        models.CASCADE,
        related_name="events",
        db_index=False,
        db_constraint=False,
    )
    number = models.PositiveBigIntegerField(null=True)
    resource = models.ForeignKey(
        Resource, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    version = models.PositiveIntegerField()
    interaction = models.CharField(max_length=6)
    at_ms = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("subscription", "number"), name="records_event_once"),
        )
        indexes = (
            models.Index(
                fields=("subscription",),
                condition=models.Q(number=None),
                name="records_event_fresh",
            ),
        )

    def __str__(self) -> str:
        return f"{self.subscription_id}: event {self.number}"
