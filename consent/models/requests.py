"""Privacy requests, their archives, and the links by which customers prove their address."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from consent.models.bulk import BulkRequest


class PrivacyRequest(models.Model):
    """One request of a customer under chapter III GDPR.

    `body` is personal and deleted by an erasure. `receipt` contains no personal data and stays.
    """

    class Kind(models.TextChoices):
        ACCESS = "access", _("access (article 15)")
        RECTIFICATION = "rectification", _("rectification (article 16)")
        ERASURE = "erasure", _("erasure (article 17)")
        RESTRICTION = "restriction", _("restriction (article 18)")
        PORTABILITY = "portability", _("portability (article 20)")
        OBJECTION = "objection", _("objection (article 21)")

    class Status(models.TextChoices):
        RECEIVED = "received", _("received")
        AWAITING_VERIFICATION = "awaiting_verification", _("awaiting verification")
        # An erasure that staff opened, and may still stop: the person is restricted.
        COOLING = "cooling", _("cooling off")
        VERIFIED = "verified", _("verified")
        IN_PROGRESS = "in_progress", _("in progress")
        HELD = "held", _("partly done, held until review")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        CANCELLED = "cancelled", _("cancelled")

    class Door(models.TextChoices):
        """By whom the request reached us."""

        CUSTOMER = "customer", _("the customer")
        SERVICE = "service", _("a service")
        STAFF = "staff", _("staff")
        CONTROLLER = "controller", _("another company's system")
        JOURNAL = "journal", _("the privacy journal")

    class AnsweredBy(models.TextChoices):
        """How the person heard of it."""

        MAIL = "mail", _("by e-mail")
        LETTER = "letter", _("by letter")
        PORTAL = "portal", _("on their page")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    status = models.CharField(max_length=24, choices=Status, default=Status.RECEIVED)
    door = models.CharField(max_length=16, choices=Door)
    # An array of ids without foreign keys: the request outlives the identifiers that it erases.
    identifier_ids = ArrayField(models.BigIntegerField(), default=list)
    body = models.JSONField(default=dict, help_text="What was asked: identifiers, changes.")
    reason = models.TextField(blank=True)
    # Where it is one of many that staff opened at once.
    bulk = models.ForeignKey(
        BulkRequest, null=True, editable=False, on_delete=models.PROTECT, related_name="requests"
    )
    # Who of the staff sees to it.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    # What was done and what was answered are two things: the person may not have heard of it yet.
    answered_at = models.DateTimeField(null=True, editable=False)
    answered_by = models.CharField(
        max_length=8, choices=AnsweredBy, blank=True, db_default="", editable=False
    )
    # The request that this one repeats.
    duplicate_of = models.ForeignKey(
        "self", null=True, editable=False, on_delete=models.SET_NULL, related_name="duplicates"
    )
    # That of what the person gets to read; empty where nobody has said which.
    language = models.CharField(max_length=8, blank=True, default="", db_default="")
    # A name and not a key: API keys and staff may be deleted later.
    requested_by = models.CharField(max_length=120)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    # Set when the deadline is extended, which can happen once.
    extended_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    # When a restriction ended, which is done as long as it lasts.
    lifted_at = models.DateTimeField(null=True, editable=False)
    # When an erasure that staff opened takes effect; until then it can be stopped.
    cooling_until = models.DateTimeField(null=True, editable=False)
    # Failed attempts to act on it. Successful ones are in the log.
    attempts = models.PositiveSmallIntegerField(default=0)
    # Set while it is set apart, since acting on it failed. `failure` is a word without any value.
    failed_at = models.DateTimeField(null=True, editable=False)
    failure = models.CharField(max_length=63, blank=True, db_default="", editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    # Hashed, since callers may build it from names. NULL where there is none, so that it is unique.
    idempotency_key = models.CharField(
        max_length=64, null=True, unique=True, editable=False, help_text="A keyed hash."
    )
    receipt = models.JSONField(default=dict, help_text="What was done, without personal data.")

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["status", "due_at"], name="privacy_request_open"),
            GinIndex(fields=["identifier_ids"], name="privacy_request_identifiers"),
            # Of erasures that are not done; the body of the others is empty.
            GinIndex(KeyTransform("restricted", "body"), name="privacy_request_restricted"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_status_display()}"


class RequestLogEntry(models.Model):
    """One step of a request: its new status, who caused it, when and why."""

    request = models.ForeignKey(PrivacyRequest, on_delete=models.CASCADE, related_name="log")
    status = models.CharField(max_length=24, choices=PrivacyRequest.Status)
    actor = models.CharField(max_length=120)
    note = models.TextField(blank=True)
    logged_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["logged_at", "id"]
        verbose_name_plural = "request log entries"

    def __str__(self) -> str:
        return f"{self.status} by {self.actor}"


class DeadlineAlert(models.Model):
    """That staff were told that so many days are left for a request, or fewer."""

    request = models.ForeignKey(PrivacyRequest, on_delete=models.CASCADE, related_name="alerts")
    threshold = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "threshold"], name="deadline_alert_once")
        ]

    def __str__(self) -> str:
        return f"alert {self.pk}"


class RequestAttachment(models.Model):
    """A file that belongs to a request, such as the letter it came by. An erasure deletes it."""

    request = models.ForeignKey(
        PrivacyRequest, on_delete=models.CASCADE, related_name="attachments"
    )
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=63)
    content = models.BinaryField()
    size = models.PositiveIntegerField()
    added_by = models.CharField(max_length=120)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]

    def __str__(self) -> str:
        return f"attachment {self.pk}"


class AccessArchive(models.Model):
    """The ZIP file for an access or portability request.

    It can be fetched some times within some days, until somebody confirms that they have it.
    `content` is empty afterwards.
    """

    request = models.OneToOneField(
        PrivacyRequest, primary_key=True, on_delete=models.CASCADE, related_name="archive"
    )
    content = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    fetches = models.PositiveSmallIntegerField(default=0, db_default=0)
    fetched_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"archive of {self.request_id}"


class MailedLink(models.Model):
    """A link by which a customer proves an identifier, and the session it opened.

    It is mailed to an address, or handed to a customer who is logged in on a company's own site.

    The token has 256 random bits and is stored as a digest. It is made when the mail is sent;
    `token_digest` is a random placeholder until then. `address_digest` is keyed and serves to
    count the links to an address. A link to an unknown address has no identifier and is never
    sent; it exists so that known and unknown addresses are treated alike.
    """

    token_digest = models.CharField(max_length=64, unique=True)
    address_digest = models.CharField(max_length=64, db_index=True)
    # No foreign key: an erasure deletes the identifier, and the session may still watch it.
    identifier_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    language = models.CharField(max_length=16, blank=True, help_text="In which the mail is.")
    session_digest = models.CharField(max_length=64, null=True, unique=True)
    session_expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link of {self.created_at:%Y-%m-%d %H:%M}"
