"""Cases: what facts lost to rules, grouped by the identifier that is in question."""

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.utils.translation import gettext_lazy as _

from profiles.models.identity import Identifier


class IdentityCase(models.Model):
    """An identifier about which facts and rules disagree, for staff to look at once.

    However often facts lose it to the same kind of rule, it is one case. `last_fact` is the number
    of the newest of them.
    """

    class Kind(models.TextChoices):
        TWO_PEOPLE = "two_people", _("two people have it")
        TOO_MANY = "too_many", _("has more than its rule allows")
        SHARED = "shared", _("wanted by too many people")
        AGAINST_VERDICT = "against_verdict", _("contradicts a verdict")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ANSWERED = "answered", _("answered")

    class Answer(models.TextChoices):
        SAME = "same", _("one person")
        NOT_SAME = "not_same", _("two people")
        RELATED = "related", _("two people of one household")
        RELEASED = "released", _("released from quarantine")
        BLOCKED = "blocked", _("the value names nobody")
        LEFT = "left", _("left as it is")
        SETTLED = "settled", _("settled by other answers")

    uuid = models.UUIDField(unique=True, db_default=RandomUUID(), editable=False)
    # No constraint: on a cluster, identifiers are spread.
    identifier = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    refusals = models.PositiveIntegerField(help_text="How many facts lost it.")
    first_day = models.DateField()
    last_day = models.DateField()
    last_fact = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    answer = models.CharField(max_length=8, choices=Answer, blank=True, default="")
    postponed_at = models.DateTimeField(null=True, help_text="When somebody put it off.")
    answered_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=120, default="")

    class Meta:
        ordering = ["-refusals", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["identifier", "kind"], name="identity_case_once"),
        ]
        indexes = [models.Index(fields=["state", "-refusals", "-id"], name="identity_case_queue")]

    def __str__(self) -> str:
        return f"case {self.uuid}"
