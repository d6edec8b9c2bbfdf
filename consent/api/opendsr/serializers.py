"""The shape of an OpenDSR request. Invariant: no refusal repeats what was sent.

Fields that the standard does not have are ignored, as senders of several processors add their own.
"""

import re
from typing import Any

from django.conf import settings
from rest_framework import serializers

from consent.opendsr.certificates import domain
from consent.opendsr.contract import (
    KINDS,
    NAMESPACES,
    RAW,
    REGULATIONS,
    SHA256,
    Identity,
    is_supported,
    own_extension,
)
from profiles.lib.outgoing import is_callable_url

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_MAX_IDENTITIES = 100
_MAX_CALLBACKS = 10


def _one_of(choices: Any) -> Any:
    # REST framework's own message repeats the choice, which may be anybody's address.
    return {"invalid_choice": f"Must be one of: {', '.join(choices)}."}


class IdentitySerializer(serializers.Serializer[Any]):
    """One identity, in a format that its type may have."""

    identity_type = serializers.ChoiceField(list(NAMESPACES), error_messages=_one_of(NAMESPACES))
    identity_value = serializers.CharField(max_length=320)
    identity_format = serializers.ChoiceField([RAW, SHA256], error_messages=_one_of([RAW, SHA256]))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        identity = Identity(
            attrs["identity_type"], attrs["identity_value"], attrs["identity_format"]
        )
        if not is_supported(identity):
            raise serializers.ValidationError(
                {"identity_format": "Only addresses may be hashed."}, code="unsupported"
            )
        if identity.format == SHA256 and not _SHA256.fullmatch(identity.value):
            raise serializers.ValidationError(
                {"identity_value": "A SHA-256 has 64 hexadecimal digits."}, code="not_a_hash"
            )
        return attrs


class SubjectRequestSerializer(serializers.Serializer[Any]):
    """A request as a controller passes it on."""

    regulation = serializers.ChoiceField(
        REGULATIONS, required=False, error_messages=_one_of(REGULATIONS)
    )
    subject_request_id = serializers.CharField(max_length=36, trim_whitespace=False)
    subject_request_type = serializers.ChoiceField(list(KINDS), error_messages=_one_of(KINDS))
    submitted_time = serializers.DateTimeField()
    subject_identities = IdentitySerializer(many=True, required=False)
    api_version = serializers.CharField(max_length=16, required=False)
    status_callback_urls = serializers.ListField(
        child=serializers.CharField(max_length=500), required=False, max_length=_MAX_CALLBACKS
    )
    extensions = serializers.DictField(required=False)

    def validate_subject_request_id(self, value: str) -> str:
        if not _UUID4.fullmatch(value):
            raise serializers.ValidationError(
                "Must be a UUID of version 4 in lower case.", code="not_a_uuid4"
            )
        return value

    def validate_api_version(self, value: str) -> str:
        if value.partition(".")[0] not in ("1", "2"):
            raise serializers.ValidationError("Versions 1 and 2 are understood.", code="version")
        return value

    def validate_status_callback_urls(self, value: list[str]) -> list[str]:
        for url in value:
            if not is_callable_url(url):
                raise serializers.ValidationError(
                    "Each must be an https address without a user or a fragment.", code="not_a_url"
                )
        return list(dict.fromkeys(value))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "regulation" not in attrs:
            if settings.OPENDSR_STRICT:
                raise serializers.ValidationError(
                    {"regulation": "This field is required."}, code="required"
                )
            attrs["regulation"] = REGULATIONS[0]
        extension = own_extension(attrs.get("extensions", {}), domain())
        attrs["identities"] = _identities(attrs, extension)
        attrs["changes"] = _changes(attrs, extension)
        return attrs


def _identities(attrs: dict[str, Any], extension: Any) -> list[Identity]:
    rows = list(attrs.get("subject_identities", ()))
    if "subject_identities" in extension:
        inner = IdentitySerializer(data=extension["subject_identities"], many=True)
        if not inner.is_valid():
            raise serializers.ValidationError(
                {"extensions": {"subject_identities": inner.errors}}, code="invalid"
            )
        rows += inner.validated_data
    if not 1 <= len(rows) <= _MAX_IDENTITIES:
        message = f"From one to {_MAX_IDENTITIES}, here or in the extension for this domain."
        raise serializers.ValidationError({"subject_identities": message}, code="required")
    return [
        Identity(row["identity_type"], row["identity_value"], row["identity_format"])
        for row in rows
    ]


def _changes(attrs: dict[str, Any], extension: Any) -> dict[str, Any]:
    changes = extension.get("changes", {})
    is_rectification = KINDS[attrs["subject_request_type"]] == "rectification"
    if not isinstance(changes, dict) or is_rectification != bool(changes):
        message = "x-rectification, and nothing else, says what to change, by trait."
        raise serializers.ValidationError({"extensions": {"changes": message}}, code="changes")
    return changes
