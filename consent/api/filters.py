"""Filters of this app's lists. Invariant: none takes personal data, since filters are in URLs and URLs in logs."""

import django_filters as filters
from django.db.models import QuerySet

from consent.models import ConsentEvent, NoticeVersion, PrivacyRequest, Purpose
from profiles.models import Identifier


class PurposeFilter(filters.FilterSet):
    class Meta:
        model = Purpose
        fields = ["key", "legal_basis", "is_direct_marketing"]


class NoticeFilter(filters.FilterSet):
    shown = filters.IsoDateTimeFromToRangeFilter(field_name="shown_from")

    class Meta:
        model = NoticeVersion
        fields = ["key", "language", "digest", "shown"]


class ConsentEventFilter(filters.FilterSet):
    """`profile` takes a public id, also one that was absorbed."""

    profile = filters.UUIDFilter(method="of_profile")
    purpose = filters.CharFilter(field_name="purpose__key")
    version = filters.NumberFilter(field_name="purpose_version__number")
    source = filters.CharFilter(field_name="source__key")
    occurred = filters.IsoDateTimeFromToRangeFilter(field_name="occurred_at")
    received = filters.IsoDateTimeFromToRangeFilter(field_name="received_at")
    valid_until = filters.IsoDateTimeFromToRangeFilter()

    class Meta:
        model = ConsentEvent
        fields = [
            *("profile", "kind", "purpose", "version", "state", "actor", "method", "trust"),
            *("source", "notice", "occurred", "received", "valid_until"),
        ]

    def of_profile(self, queryset: QuerySet, name: str, value: object) -> QuerySet:
        holder = Identifier.objects.filter(namespace="profile", value=str(value))
        held = Identifier.objects.filter(profile_id__in=holder.values("profile_id"))
        return queryset.filter(identifier_id__in=held.values("pk"))


class RequestFilter(filters.FilterSet):
    received = filters.IsoDateTimeFromToRangeFilter(field_name="received_at")
    due = filters.IsoDateTimeFromToRangeFilter(field_name="due_at")
    done = filters.IsoDateTimeFromToRangeFilter(field_name="done_at")

    class Meta:
        model = PrivacyRequest
        fields = ["kind", "status", "door", "received", "due", "done"]
