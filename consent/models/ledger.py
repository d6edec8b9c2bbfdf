"""The consent ledger, and the consent states, its projection per profile and purpose.

Invariant: the ledger is the only truth; every state can be computed from it again.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models.purposes import NoticeVersion, Purpose, PurposeVersion
from profiles.models import Identifier, Profile, Source, TrustLevel


class ConsentKind(models.TextChoices):
    CONSENT = "consent", _("consent")
    OBJECTION = "objection", _("objection")


class State(models.TextChoices):
    """Only `given` and `renewed` permit. `unknown` and `requested` never replace a decision."""

    GIVEN = "given", _("given")
    RENEWED = "renewed", _("renewed")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", _("withdrawn")
    INVALIDATED = "invalidated", _("invalidated")
    REQUESTED = "requested", _("requested")
    UNKNOWN = "unknown", _("unknown")


class DecidedBy(models.TextChoices):
    SUBJECT = "subject", _("the person")
    GUARDIAN = "guardian", _("a guardian")
    STAFF = "staff", _("staff")
    SERVICE = "service", _("a service")
    IMPORT = "import", _("an import")


class Method(models.TextChoices):
    CHECKBOX = "checkbox", _("checkbox")
    BUTTON = "button", _("button")
    DOUBLE_OPT_IN = "double_opt_in", _("double opt-in")
    API = "api", "API"
    PHONE = "phone", _("telephone")
    PAPER = "paper", _("paper")
    GPC = "gpc", "Global Privacy Control"
    IMPORT = "import", _("import")


class ConsentEvent(models.Model):
    """One consent, refusal or objection, by one identifier for one purpose.

    Insert only: triggers refuse UPDATE, DELETE and TRUNCATE. An objection without a purpose is to
    direct marketing as a whole. An objection's state is `given` when the person objects and
    `withdrawn` when they take the objection back.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # An identifier, never a profile, so that merges and unmerges leave the ledger as it is. No
    # constraint: after an erasure the row stays, with the id of an identifier that is gone.
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
    # Who decided; `recorded_by` is who wrote it down.
    actor = models.CharField(max_length=16, choices=DecidedBy)
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
    # Of a grant whose giver proved only a part of a profile; NULL where it binds the whole.
    reached_identifier_ids = ArrayField(models.BigIntegerField(), null=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 over salt, row and body.")
    seq = models.BigIntegerField(help_text="Order of arrival, drawn under the people lock.")

    # The public id of the profile that the event belongs to now, where a list has looked it up.
    profile_uuid: uuid.UUID | None = None

    class Meta:
        ordering = ["-received_at", "-seq"]
        indexes = [
            models.Index(fields=["identifier", "purpose"], name="consent_event_identifier"),
            # Rows lie in the order in which they came, so that this one is tiny.
            BrinIndex(fields=["received_at"], name="consent_event_received"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.get_state_display()}"


class LedgerSeal(models.Model):
    """One link of the chain over the ledger. Insert only, as the ledger is."""

    number = models.BigIntegerField(primary_key=True, help_text="1, 2, 3 and so on.")
    # No constraint: the link of an event that was pruned stays.
    event = models.OneToOneField(
        ConsentEvent, on_delete=models.DO_NOTHING, db_constraint=False, related_name="seal"
    )
    seq = models.BigIntegerField(unique=True, help_text="That of the event.")
    hash = models.CharField(max_length=64, help_text="SHA-256 over the link before and the event.")
    sealed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"link {self.number}"


class LedgerPruning(models.Model):
    """Events that were taken out of the ledger, since their time of proof was over. Insert only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    statement = models.TextField(help_text="What was pruned: a compact JWS.")

    def __str__(self) -> str:
        return f"pruning {self.pk}"


class PrunedLink(models.Model):
    """A link of the chain whose event was pruned. Insert only."""

    number = models.BigIntegerField(primary_key=True)
    pruning = models.ForeignKey(LedgerPruning, on_delete=models.PROTECT, related_name="links")

    def __str__(self) -> str:
        return f"pruned link {self.number}"


class IdempotentAnswer(models.Model):
    """What was answered to a service's request that carried an idempotency key.

    `scope` is a keyed hash of the service, the route and the key; `digest` one of the request as it
    was sent. Kept for 30 days, and erased with the person.
    """

    scope = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    # Text and not jsonb, which would give its keys back in another order.
    answer = models.TextField(help_text="The JSON of the answer.")
    # An array without foreign keys, as in privacy requests.
    identifier_ids = ArrayField(models.BigIntegerField(), default=list)
    conflicts = models.PositiveIntegerField(
        default=0, help_text="How often the key came again with another body."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [GinIndex(fields=["identifier_ids"], name="answer_identifiers")]

    def __str__(self) -> str:
        return f"answer {self.pk}"


class ConsentBody(models.Model):
    """The personal part of a consent event.

    It is a table of its own, since the ledger is insert only and an erasure must delete this part.
    """

    event = models.OneToOneField(
        ConsentEvent, primary_key=True, on_delete=models.DO_NOTHING, related_name="body"
    )
    salt = models.CharField(max_length=64)
    evidence = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"body of {self.event_id}"


class ConsentState(models.Model):
    """The consent state of one profile for one purpose.

    It does not depend on the current time: whether `valid_until` has passed is judged by the gate.
    """

    # The profile first: it spreads the table over a cluster.
    pk = models.CompositePrimaryKey("profile_id", "purpose_id")
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="consent_states"
    )
    purpose = models.ForeignKey(
        Purpose, on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    state = models.CharField(max_length=16, choices=State, default=State.UNKNOWN)
    version = models.PositiveIntegerField(help_text="Of the purpose, as it was agreed to.")
    decided_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    is_objected = models.BooleanField(default=False)
    objected_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        # Migration 0002 creates the table, with a fillfactor that leaves room for HOT updates.
        managed = False
        db_table = "consent_consentstate"

    def __str__(self) -> str:
        return f"{self.state} for {self.purpose_id}"
