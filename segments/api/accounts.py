"""Members of a segment by account."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from segments.api.filters import MemberFilter
from segments.memberships.accounts import account_ids_of, accounts_of_members
from segments.models import Membership


class SegmentAccountSerializer(serializers.Serializer[Any]):
    """An account that members of the segment belong to."""

    account = serializers.CharField(source="account.key", help_text="The groupId of group calls.")
    people = serializers.IntegerField(help_text="How many members belong to it.")


class SegmentAccounts:
    """An action of the viewset of segments, which has `members_for`."""

    @extend_schema(responses=SegmentAccountSerializer(many=True))
    @action(
        detail=True,
        queryset=Membership.objects.all(),
        serializer_class=SegmentAccountSerializer,
        filterset_class=MemberFilter,
        cursor_ordering=("account_id",),
    )
    def accounts(self: Any, request: Request, key: str) -> Response:
        """List the accounts of the members, with how many people each has in the segment.

        `?purpose=KEY` counts those for whom the purpose is permitted now.
        """
        members = self.filter_queryset(self.members_for(request))
        rows = self.paginate_queryset(account_ids_of(members))
        shown = self.get_serializer(accounts_of_members(rows), many=True)
        return self.get_paginated_response(shown.data)  # type: ignore[no-any-return]
