"""Lists of people that were put together by hand, by upload or from a search."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from profiles.models import Identifier, Profile


class StaticList(models.Model):
    """A named list of people, which only changes when somebody changes it.

    `revision` counts the changes that were too large to queue their people: segments that ask for
    the list are rebuilt by it. `is_sensitive` says that a question about contact or special data
    chose some of its people, so that counting by it would answer that question.
    """

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9_-]{0,62}$")]
    )
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=0, editable=False)
    is_sensitive = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        verbose_name = "list"

    def __str__(self) -> str:
        return self.name


class ListedPerson(models.Model):
    """One person is on one list.

    The row hangs on the public UUID, so that an unmerge gives it back to whom it was about.
    """

    pk = models.CompositePrimaryKey("profile_id", "list_id", "identifier_id")
    profile = models.ForeignKey(Profile, on_delete=models.DO_NOTHING, related_name="listings")
    # The list lies on one machine and the person on another.
    list = models.ForeignKey(
        StaticList,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="people",
    )
    identifier = models.ForeignKey(
        Identifier, on_delete=models.DO_NOTHING, db_constraint=False, related_name="listings"
    )
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["list", "profile"], name="listed_person_by_list")]

    def __str__(self) -> str:
        return f"profile {self.profile_id} on list {self.list_id}"
