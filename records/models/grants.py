"""What lets somebody see what is not their own. Only ``access`` writes it."""

from django.db import models

from records.models.resources import REFERENCE


class Grant(models.Model):
    """Lets ``to`` (a principal's reference, an institution's id) see a patient or a resource."""

    to = models.CharField(max_length=REFERENCE)
    patient = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    logical_id = models.CharField(max_length=64, blank=True)
    write = models.BooleanField(default=False)
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
