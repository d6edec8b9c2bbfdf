"""The filters of this app's lists.

Invariant: none takes personal data, since filters are part of URLs and URLs end up in logs.
"""

import django_filters as filters
from django.db.models import QuerySet

from consent.models import ConsentEvent, NoticeVersion, PrivacyRequest, Purpose
from profiles.api.kit.lists import StrictFilterSet, TimeRangeFilter
from profiles.models import Identifier


class PurposeFilter(StrictFilterSet):
    class Meta:
        model = Purpose
        fields = ["key", "legal_basis", "is_direct_marketing"]


class NoticeFilter(StrictFilterSet):
    shown = TimeRangeFilter(field_name="shown_from")

    class Meta:
        model = NoticeVersion
        fields = ["key", "language", "digest", "shown"]


class ConsentEventFilter(StrictFilterSet):
    """Filters of the ledger. `profile` is a public id, which may be that of an absorbed profile."""

    profile = filters.UUIDFilter(method="filter_by_profile")
    purpose = filters.CharFilter(field_name="purpose__key")
    version = filters.NumberFilter(field_name="purpose_version__number")
    source = filters.CharFilter(field_name="source__key")
    occurred = TimeRangeFilter(field_name="occurred_at")
    received = TimeRangeFilter(field_name="received_at")
    valid_until = TimeRangeFilter()

    class Meta:
        model = ConsentEvent
        fields = [
            "profile",
            "kind",
            "purpose",
            "version",
            "state",
            "actor",
            "method",
            "trust",
            "source",
            "notice",
            "occurred",
            "received",
            "valid_until",
        ]

    def filter_by_profile(
        self, queryset: QuerySet[ConsentEvent], name: str, value: object
    ) -> QuerySet[ConsentEvent]:
        # The public id is an identifier like any other, so one of an absorbed profile is found too.
        public_id = Identifier.objects.filter(namespace="profile", value=str(value))
        identifiers = Identifier.objects.filter(profile_id__in=public_id.values("profile_id"))
        return queryset.filter(identifier_id__in=identifiers.values("pk"))


class RequestFilter(StrictFilterSet):
    received = TimeRangeFilter(field_name="received_at")
    due = TimeRangeFilter(field_name="due_at")
    done = TimeRangeFilter(field_name="done_at")

    class Meta:
        model = PrivacyRequest
        fields = ["kind", "status", "door", "received", "due", "done"]
