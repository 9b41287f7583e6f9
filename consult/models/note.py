"""The doctor's draft of a visit's record, until it is signed and lives as FHIR."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from consult.models.visit import Visit


class Note(models.Model):
    """Subjective, objective, assessment, plan, and when to come back at once.

    ``version`` counts saves: who saves a version that is not the newest is told so. After signing
    the texts are gone from here; the record is the visit's Composition.
    """

    visit = models.OneToOneField(Visit, models.CASCADE, related_name="note")
    subjective = models.TextField(blank=True, max_length=4000)
    objective = models.TextField(blank=True, max_length=4000)
    assessment = models.TextField(blank=True, max_length=4000)
    plan = models.TextField(blank=True, max_length=4000)
    safety_net = models.TextField(blank=True, max_length=2000)
    version = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(default=timezone.now)

    LONGEST: ClassVar = {
        "subjective": 4000,
        "objective": 4000,
        "assessment": 4000,
        "plan": 4000,
        "safety_net": 2000,
    }
    PARTS = tuple(LONGEST)

    def __str__(self) -> str:
        return f"note of visit {self.visit_id}, version {self.version}"

    @property
    def texts(self) -> dict[str, str]:
        """Every part by its name."""
        return {part: getattr(self, part) for part in self.PARTS}


class Diagnosis(models.Model):
    """One diagnosis of the draft: a code of ``consult.diagnoses`` and its name."""

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="diagnoses")
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("visit", "code"), name="diagnosis_once_a_visit"),
        )

    def __str__(self) -> str:
        return f"{self.code} of visit {self.visit_id}"
