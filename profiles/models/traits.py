"""Source records, rectifications, definitions of traits, and values that are computed."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from profiles.models.identity import Identifier, TrustLevel
from profiles.models.profiles import Profile
from profiles.models.sources import Party, Source


class SourceRecord(models.Model):
    """What one source states, at one trust, for one identifier: `{trait: [value, time,
    arrival]}`.

    Each trait has its newest value. A value of null is kept, because the source took the trait
    back. Times are epoch microseconds; of equal ones the later `arrival` is the newer value. Older
    entries have none.
    """

    identifier = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="records"
    )
    # Without an index: the unique key begins with it.
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_index=False, related_name="records"
    )
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    trust = models.PositiveSmallIntegerField(choices=TrustLevel)
    # One row for all traits: they arrive, are read and are erased together.
    traits = models.JSONField(default=dict)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "identifier", "source", "trust"], name="source_record_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id} on identifier {self.identifier_id}"


class SpecialTrait(models.Model):
    """What one source states, at one trust, of one special trait (article 9) of one identifier.

    `sealed` is the value, encrypted by the key of the identifier, which is in no database. A value
    of null is kept, because the source took the trait back. `at` is in epoch microseconds; of equal
    ones the later `arrival` is the newer value.
    """

    identifier = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="special_traits"
    )
    # Without an index: the unique key begins with it.
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_index=False, related_name="special_traits"
    )
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    trust = models.PositiveSmallIntegerField(choices=TrustLevel)
    key = models.CharField(max_length=255)
    sealed = models.BinaryField()
    at = models.BigIntegerField()
    arrival = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "identifier", "source", "trust", "key"],
                name="special_trait_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} on identifier {self.identifier_id}"


class TraitLock(models.Model):
    """A rectified trait: its value stands whatever sources send later.

    A value of null keeps the trait empty. Of a special trait the value is `sealed` and not here.
    """

    identifier = models.ForeignKey(
        Identifier, on_delete=models.CASCADE, db_constraint=False, related_name="trait_locks"
    )
    profile = models.ForeignKey(Profile, on_delete=models.DO_NOTHING, related_name="trait_locks")
    key = models.CharField(max_length=255)
    value = models.JSONField(null=True)
    sealed = models.BinaryField(null=True)
    # A name and not a key: whoever corrected the trait may be deleted later.
    actor = models.CharField(max_length=120)
    reason = models.TextField()
    locked_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "identifier", "key"], name="trait_lock_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} of profile {self.profile_id}"


class TraitDefinition(models.Model):
    """The type and category of a trait, and the policy by which its golden value is chosen."""

    class Type(models.TextChoices):
        TEXT = "text", _("text")
        NUMBER = "number", _("number")
        BOOLEAN = "boolean", _("boolean")
        DATE = "date", _("date")
        LIST = "list", _("list")
        OBJECT = "object", _("object")

    class Category(models.TextChoices):
        ORDINARY = "ordinary", _("ordinary")
        CONTACT = "contact", _("contact")
        SPECIAL = "special", _("special (article 9)")

    class Origin(models.TextChoices):
        """Whose word it is: a customer corrects alone, and takes away as given, what is GIVEN."""

        GIVEN = "given", _("the person said it")
        OBSERVED = "observed", _("the person did it")
        INFERRED = "inferred", _("concluded by us")
        UNREVIEWED = "unreviewed", _("not reviewed yet")

    class Policy(models.TextChoices):
        MOST_TRUSTED = "most_trusted", _("the newest of the most trusted level")
        NEWEST = "newest", _("the newest")
        SOURCE_ORDER = "source_order", _("the newest of the first source in order")
        FIRST = "first", _("the first known")
        NOT_EMPTY = "not_empty", _("the newest of the most trusted level that is not empty")

    key = models.CharField(max_length=255, unique=True)
    label = models.CharField(max_length=120, blank=True)
    type = models.CharField(max_length=16, choices=Type)
    category = models.CharField(max_length=16, choices=Category, default=Category.ORDINARY)
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.UNREVIEWED)
    policy = models.CharField(max_length=16, choices=Policy, default=Policy.MOST_TRUSTED)
    party = models.CharField(
        max_length=8,
        choices=Party,
        blank=True,
        default="",
        help_text="Whose data it is, whichever source states it. Empty: that of the source.",
    )
    is_money = models.BooleanField(default=False, help_text="Its numbers are amounts of money.")
    is_reviewed = models.BooleanField(
        default=False, help_text="False where Tessera met the trait in a message and guessed."
    )
    is_computed = models.BooleanField(
        default=False,
        editable=False,
        help_text="Its values are computed from events; what sources say of it does not count.",
    )
    # The source whose public key brought the trait up, which may bring so many only.
    claimed_by = models.ForeignKey(
        Source, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.label or self.key


class ComputedValue(models.Model):
    """The value of one computed trait, of a profile that has one."""

    pk = models.CompositePrimaryKey("profile_id", "trait_id")
    profile = models.ForeignKey(
        Profile, on_delete=models.DO_NOTHING, db_index=False, related_name="computed_values"
    )
    # Definitions lie on another machine than people.
    trait = models.ForeignKey(
        TraitDefinition, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    value = models.JSONField()

    def __str__(self) -> str:
        return f"trait {self.trait_id} of profile {self.profile_id}"
