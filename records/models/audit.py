"""The trail of accesses: rows are added, never changed (migration 0002). Only ``audit`` writes."""

from django.db import models

from records.models.resources import REFERENCE


class AuditRow(models.Model):
    """One access. The rows of one process are a chain: each holds the hash of itself and the last.

    ``chain`` is the process, ``number`` the place in its chain; number 0 is written at its start
    and holds, as ``before``, the hash of the row that was the newest then: who cuts off the end of
    a chain leaves that one without an answer. ``action`` is one of C R U D E, ``interaction`` is
    FHIR's code or an operation's name, ``status`` HTTP's. ``asked`` are names of search
    parameters, never their values. ``keeper`` is the institution that keeps what was accessed.
    """

    chain = models.BigIntegerField()
    number = models.PositiveIntegerField()
    at_ms = models.BigIntegerField()
    who = models.CharField(max_length=REFERENCE)
    institution = models.CharField(max_length=64, blank=True)
    role = models.CharField(max_length=60, blank=True)
    client = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=1)
    interaction = models.CharField(max_length=60)
    status = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=40, blank=True)
    logical_id = models.CharField(max_length=64, blank=True)
    version = models.PositiveIntegerField(null=True)
    patient = models.CharField(max_length=64, blank=True)
    keeper = models.CharField(max_length=64, blank=True)
    asked = models.CharField(max_length=300, blank=True)
    found = models.PositiveIntegerField(null=True)
    why = models.CharField(max_length=200, blank=True)
    request = models.CharField(max_length=64, blank=True)
    before = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chain", "number"), name="records_audit_chain"),
        )
        indexes = (
            models.Index(fields=("patient", "id"), name="records_audit_patient"),
            models.Index(fields=("who", "id"), name="records_audit_who"),
        )

    def __str__(self) -> str:
        return f"{self.who} {self.interaction} {self.kind}"
