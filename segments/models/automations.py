"""Automations: what is done to people once something happens, step by step, and how far each is.

Invariant: a run has one decision for each step that it passed, with one message id. A run hangs on
a public UUID, so that it stays with whom it was about, whoever is merged or parted since. Like
deliveries, runs belong to automations rather than to people, and lie on the coordinator of a
cluster.
"""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from consent.models import Purpose


class Automation(models.Model):
    """A trigger and the steps that follow, for one purpose that people must permit.

    `definition` is what was saved last, `version` the number of the one that new runs start with;
    0 before the first is published. Of two that could start at once for one person, and may not
    both, the one with the smaller `priority` does.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        PAUSED = "paused", _("paused")
        ARCHIVED = "archived", _("archived")

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")]
    )
    name = models.CharField(max_length=120)
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT, editable=False)
    definition = models.JSONField()
    version = models.PositiveIntegerField(default=0, editable=False)
    priority = models.PositiveSmallIntegerField(default=100)
    live_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AutomationVersion(models.Model):
    """What an automation was when it was published; it never changes."""

    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    # The versions of mail templates that its steps send, by key.
    templates = models.JSONField(default=dict, db_default={})
    # A name and not a key: whoever published it may be deleted later.
    actor = models.CharField(max_length=120)
    published_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["automation", "number"], name="automation_version")
        ]

    def __str__(self) -> str:
        return f"version {self.number} of automation {self.automation_id}"


class AutomationRun(models.Model):
    """One person on their way through one version of an automation.

    `cause` says what started it, so that nothing starts it twice. `event` is the event that did,
    `since` its time, or the instant of the start. The run stands at `step` since `entered_at`, and
    nothing of it is read before `due_at`. `listens` is whether an event may let it go on earlier.
    Whoever `is_held_out` goes all the way and gets nothing, to be compared with the others.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("on the way")
        DONE = "done", _("came to the end")
        GOAL = "goal", _("reached the goal")
        LEFT = "left", _("left early")

    class Reason(models.TextChoices):
        CHECK = "check", _("a check did not hold")
        EXIT = "exit", _("an exit rule holds")
        MERGE = "merge", _("another run of the same person is further")
        GONE = "gone", _("the person is gone")
        STOPPED = "stopped", _("the automation was archived")
        FAULT = "fault", _("a step cannot be evaluated")

    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="runs")
    version = models.PositiveIntegerField()
    key = models.UUIDField(db_index=True)
    cause = models.CharField(max_length=120)
    event = models.UUIDField(null=True)
    since = models.DateTimeField()
    started_at = models.DateTimeField()
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE)
    reason = models.CharField(max_length=7, choices=Reason, blank=True, default="")
    step = models.CharField(max_length=200, blank=True)
    entered_at = models.DateTimeField()
    due_at = models.DateTimeField()
    listens = models.BooleanField(default=False)
    is_held_out = models.BooleanField(default=False, db_default=False)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["automation", "key", "cause"], name="run_cause"),
            models.UniqueConstraint(
                fields=["automation", "key"],
                condition=models.Q(state="active"),
                name="run_active",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="active"), name="run_due"),
            models.Index(fields=["automation", "-id"], name="run_log"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of automation {self.automation_id}"


class AutomationDecision(models.Model):
    """What was decided for one run at one step, and what came of its message.

    `message` is the id under which the step's mail or call leaves, whatever is tried again. A mail
    is `sending` from before the first byte: a worker that dies leaves its outcome unknown, and it
    is not sent again.
    """

    class Outcome(models.TextChoices):
        PASSED = "passed", _("went on")
        FAILED = "failed", _("did not hold")
        BRANCH = "branch", _("took a branch")
        ACTED = "acted", _("done")
        FORBIDDEN = "forbidden", _("left out: not permitted")
        CAPPED = "capped", _("left out: had enough messages")
        NO_ADDRESS = "no_address", _("left out: no address")
        NO_CODE = "no_code", _("left out: no code")
        HELD_OUT = "held_out", _("held out to compare")

    class MailState(models.TextChoices):
        NONE = "", _("no mail")
        PENDING = "pending", _("waits")
        SENDING = "sending", _("is being sent")
        SENT = "sent", _("sent")
        WITHHELD = "withheld", _("not permitted")
        UNKNOWN = "unknown", _("nobody knows whether it left")

    run = models.ForeignKey(AutomationRun, on_delete=models.CASCADE, related_name="decisions")
    step = models.CharField(max_length=200)
    message = models.UUIDField(unique=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=16)
    outcome = models.CharField(max_length=10, choices=Outcome)
    branch = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField()
    mail_state = models.CharField(
        max_length=8, choices=MailState, blank=True, default=MailState.NONE
    )
    claimed_at = models.DateTimeField(null=True)
    # When a mail is tried that its domain would not take yet.
    mail_due_at = models.DateTimeField(null=True)
    # When a link of the mail was clicked first, where that is counted.
    clicked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "step"], name="automation_decision_once")
        ]
        indexes = [
            models.Index(
                fields=["mail_state", "id"],
                condition=models.Q(mail_state__in=["pending", "sending"]),
                name="automation_mail_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of run {self.run_id}"
