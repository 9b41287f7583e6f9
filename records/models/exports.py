"""Bulk exports: what was asked, how far it is, which files there are. ``export`` writes them."""

from typing import Any

from django.db import models
from django.db.models import Q

from kernel.ids import new_id
from records.models.resources import REFERENCE

STATES = ("running", "done", "failed")


class Export(models.Model):
    """One export.

    ``requester``, ``institution``, ``roles``, ``scopes`` are the principal for whom it reads;
    ``wish`` is ``export.wish.Wish`` as JSON; ``at_ms`` is its transactionTime. A worker holds it by
    ``holder`` until ``held_until_ms``; ``starts`` counts how often one began since a file was
    last finished.
    """

    public_id = models.CharField(max_length=36, unique=True, default=new_id, editable=False)
    requester = models.CharField(max_length=REFERENCE)
    institution = models.CharField(max_length=64, blank=True)
    roles: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    scopes: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    request = models.TextField()
    wish: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()
    state = models.CharField(max_length=10, default="running")
    fault = models.CharField(max_length=40, blank=True)
    says = models.CharField(max_length=200, blank=True)
    at_ms = models.BigIntegerField()
    total = models.BigIntegerField(null=True)
    done = models.BigIntegerField(default=0)
    expires_ms = models.BigIntegerField(db_index=True)
    holder = models.CharField(max_length=36, blank=True)
    held_until_ms = models.BigIntegerField(default=0)
    starts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(state__in=STATES), name="records_export_state"),
            # One at a time for each requester, also when two requests meet.
            models.UniqueConstraint(
                fields=("requester",), condition=Q(state="running"), name="records_export_one"
            ),
        )

    def __str__(self) -> str:
        return f"export {self.public_id} ({self.state})"


class ExportFile(models.Model):
    """A finished file: ``part`` is the list of the manifest to which it belongs.

    ``size`` is its length in bytes as NDJSON, ``packed`` that of the gzip on the disk.
    """

    export = models.ForeignKey(Export, models.CASCADE, related_name="files")
    part = models.CharField(max_length=10)
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    count = models.BigIntegerField()
    size = models.BigIntegerField()
    packed = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("export", "name"), name="records_export_file_once"),
        )

    def __str__(self) -> str:
        return f"{self.export_id}: {self.name}"
