"""The response bodies of accounts."""

from typing import Any

from rest_framework import serializers

from profiles.accounts.reads import Origin
from profiles.api.kit.fields import AnyField
from profiles.api.serializers import TRUSTS


class AccountSerializer(serializers.Serializer[Any]):
    """A company or group that people belong to."""

    key = serializers.CharField(source="account.key", help_text="The groupId of group calls.")
    traits = serializers.DictField(child=AnyField(), source="account.traits")
    vouched = serializers.BooleanField(
        source="account.is_vouched",
        help_text="A source that is trusted named it. Then members by claim do not count.",
    )
    members = serializers.IntegerField(help_text="How many people count as members.")
    created_at = serializers.DateTimeField(source="account.created_at")


class AccountOriginSerializer(serializers.Serializer[Origin]):
    """Who gave a trait of an account its value, and when."""

    source = serializers.CharField()  # type: ignore[assignment]  # hides an attribute of Field
    trust = serializers.ChoiceField(choices=TRUSTS)
    said_at = serializers.DateTimeField()


class AccountDetailSerializer(AccountSerializer):
    """An account, and where its traits come from."""

    origins = serializers.DictField(child=AccountOriginSerializer(), help_text="By trait.")


class AccountMemberSerializer(serializers.Serializer[Any]):
    """A member of an account."""

    profile = serializers.UUIDField(source="profile__uuid")
    vouched = serializers.BooleanField(help_text="A source that is trusted said so.")
    joined_at = serializers.DateTimeField(help_text="The earliest time at which one said so.")


class ProfileAccountSerializer(serializers.Serializer[Any]):
    """An account of a profile."""

    key = serializers.CharField()
    traits = serializers.DictField(child=AnyField())
    vouched = serializers.BooleanField(help_text="A source that is trusted made them a member.")
    joined_at = serializers.DateTimeField(help_text="The earliest time at which one said so.")
