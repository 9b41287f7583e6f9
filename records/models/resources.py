"""Resources, their versions and their index. Only ``writing`` writes these.

Instants are whole milliseconds since 1970 (UTC): FHIR's own precision, the same number on
PostgreSQL and SQLite, and read without conversion.
"""

from django.db import models

REFERENCE = 120


class Resource(models.Model):
    """A resource as it now is.

    ``content`` is the JSON text exactly as served. ``patient`` is the logical id of the patient in
    whose compartment it lies (``compartments``) since the version ``placed``, ``institution`` the
    Organization id of who keeps it, ``author`` the reference of who wrote it first; of what a
    partner wrote and the house keeps for all to see, of who kept it.
    """

    kind = models.CharField(max_length=40)
    logical_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    updated_ms = models.BigIntegerField()
    deleted = models.BooleanField(default=False)
    institution = models.CharField(max_length=64, blank=True)
    patient = models.CharField(max_length=64, blank=True)
    placed = models.PositiveIntegerField(default=1, db_default=1)
    author = models.CharField(max_length=REFERENCE)
    content = models.TextField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("kind", "logical_id"), name="records_resource_key"),
        )
        indexes = (
            models.Index(fields=("patient", "kind"), name="records_resource_patient"),
            models.Index(fields=("kind", "institution"), name="records_resource_house"),
            # What was written since, and the newest: what partners that poll ask all day.
            models.Index(fields=("kind", "updated_ms"), name="records_resource_age"),
        )

    def __str__(self) -> str:
        return f"{self.kind}/{self.logical_id}"


class ResourceVersion(models.Model):
    """One version, never changed. ``seq`` orders all writes of the service."""

    seq = models.BigAutoField(primary_key=True)
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    method = models.CharField(max_length=6)
    at_ms = models.BigIntegerField()
    by_reference = models.CharField(max_length=REFERENCE)
    content = models.TextField()

    class Meta:
        constraints = (
            # The optimistic lock's backstop: two writers cannot both make version n.
            models.UniqueConstraint(fields=("resource", "version"), name="records_version_once"),
        )

    def __str__(self) -> str:
        return f"{self.resource_id} v{self.version}"


class IndexRow(models.Model):
    """One searchable value: ``k`` names type and parameter, ``v`` the value in byte order.

    Bytes, so that order and prefixes do not depend on a collation.
    """

    pk = models.CompositePrimaryKey("k", "v", "resource_id")
    k = models.IntegerField()
    v = models.BinaryField()
    resource = models.ForeignKey(
        Resource, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        indexes = (models.Index(fields=("resource", "k"), name="records_index_of"),)

    def __str__(self) -> str:
        return f"{self.k}: {self.resource_id}"
