"""Filters of this app's lists. Invariant: none takes personal data, since filters are in URLs and URLs in logs."""

import django_filters as filters
from django.db.models import QuerySet

from profiles.api.kit.lists import StrictFilterSet
from profiles.lib.database import database_now
from profiles.models import Identifier
from segments.memberships.reads import filter_permitted
from segments.models import Membership, MembershipChange, Segment


class SegmentFilter(StrictFilterSet):
    purpose = filters.CharFilter(field_name="purpose__key")
    is_internal = filters.BooleanFilter(field_name="purpose", lookup_expr="isnull")
    size = filters.RangeFilter()
    refreshed = filters.IsoDateTimeFromToRangeFilter(field_name="refreshed_at")
    created = filters.IsoDateTimeFromToRangeFilter(field_name="created_at")

    class Meta:
        model = Segment
        fields = ["key", "name", "status", "version", "live_version"]


class OfProfileFilter(StrictFilterSet):
    """`profile` takes a public id, also one that was absorbed."""

    profile = filters.UUIDFilter(method="of_profile")

    def of_profile(self, queryset: QuerySet, name: str, value: object) -> QuerySet:
        holder = Identifier.objects.filter(namespace="profile", value=str(value))
        return queryset.filter(profile_id__in=holder.values("profile_id"))


class MemberFilter(OfProfileFilter):
    """`purpose` gives only who permits it now."""

    purpose = filters.CharFilter(method="who_permit")
    entered = filters.IsoDateTimeFromToRangeFilter(field_name="entered_at")

    class Meta:
        model = Membership
        fields: list[str] = []

    def who_permit(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return filter_permitted(queryset, value, at=database_now())


class MembershipChangeFilter(OfProfileFilter):
    entered = filters.BooleanFilter(field_name="has_entered")
    changed = filters.IsoDateTimeFromToRangeFilter(field_name="changed_at")

    class Meta:
        model = MembershipChange
        fields = ["reason"]
