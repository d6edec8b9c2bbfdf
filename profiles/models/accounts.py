"""Accounts: the companies and groups that people belong to, who told of them, and their members."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from profiles.models.identity import Identifier, TrustLevel
from profiles.models.profiles import Profile
from profiles.models.sources import Source


class Account(models.Model):
    """One account, by the `groupId` of group calls.

    `winners` has the statement behind each trait, `{trait: [value, time, arrival, trust, source,
    identifier]}`, and `traits` the values of those that are not null. Both are derived from the
    account's records. It is vouched when one of these has server trust or more.
    """

    key = models.CharField(max_length=255, unique=True)
    traits = models.JSONField(default=dict)
    winners = models.JSONField(default=dict, editable=False)
    is_vouched = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["key"]
        indexes = [GinIndex(fields=["traits"], name="account_traits", opclasses=["jsonb_path_ops"])]

    def __str__(self) -> str:
        return self.key


class AccountRecord(models.Model):
    """What one source states, at one trust, by one identifier, of an account.

    `traits` are `{trait: [value, time, arrival]}`, as in a source record. The record says that the
    identifier's person is a member, too, and so there is one where nothing else was stated.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="records")
    identifier = models.ForeignKey(
        Identifier, on_delete=models.DO_NOTHING, db_constraint=False, related_name="account_records"
    )
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    trust = models.PositiveSmallIntegerField(choices=TrustLevel)
    traits = models.JSONField(default=dict)
    first_at = models.DateTimeField(help_text="The earliest time at which it said so.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "identifier", "source", "trust"], name="account_record_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id} on account {self.account_id}"


class AccountMember(models.Model):
    """An identifier made its person a member of an account. Derived from the account's records.

    It is vouched when one of them has server trust or more. Members by claim do not count where the
    account itself is vouched.
    """

    pk = models.CompositePrimaryKey("profile_id", "account_id", "identifier_id")
    profile = models.ForeignKey(Profile, on_delete=models.DO_NOTHING, related_name="accounts")
    # The account lies on one machine and the person on another.
    account = models.ForeignKey(
        Account,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="members",
    )
    identifier = models.ForeignKey(
        Identifier, on_delete=models.DO_NOTHING, db_constraint=False, related_name="accounts"
    )
    is_vouched = models.BooleanField(default=False)
    first_at = models.DateTimeField(help_text="The earliest time at which a source said so.")

    class Meta:
        indexes = [models.Index(fields=["account", "profile"], name="account_member_by_account")]

    def __str__(self) -> str:
        return f"profile {self.profile_id} in account {self.account_id}"


class AccountChange(models.Model):
    """An account whose traits, or whose members that count, changed: its members must be woken.

    `woken_to` is the last profile that was. Without a unique key, as every queue.
    """

    # A number and not a key: the account may be gone before its members are woken.
    account_id = models.BigIntegerField(db_index=True)
    woken_to = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"account {self.account_id}"
