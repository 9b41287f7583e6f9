"""Messages that were answered: sent again, they get the same answer. ``messaging`` writes them."""

from django.db import models

from records.models.resources import REFERENCE


class AnsweredMessage(models.Model):
    """One message of one sender; ``digest`` tells whether what is sent again is the same.

    ``answer`` is the response Bundle as it was served.
    """

    sender = models.CharField(max_length=REFERENCE)
    message_id = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    answer = models.TextField(blank=True)
    at_ms = models.BigIntegerField(db_index=True)

    class Meta:
        constraints = (
            # Two deliveries of one message at once: the second waits, then finds the answer.
            models.UniqueConstraint(fields=("sender", "message_id"), name="records_message_once"),
        )

    def __str__(self) -> str:
        return f"{self.sender}: {self.message_id}"
