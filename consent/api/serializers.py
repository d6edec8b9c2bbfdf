"""The request and response bodies of this app's API.

Invariant: serializers judge the shape of a body; services judge its meaning.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from consent.ledger.minors import MOST_YEARS
from consent.lib.durations import parse_duration
from consent.models import (
    ConsentEvent,
    ConsentKind,
    DecidedBy,
    LegalBasis,
    Method,
    NoticeVersion,
    PrivacyRequest,
    Purpose,
    State,
)
from consent.services import signed_receipt

_OBJECTION_STATES = (State.GIVEN, State.WITHDRAWN)


class ObjectField(serializers.JSONField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            raise serializers.ValidationError("Must be an object.", code="not_an_object")
        return value


class PurposeSerializer(serializers.Serializer[Purpose]):
    """A purpose with the terms of its current version."""

    key = serializers.RegexField(
        r"^[a-z][a-z0-9_-]{0,62}$", validators=[UniqueValidator(Purpose.objects.all())]
    )
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=20_000)
    legal_basis = serializers.ChoiceField(LegalBasis.choices)
    special_basis = serializers.CharField(max_length=120, required=False, allow_blank=True)
    is_direct_marketing = serializers.BooleanField(required=False)
    validity = serializers.CharField(max_length=32, required=False, allow_blank=True)
    minimum_age = serializers.IntegerField(
        min_value=1,
        max_value=MOST_YEARS,
        required=False,
        allow_null=True,
        help_text="For who is younger a guardian consents (article 8).",
    )
    categories = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, max_length=100
    )
    recipients = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, max_length=100
    )
    retention = serializers.CharField(max_length=200, required=False, allow_blank=True)
    is_profiling = serializers.BooleanField(required=False)
    is_automated_decision = serializers.BooleanField(required=False)
    replaces = serializers.SlugRelatedField(
        slug_field="key", queryset=Purpose.objects.all(), required=False, allow_null=True
    )
    transfer_countries = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z]{2}$"), required=False, max_length=250
    )
    version = serializers.IntegerField(read_only=True)
    minimum_version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)

    def validate_validity(self, text: str) -> str:
        try:
            if text:
                parse_duration(text)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="not_a_duration") from None
        return text

    def to_representation(self, instance: Purpose) -> dict[str, Any]:
        # Searched in Python, since the view has prefetched all versions.
        current = next(
            version
            for version in instance.versions.all()
            if version.number == instance.current_version
        )
        purpose_values = {
            "key": instance.key,
            "version": instance.current_version,
            "minimum_version": instance.minimum_version,
            "replaces": instance.replaces.key if instance.replaces else None,
            "created_at": serializers.DateTimeField().to_representation(instance.created_at),
        }
        names = list(self.fields.keys())
        version_values = {
            name: getattr(current, name) for name in names if name not in purpose_values
        }
        return {name: (purpose_values | version_values)[name] for name in names}


class PurposeChangeSerializer(PurposeSerializer):
    """The terms that change in a new version; those left out stay as they are.

    A substantial change means that everybody has to be asked for consent again.
    """

    # None removes the field: the key of a purpose, and what it replaces, never change.
    key = None  # type: ignore[assignment]
    replaces = None  # type: ignore[assignment]
    is_substantial = serializers.BooleanField(default=True, write_only=True)


class NoticeSerializer(serializers.ModelSerializer[NoticeVersion]):
    """A notice; without `shown_from` it is shown from now on."""

    shown_from = serializers.DateTimeField(required=False)

    class Meta:
        model = NoticeVersion
        fields = ["id", "key", "language", "content", "digest", "shown_from", "created_at"]
        read_only_fields = ["id", "digest", "created_at"]
        # Without the unique constraint's validator: posting the same content again is no error.
        validators: list[Any] = []


class ConsentEventSerializer(serializers.ModelSerializer[ConsentEvent]):
    """One event of the ledger, without its personal body."""

    profile = serializers.UUIDField(source="profile_uuid", read_only=True, allow_null=True)
    purpose = serializers.CharField(
        source="purpose.key", read_only=True, default=None, allow_null=True
    )
    version = serializers.IntegerField(
        source="purpose_version.number", read_only=True, default=None, allow_null=True
    )
    source = serializers.CharField(  # type: ignore[assignment]  # hides Field.source
        source="source.key", read_only=True, default=None, allow_null=True
    )
    notice = serializers.UUIDField(source="notice_id", read_only=True, allow_null=True)

    class Meta:
        model = ConsentEvent
        fields = [
            "id",
            "profile",
            "kind",
            "purpose",
            "version",
            "state",
            "occurred_at",
            "received_at",
            "valid_until",
            "actor",
            "method",
            "source",
            "notice",
            "digest",
        ]


class StatedDateTimeField(serializers.DateTimeField):
    """A time as it was stated, without a zone where none was: imports must give one."""

    def enforce_timezone(self, value: datetime) -> datetime:
        return value


class ConsentSerializer(serializers.Serializer[Any]):
    """A consent or objection of a person, as a service reports it."""

    identifier = serializers.CharField(max_length=320, required=False)
    profile = serializers.UUIDField(required=False)
    kind = serializers.ChoiceField(ConsentKind.choices, default=ConsentKind.CONSENT)
    purpose = serializers.SlugField(max_length=63, required=False, allow_null=True)
    state = serializers.ChoiceField(State.choices)
    occurred_at = StatedDateTimeField(required=False)
    valid_until = serializers.DateTimeField(required=False, allow_null=True)
    method = serializers.ChoiceField(Method.choices)
    actor = serializers.ChoiceField(DecidedBy.choices, required=False)
    evidence = ObjectField(required=False)
    notice = serializers.PrimaryKeyRelatedField(
        queryset=NoticeVersion.objects.all(), required=False, allow_null=True
    )
    idempotency_key = serializers.CharField(max_length=255, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("identifier" in attrs) == ("profile" in attrs):
            raise serializers.ValidationError(
                {"identifier": "Name the person by either identifier or profile."}, code="one_of"
            )
        is_objection = attrs["kind"] == ConsentKind.OBJECTION
        if not is_objection and not attrs.get("purpose"):
            raise serializers.ValidationError(
                {"purpose": "A consent names its purpose."}, code="required"
            )
        if is_objection and attrs["state"] not in _OBJECTION_STATES:
            raise serializers.ValidationError(
                {"state": "An objection is given or withdrawn."}, code="invalid_choice"
            )
        return attrs


class StateQuerySerializer(serializers.Serializer[Any]):
    """The `namespace:value` identifiers of the people whose states are wanted."""

    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=320), min_length=1, max_length=1000
    )


class HeadSerializer(serializers.Serializer[Any]):
    """The last link of the chain over the ledger. `sealed_at` is null while there is none."""

    number = serializers.IntegerField(min_value=0)
    hash = serializers.CharField(help_text="SHA-256 in hexadecimal.")
    sealed_at = serializers.DateTimeField(allow_null=True)


class ReceiptSerializer(serializers.Serializer[Any]):
    """A receipt shaped by ISO/IEC TS 27560, and the same signed: a JWS in the compact form."""

    receipt = ObjectField(source="content")
    jws = serializers.CharField()


class UnsubscribeLinksSerializer(serializers.Serializer[Any]):
    """The purpose whose mail is sent, and the `namespace:value` of up to 1,000 who get it."""

    purpose = serializers.CharField(max_length=63)
    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=320), min_length=1, max_length=1000
    )


class RequestSerializer(serializers.ModelSerializer[PrivacyRequest]):
    """The status of a request, without its personal body.

    `failed_at` and `retry_at` are null unless acting on it failed; it is tried again then.
    `signed_receipt` is a JWS in the compact form, null until the request is done.
    """

    signed_receipt = serializers.SerializerMethodField()

    class Meta:
        model = PrivacyRequest
        fields = [
            "id",
            "kind",
            "status",
            "received_at",
            "due_at",
            "done_at",
            "lifted_at",
            "failed_at",
            "retry_at",
            "receipt",
            "signed_receipt",
        ]

    def get_signed_receipt(self, request: PrivacyRequest) -> str | None:
        return signed_receipt(request)


class NewCustomerRequestSerializer(serializers.Serializer[Any]):
    """A new request of a customer about their own data."""

    kind = serializers.ChoiceField(PrivacyRequest.Kind.choices)
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    changes = ObjectField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_rectification = attrs["kind"] == PrivacyRequest.Kind.RECTIFICATION
        if is_rectification != bool(attrs.get("changes")):
            raise serializers.ValidationError(
                {"changes": "A rectification, and nothing else, says what to change."},
                code="changes",
            )
        return attrs


class NewRequestSerializer(NewCustomerRequestSerializer):
    """A new request that a service passes on for one of its customers.

    `language` is that of what the customer gets to read.
    """

    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=320), min_length=1, max_length=100
    )
    reason = serializers.CharField(max_length=2000)


class LiftedRestrictionSerializer(serializers.Serializer[Any]):
    """Why a restriction ends."""

    reason = serializers.CharField(max_length=2000)


class OptInSerializer(serializers.Serializer[Any]):
    """Which purposes somebody permits; the mail has the language of the notice if it says none."""

    email = serializers.CharField(max_length=320)
    purposes = serializers.ListField(
        child=serializers.SlugField(max_length=63), min_length=1, max_length=20
    )
    notice = serializers.PrimaryKeyRelatedField(
        queryset=NoticeVersion.objects.all(), required=False, allow_null=True
    )
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    guardian_of = serializers.CharField(
        max_length=320,
        required=False,
        help_text="The identifier of a child, whose guardian has this address and decides.",
    )


class ReturnSerializer(serializers.Serializer[Any]):
    """Who is to be stored again, and what shows that they want it."""

    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=320), min_length=1, max_length=20
    )
    proof = serializers.CharField(max_length=2000)


class ReturnedSerializer(serializers.Serializer[Any]):
    """Whether any of the identifiers was suppressed."""

    is_lifted = serializers.BooleanField()
