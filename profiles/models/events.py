"""What people did, and the statistics that answer "ever" without reading it."""

from django.db import models

from profiles.models.identity import Identifier
from profiles.models.profiles import Profile
from profiles.models.sources import Source


class EventName(models.Model):
    """A small dictionary of what events are called, by kind; each name fixes the property that is its value."""

    class Kind(models.TextChoices):
        TRACK = "track", "track"
        PAGE = "page", "page"
        SCREEN = "screen", "screen"

    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=255)
    value_property = models.CharField(
        max_length=255,
        default="revenue",
        editable=False,
        help_text="The number property whose sum is kept per person.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="event_name_unique")]

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """Something one person did. Range-partitioned by month of `timestamp`; made only by the drain's COPY.

    `id` is the message's digest. `identifier` is the evidence that attributed it: it goes where that identifier goes.
    There is no foreign key in the database: it would make COPY slow and cannot cross a partitioned, distributed table.
    """

    pk = models.CompositePrimaryKey("profile_id", "timestamp", "id")
    id = models.UUIDField()
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events"
    )
    timestamp = models.DateTimeField()
    identifier = models.ForeignKey(
        Identifier, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    name = models.ForeignKey(
        EventName, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    value = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    properties = models.JSONField()
    context = models.JSONField()
    received_at = models.DateTimeField()
    original_timestamp = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        # Made by migration 0002: Django does not know partitioned tables.
        managed = False
        db_table = "profiles_event"
        ordering = ["-timestamp", "-id"]

    def __str__(self) -> str:
        return str(self.id)


class EventStat(models.Model):
    """How often and how much one person did one thing, ever. No index but its key, so that every update stays HOT."""

    pk = models.CompositePrimaryKey("profile_id", "name_id")
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="event_stats"
    )
    name = models.ForeignKey(
        EventName, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    count = models.BigIntegerField()
    sum = models.DecimalField(max_digits=40, decimal_places=10)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        # Made by migration 0002, which leaves it room for HOT updates.
        managed = False
        db_table = "profiles_eventstat"

    def __str__(self) -> str:
        return f"{self.count} of {self.name_id} by profile {self.profile_id}"
