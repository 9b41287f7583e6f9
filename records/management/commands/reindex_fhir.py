"""Makes the rows of the search index anew, after the table of search parameters has changed."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from records import jsontext
from records.models import IndexRow, Resource
from records.search.parameters import index_rows

AT_ONCE = 500


def reindex(after: int = 0) -> int:
    """Do the next resources behind the key ``after``; return the last one's, 0 at the end.

    Their rows are locked meanwhile: a write waits for its turn, and searches see old or new rows.
    """
    with transaction.atomic():
        found = Resource.objects.select_for_update().filter(pk__gt=after).order_by("pk")
        resources = list(found[:AT_ONCE])
        IndexRow.objects.filter(resource_id__in=[one.pk for one in resources]).delete()
        IndexRow.objects.bulk_create(
            [
                IndexRow(k=k, v=v, resource_id=one.pk)
                for one in resources
                if not one.deleted
                for k, v in index_rows(one.kind, jsontext.load_object(one.content))
            ],
            batch_size=AT_ONCE,
        )
    return resources[-1].pk if resources else 0


class Command(BaseCommand):
    """``manage.py reindex_fhir``; the service may run meanwhile."""

    help = "Make the search index anew, after an upgrade that changed the search parameters"

    def handle(self, *args: Any, **options: Any) -> None:
        """Every resource, some hundred at a time."""
        last = 0
        while last := reindex(last):
            self.stdout.write(f"up to {last}", ending="\r")
        self.stdout.write("done")
