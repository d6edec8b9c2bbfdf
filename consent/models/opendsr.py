"""Other companies whose systems pass requests on by OpenDSR 2.0, and what they passed on."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from consent.models.requests import PrivacyRequest


class Controller(models.Model):
    """Another company for which we process data, and whose system may pass requests on.

    The standard signs what the processor answers and nothing that the controller asks, so that the
    API key says who it is.
    """

    controller_id = models.CharField(
        max_length=63, unique=True, help_text="What every answer names it by."
    )
    name = models.CharField(max_length=120)
    service = models.CharField(
        max_length=120, unique=True, help_text="The name of the API keys that act for it."
    )
    callback_hosts = ArrayField(
        models.CharField(max_length=253),
        default=list,
        blank=True,
        help_text="The hosts that callbacks may go to.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["controller_id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.controller_id})"


class SubjectRequest(models.Model):
    """One OpenDSR request of a controller, which is a privacy request like any other.

    It names nobody: identities are in the body of the privacy request, until that is erased.
    """

    controller = models.ForeignKey(Controller, on_delete=models.PROTECT, related_name="requests")
    subject_request_id = models.UUIDField()
    request = models.OneToOneField(PrivacyRequest, on_delete=models.CASCADE, related_name="opendsr")
    body_digest = models.CharField(max_length=64, help_text="A keyed hash of the body as sent.")
    regulation = models.CharField(max_length=8)
    received_at = models.DateTimeField()
    expected_at = models.DateTimeField()
    callback_urls = ArrayField(models.CharField(max_length=500), default=list)
    # The last entry of the request's log that callbacks were made of.
    announced_entry = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["controller", "subject_request_id"], name="subject_request_of_controller"
            )
        ]

    def __str__(self) -> str:
        return f"{self.controller_id}: {self.subject_request_id}"


class StatusCallback(models.Model):
    """One message to one address of a controller: a request has another status now."""

    subject_request = models.ForeignKey(
        SubjectRequest, on_delete=models.CASCADE, related_name="callbacks"
    )
    url = models.CharField(max_length=500)
    status = models.CharField(max_length=16)
    created_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True)
    abandoned_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=63, blank=True, default="")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["retry_at"],
                condition=models.Q(delivered_at=None, abandoned_at=None),
                name="status_callback_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} of {self.subject_request_id}"
