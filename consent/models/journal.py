"""What the privacy journal has, and what it still has to be given."""

import uuid

from django.db import models
from django.db.models.functions import Now


class JournalEntry(models.Model):
    """A line of the privacy journal: an act that a restored backup must not forget.

    It is written in the transaction of the act, and gets its number when the file has it. Of those
    that have one only the newest is kept, by which a restored database is known.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    seq = models.BigIntegerField(null=True, unique=True)
    line = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"journal entry {self.seq or 'to come'}"
