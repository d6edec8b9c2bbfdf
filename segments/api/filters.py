"""The filters of this app's lists.

Invariant: none takes personal data, since filters are part of URLs and URLs end up in logs.
"""

from typing import Any

import django_filters as filters
from django.db.models import Q, QuerySet

from profiles.api.kit.lists import StrictFilterSet, TimeRangeFilter
from profiles.lib.database import database_now
from profiles.models import Identifier
from segments.api.visibility import may_count_people
from segments.definitions.sensitivity import sensitive_segments
from segments.memberships.reads import filter_permitted
from segments.models import Membership, MembershipChange, Segment


class SegmentFilter(StrictFilterSet):
    purpose = filters.CharFilter(field_name="purpose__key")
    is_internal = filters.BooleanFilter(field_name="purpose", lookup_expr="isnull")
    folder = filters.CharFilter(method="filter_by_folder")
    tag = filters.CharFilter(method="filter_by_tag")
    owner = filters.CharFilter(field_name="owner__username")
    size = filters.RangeFilter()
    refreshed = TimeRangeFilter(field_name="refreshed_at")
    created = TimeRangeFilter(field_name="created_at")

    def filter_by_folder(
        self, queryset: QuerySet[Segment], name: str, value: str
    ) -> QuerySet[Segment]:
        """Keep the segments of a folder and of the folders in it."""
        return queryset.filter(Q(folder=value) | Q(folder__startswith=f"{value}/"))

    def filter_by_tag(
        self, queryset: QuerySet[Segment], name: str, value: str
    ) -> QuerySet[Segment]:
        return queryset.filter(tags__contains=[value])

    def filter_queryset(self, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        queryset = super().filter_queryset(queryset)
        asks_size = any(name.startswith("size_") for name in self.data)
        if asks_size and not may_count_people(self.request):
            # The size of a sensitive segment could be found by asking for it.
            queryset = queryset.exclude(pk__in=sensitive_segments())
        return queryset

    class Meta:
        model = Segment
        fields = ["key", "name", "status", "version", "live_version"]


class ProfileFilter(StrictFilterSet):
    """Filters rows by profile: `profile` is a public id, possibly of an absorbed profile."""

    profile = filters.UUIDFilter(method="filter_by_profile")

    def filter_by_profile(self, queryset: QuerySet[Any], name: str, value: object) -> QuerySet[Any]:
        # The public id is an identifier like any other, so one of an absorbed profile is found too.
        public_id = Identifier.objects.filter(namespace="profile", value=str(value))
        return queryset.filter(profile_id__in=public_id.values("profile_id"))


class MemberFilter(ProfileFilter):
    """Filters members; `purpose` keeps those for whom the purpose is permitted now."""

    purpose = filters.CharFilter(method="filter_by_purpose")
    entered = TimeRangeFilter(field_name="entered_at")

    class Meta:
        model = Membership
        fields: list[str] = []

    def filter_by_purpose(
        self, queryset: QuerySet[Membership], name: str, value: str
    ) -> QuerySet[Membership]:
        return filter_permitted(queryset, value, at=database_now())


class MembershipChangeFilter(ProfileFilter):
    entered = filters.BooleanFilter(field_name="has_entered")
    changed = TimeRangeFilter(field_name="changed_at")

    class Meta:
        model = MembershipChange
        fields = ["reason"]
