"""Identifiers, the facts that name them, what the facts did, and the rules and decisions."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from profiles.lib.spellings import OWN_NORMALISERS, Normaliser
from profiles.models.profiles import Profile
from profiles.models.sources import Source


class TrustLevel(models.IntegerChoices):
    """How far a message is believed. The values are those of the identity engine's `Trust`."""

    CLAIM = 1, _("claim (public key)")
    SERVER = 2, _("server (secret key)")
    VERIFIED = 3, _("verified by the person")
    STAFF = 4, _("staff")

    @property
    def api_name(self) -> str:
        """`claim`, `server`, `verified` or `staff`."""
        return self.name.lower()


class Identifier(models.Model):
    """One identifier, such as an e-mail address, and the profile that has it now.

    `profile` is null if rules refused the identifier in all facts so far. Identifiers that ever
    shared a fact have the same `component`, by which facts are replayed. Components only grow.
    """

    namespace = models.CharField(max_length=63)
    value = models.CharField(max_length=255)
    # Nothing is done on deletion: identifiers move or are erased before their profile is deleted.
    profile = models.ForeignKey(
        Profile,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="identifiers",
    )
    component = models.BigIntegerField()
    is_vouched = models.BooleanField(default=False)
    since = models.DateField(help_text="The day on which its profile was given it.")
    # Days and not times, so that an identifier is updated once a day at most.
    first_seen_on = models.DateField()
    last_seen_on = models.DateField()
    quarantined_at = models.DateTimeField(null=True, blank=True)
    released_seq = models.BigIntegerField(
        null=True,
        editable=False,
        help_text="The last fact before staff released it: quarantine and wants until then ended.",
    )
    alone_seq = models.BigIntegerField(
        null=True,
        editable=False,
        help_text="The last fact before it got a profile of its own, since no fact kept it.",
    )

    class Meta:
        ordering = ["namespace", "value"]
        constraints = [
            # The value first: it distributes the table over a cluster.
            models.UniqueConstraint(fields=["value", "namespace"], name="identifier_unique"),
        ]
        indexes = [models.Index(fields=["component"], name="identifier_component")]

    def __str__(self) -> str:
        return f"{self.namespace}:{self.value}"


class IdentityFact(models.Model):
    """A source saw these identifiers together on this UTC day, at this trust.

    Invariant: facts are judged once, in order of `seq`.
    """

    seq = models.BigIntegerField(primary_key=True)
    digest = models.UUIDField(unique=True)
    # An array and not a table between: facts are many, and all identifiers of one are read
    # together.
    identifier_ids = ArrayField(models.BigIntegerField())
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    trust = models.PositiveSmallIntegerField(choices=TrustLevel)
    day = models.DateField()
    # No foreign key: it would be checked for every fact that an application of rules judges again.
    judged_by = models.BigIntegerField(
        null=True,
        editable=False,
        help_text="The version of the rules by which it was judged again.",
    )

    class Meta:
        ordering = ["seq"]
        indexes = [GinIndex(fields=["identifier_ids"], name="identity_fact_identifiers")]

    def __str__(self) -> str:
        return f"fact {self.seq}"


class IdentityOutcome(models.Model):
    """An identifier that a fact dropped, merged, took over or quarantined, and by which rule."""

    fact = models.ForeignKey(IdentityFact, on_delete=models.CASCADE, related_name="outcomes")
    identifier = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="outcomes"
    )
    wanter = models.ForeignKey(
        Identifier,
        null=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="outcomes_wanted",
    )
    # A RefusalRule of the engine, or "merge", "takeover" or "quarantine".
    rule = models.CharField(max_length=32)
    day = models.DateField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.rule} in fact {self.fact_id}"


class DecisionVerdict(models.TextChoices):
    """What can be decided about two identifiers."""

    SAME = "same", _("the same person")
    NOT_SAME = "not_same", _("not the same person")
    RELATED = "related", _("related, not the same person")


class IdentityDecision(models.Model):
    """A verdict on a pair of identifiers, which every replay obeys as long as it stands.

    A pair has one standing verdict at most; former ones stay as history.
    """

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    verdict = models.CharField(max_length=16, choices=DecisionVerdict)
    one = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    other = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    survivor = models.UUIDField(
        null=True, blank=True, help_text="The public UUID that the profile keeps."
    )
    is_of_staff = models.BooleanField(
        default=True, help_text="A service's verdict never joins two values of a unique key."
    )
    actor = models.CharField(max_length=120, default="")
    reason = models.TextField()
    decided_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was undone, or another verdict took its place."
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["one", "other"],
                condition=models.Q(ended_at=None),
                name="identity_decision_standing_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}: {self.one_id}, {self.other_id}"


class MergeQuerySet(models.QuerySet["Merge"]):
    """Merges, and those of them that hold."""

    def standing(self) -> "MergeQuerySet":
        """Return the merges that no decision and no erasure has undone."""
        return self.filter(undone_at=None)


class Merge(models.Model):
    """One profile absorbed by another, by which fact and rule.

    It keeps the identifiers that each side had, so that the consents of each side are folded apart
    and the merge permits nothing that one side refused.
    """

    survivor = models.ForeignKey(
        Profile, on_delete=models.CASCADE, db_constraint=False, related_name="merges"
    )
    # No foreign key: the absorbed profile is deleted.
    absorbed_id = models.BigIntegerField()
    absorbed_uuid = models.UUIDField()
    survivor_identifier_ids = ArrayField(models.BigIntegerField())
    absorbed_identifier_ids = ArrayField(models.BigIntegerField())
    fact = models.ForeignKey(IdentityFact, null=True, on_delete=models.SET_NULL, related_name="+")
    rule = models.CharField(max_length=32)
    actor = models.CharField(max_length=120)
    merged_at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(
        null=True, blank=True, help_text="When the two sides were parted again."
    )

    objects = MergeQuerySet.as_manager()

    class Meta:
        ordering = ["-merged_at", "-id"]

    def __str__(self) -> str:
        return f"{self.absorbed_uuid} into {self.survivor_id}"


class NormaliserChoice(models.TextChoices):
    """How values of one namespace are spelled alike."""

    AS_SENT = Normaliser.AS_SENT.value, _("as it is sent")
    LOWER = Normaliser.LOWER.value, _("in small letters")
    EMAIL = Normaliser.EMAIL.value, _("as an e-mail address")
    PHONE = Normaliser.PHONE.value, _("as a telephone number")


class IdentityRule(models.Model):
    """How identifiers of one namespace are judged; without a row the default rule applies."""

    namespace = models.CharField(max_length=63, unique=True)
    priority = models.PositiveSmallIntegerField(help_text="The smaller number names the person.")
    limit_count = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Values a profile may hold; empty for any number."
    )
    limit_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="… gained within so many days; empty for ever."
    )
    is_unique = models.BooleanField(
        default=False, help_text="Two different values are never one person."
    )
    is_weak = models.BooleanField(
        default=False, help_text="An anonymous or device identifier, which any claim may attach."
    )
    normaliser = models.CharField(
        "spelling",
        max_length=8,
        choices=NormaliserChoice,
        default=NormaliserChoice.AS_SENT,
        help_text=(
            "How values are spelled alike, so that each names one person. "
            "It is chosen before the first value comes, and stays."
        ),
    )
    blocked_values = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        help_text=(
            "Values never taken as an identifier, beside those always blocked. "
            "In them * stands for any signs, as in test-*."
        ),
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["priority", "namespace"]

    def __str__(self) -> str:
        return self.namespace

    def clean(self) -> None:
        # One such value would make everybody nobody.
        if any(not value.strip("* ") for value in self.blocked_values):
            raise ValidationError({"blocked_values": "A value needs a sign other than *."})
        if OWN_NORMALISERS.get(self.namespace, self.normaliser) != self.normaliser:
            raise ValidationError({"normaliser": "This namespace has a spelling of its own."})


class ErasedNamespace(models.Model):
    """A namespace in which somebody was erased: another spelling would let them back unnoticed."""

    namespace = models.CharField(primary_key=True, max_length=255)

    class Meta:
        ordering = ["namespace"]

    def __str__(self) -> str:
        return self.namespace


class IdentityCaps(models.Model):
    """By how many an identifier may be wanted; the one row holds for all namespaces."""

    daily = models.PositiveSmallIntegerField(default=20)
    total = models.PositiveSmallIntegerField(default=50)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.daily} a day, {self.total} in all"


class IdentityRulesVersion(models.Model):
    """The rules by which all facts after `after_seq` were judged, up to the next version.

    A replay judges each fact by its own version, so that a change of rules moves nobody by itself.
    """

    after_seq = models.BigIntegerField()
    rules = models.JSONField()
    blocked = models.JSONField(
        default=dict, help_text="Values by namespace that facts judged again by it do without."
    )
    # Null of versions that are older than the column: `rules` has what is known of those.
    document = models.JSONField(
        null=True, help_text=_("All rules, as the file that restores them.")
    )
    actor = models.CharField(max_length=120, default="")
    reason = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        verbose_name = "version of the rules"
        verbose_name_plural = "versions of the rules"

    def __str__(self) -> str:
        return gettext("Version %(number)s of the rules") % {"number": self.pk}


class RulesApplication(models.Model):
    """One judging of all stored facts by a new version of the rules, as if it had always stood.

    Facts up to `last_seq` are judged again, those up to `until_seq` have to be.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        DONE = "done", _("done")
        SUPERSEDED = "superseded", _("superseded")  # other rules were applied before it was done

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    version = models.ForeignKey(IdentityRulesVersion, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    actor = models.CharField(max_length=120)
    last_seq = models.BigIntegerField(default=0)
    until_seq = models.BigIntegerField()
    moved = models.PositiveIntegerField(
        default=0, help_text=_("Identifiers that went to another profile.")
    )
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # All rows have the same value, so that there is one of them at most.
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(finished_at=None),
                name="rules_application_one_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}, {self.progress:.0%}"

    @property
    def progress(self) -> float:
        """The share of the facts that are judged again, from 0 to 1."""
        return 1.0 if not self.until_seq else min(1.0, self.last_seq / self.until_seq)
