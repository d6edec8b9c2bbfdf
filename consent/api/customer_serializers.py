"""The bodies of what customers do themselves: their links, their session, what they allow.

Invariant: serializers judge the shape of a body; services judge its meaning.
"""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from consent.api.serializers import ObjectField
from consent.models import Confirmation, NoticeVersion, State


class CustomerConsentSerializer(serializers.Serializer[Any]):
    """A customer's own consent, withdrawal or refusal for one purpose."""

    purpose = serializers.SlugField(max_length=63)
    state = serializers.ChoiceField([State.GIVEN, State.WITHDRAWN, State.REFUSED])
    evidence = ObjectField(required=False)
    notice = serializers.PrimaryKeyRelatedField(
        queryset=NoticeVersion.objects.all(), required=False, allow_null=True
    )


class LinkSerializer(serializers.Serializer[Any]):
    """Whom to send a link; the mail is in the default language if none is said."""

    email = serializers.CharField(max_length=320)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)


class CodeSerializer(serializers.Serializer[Any]):
    """What follows the `#` of a mailed link; with `purposes` just those of it are permitted."""

    code = serializers.CharField(max_length=1000)
    purposes = serializers.ListField(
        child=serializers.SlugField(max_length=63), min_length=1, max_length=20, required=False
    )


class ConfirmedSerializer(serializers.Serializer[Any]):
    """What the link was for."""

    kind = serializers.ChoiceField(Confirmation.Kind.choices)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200)


class NewDeepLinkSerializer(serializers.Serializer[Any]):
    """Whom the company's site knows to be logged in."""

    identifier = serializers.CharField(max_length=320)


class DeepLinkSerializer(serializers.Serializer[Any]):
    url = serializers.CharField()
    token = serializers.CharField(help_text="What follows the # of the url.")
    expires_at = serializers.DateTimeField()


class PermissionSerializer(serializers.Serializer[Any]):
    """A purpose with the very text that is agreed to, and what the customer said to it."""

    purpose = serializers.CharField(source="key")
    title = serializers.CharField()
    text = serializers.CharField()
    version = serializers.IntegerField()
    basis = serializers.CharField(help_text="In the language of Accept-Language.")
    is_asked = serializers.BooleanField(help_text="Whether it rests on consent.")
    is_permitted = serializers.BooleanField()
    needs_guardian = serializers.BooleanField(help_text="They are too young to say so themselves.")
    note = serializers.CharField(source="since_words")


class PermissionsSerializer(serializers.Serializer[Any]):
    permissions = PermissionSerializer(many=True)


class OpenedSessionSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
