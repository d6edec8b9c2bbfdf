"""Events, their names, and the statistics that answer "ever" without reading events."""

from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _

from profiles.models.identity import Identifier
from profiles.models.profiles import Profile
from profiles.models.sources import Source


class EventName(models.Model):
    """One name of events of a kind, with the property of these events that is their value."""

    class Kind(models.TextChoices):
        TRACK = "track", _("track")
        PAGE = "page", _("page")
        SCREEN = "screen", _("screen")
        GROUP = "group", _("group")

    uuid = models.UUIDField(unique=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=255)
    value_property = models.CharField(
        max_length=255,
        default="revenue",
        editable=False,
        help_text="The number property whose sum is kept per person.",
    )
    # A name and no row, since a refund may come before the first order.
    reduces = models.CharField(
        max_length=255,
        blank=True,
        default="",
        help_text=_("The event whose net value this one reduces, as a refund does that of orders."),
    )
    # The source whose public key brought the name up, which may bring so many only.
    claimed_by = models.ForeignKey(
        Source, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="event_name_unique")]

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One event of a profile, in a table partitioned by month of `timestamp`.

    Only the drain inserts events, by COPY. `id` is the message's digest. `identifier` is the
    evidence by which the event is the profile's: it moves where that identifier moves.
    """

    # No foreign key in the database: checking it slows COPY down, and it cannot reach a table that
    # is distributed in another way.
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
    arrival = models.BigIntegerField(
        default=0, help_text="Its place among all messages that arrived, for events of one time."
    )

    class Meta:
        # Migration 0002 creates the table: Django cannot create partitioned ones.
        managed = False
        db_table = "profiles_event"
        ordering = ["-timestamp", "-id"]

    def __str__(self) -> str:
        return str(self.id)


class EventStat(models.Model):
    """How often and how much a profile did the events of one name, ever."""

    # No index but the key, so that an update stays in its page (a heap-only tuple).
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
        # Migration 0002 creates the table, with free space in every page for updates.
        managed = False
        db_table = "profiles_eventstat"

    def __str__(self) -> str:
        return f"{self.count} of {self.name_id} by profile {self.profile_id}"
