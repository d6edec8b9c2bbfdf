"""The consent ledger, which is the only truth, and its projection per profile and purpose."""

import uuid

from django.db import models
from django.db.models.functions import Now

from consent.models.purposes import NoticeVersion, Purpose, PurposeVersion
from profiles.models import Identifier, Profile, Source, TrustLevel


class ConsentKind(models.TextChoices):
    CONSENT = "consent", "consent"
    OBJECTION = "objection", "objection"


class State(models.TextChoices):
    """Only `given` and `renewed` permit; `unknown` and `requested` are no decisions and replace none."""

    GIVEN = "given", "given"
    RENEWED = "renewed", "renewed"
    REFUSED = "refused", "refused"
    WITHDRAWN = "withdrawn", "withdrawn"
    INVALIDATED = "invalidated", "invalidated"
    REQUESTED = "requested", "requested"
    UNKNOWN = "unknown", "unknown"


class Actor(models.TextChoices):
    SUBJECT = "subject", "the person"
    GUARDIAN = "guardian", "a guardian"
    STAFF = "staff", "staff"
    SERVICE = "service", "a service"
    IMPORT = "import", "an import"


class Method(models.TextChoices):
    CHECKBOX = "checkbox", "checkbox"
    BUTTON = "button", "button"
    DOUBLE_OPT_IN = "double_opt_in", "double opt-in"
    API = "api", "API"
    PHONE = "phone", "telephone"
    PAPER = "paper", "paper"
    GPC = "gpc", "Global Privacy Control"
    IMPORT = "import", "import"


class ConsentEvent(models.Model):
    """One thing that was said about one purpose. Insert only: triggers refuse UPDATE, DELETE and TRUNCATE.

    It names an identifier and never a profile. An objection without a purpose is one to direct marketing as a whole.
    An objection's state is `given` where the person objects and `withdrawn` where he takes the objection back.
    `identifier_id` outlives the identifier: after erasure the row stays, pseudonymous.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    identifier = models.ForeignKey(
        Identifier, on_delete=models.DO_NOTHING, db_constraint=False, related_name="consent_events"
    )
    kind = models.CharField(max_length=16, choices=ConsentKind, default=ConsentKind.CONSENT)
    purpose = models.ForeignKey(Purpose, null=True, on_delete=models.PROTECT, related_name="+")
    purpose_version = models.ForeignKey(
        PurposeVersion, null=True, on_delete=models.PROTECT, related_name="+"
    )
    notice = models.ForeignKey(NoticeVersion, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=State)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)
    actor = models.CharField(max_length=16, choices=Actor)
    method = models.CharField(max_length=16, choices=Method)
    trust = models.PositiveSmallIntegerField(choices=TrustLevel)
    source = models.ForeignKey(Source, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_by = models.CharField(
        max_length=120,
        blank=True,
        help_text="The API key, staff member or page that wrote it down.",
    )
    idempotency_key = models.CharField(
        max_length=64,
        null=True,
        unique=True,
        help_text="A keyed hash: what callers send may name people.",
    )
    digest = models.CharField(max_length=64, help_text="SHA-256 over salt, row and body.")
    seq = models.BigIntegerField(help_text="Order of arrival, drawn under the people lock.")

    class Meta:
        ordering = ["-received_at", "-seq"]
        indexes = [models.Index(fields=["identifier", "purpose"], name="consent_event_identifier")]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class ConsentBody(models.Model):
    """What is personal about a consent event; only erasure deletes it."""

    event = models.OneToOneField(
        ConsentEvent, primary_key=True, on_delete=models.DO_NOTHING, related_name="body"
    )
    salt = models.CharField(max_length=64)
    evidence = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"body of {self.event_id}"


class ConsentState(models.Model):
    """What the ledger comes to for one profile and purpose, whatever the clock says: expiry is judged when it is read."""

    pk = models.CompositePrimaryKey("profile_id", "purpose_id")
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="consent_states"
    )
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.UNKNOWN)
    version = models.PositiveIntegerField(help_text="Of the purpose, as it was agreed to.")
    decided_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    is_objected = models.BooleanField(default=False)
    objected_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        # Made by migration 0002, which leaves it room for HOT updates.
        managed = False
        db_table = "consent_consentstate"

    def __str__(self) -> str:
        return f"{self.state} for {self.purpose_id}"
