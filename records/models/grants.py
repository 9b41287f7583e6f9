"""What lets somebody see what is not their own, or hides it. Only ``access`` writes these."""

from django.db import models

from records.models.resources import REFERENCE, Resource

FOREVER = 2**53  # milliseconds


class Grant(models.Model):
    """Lets ``to`` (a principal's reference, an institution's id) see a patient or a resource."""

    to = models.CharField(max_length=REFERENCE)
    patient = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    logical_id = models.CharField(max_length=64, blank=True)
    write = models.BooleanField(default=False)
    breaks_glass = models.BooleanField(default=False)
    why = models.CharField(max_length=200)
    since_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=("to", "patient"), name="records_grant_patient"),
            models.Index(fields=("to", "kind", "logical_id"), name="records_grant_resource"),
        )

    def __str__(self) -> str:
        return f"{self.to}: {self.kind}/{self.logical_id}" if self.kind else f"{self.to}: a patient"


class Denial(models.Model):
    """What a patient's ``consent`` hides from ``to``; empty words are everybody, everything."""

    consent = models.CharField(max_length=64, db_index=True)
    patient = models.CharField(max_length=64)
    to = models.CharField(max_length=REFERENCE, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    logical_id = models.CharField(max_length=64, blank=True)
    since_ms = models.BigIntegerField(default=0)
    until_ms = models.BigIntegerField(default=FOREVER)

    class Meta:
        indexes = (models.Index(fields=("patient", "to"), name="records_denial_patient"),)

    def __str__(self) -> str:
        return f"{self.to or 'everybody'}: {self.kind or 'everything'}"


class Naming(models.Model):
    """A patient whom a resource names that lies in no record.

    Of several patients, each: who is denied one is denied the whole. Or the one whom its author did
    not see: should the author make that patient, it comes into the record.
    """

    pk = models.CompositePrimaryKey("resource_id", "patient")
    resource = models.ForeignKey(
        Resource, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    patient = models.CharField(max_length=64, db_index=True)

    def __str__(self) -> str:
        return f"{self.resource_id}: {self.patient}"
