"""Accounts: `/api/v1/accounts/`."""

from typing import Any

from django.db.models import Count, Q
from django.db.models.aggregates import Min
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.accounts.reads import counted_members, origins_of, sizes_of
from profiles.api import account_serializers as serializers
from profiles.api import filters
from profiles.api.kit.access import ScopedView
from profiles.api.kit.lists import RowPages
from profiles.api.profiles import TRAIT_PARAMETER
from profiles.models import Account, AccountMember
from profiles.models.access import Scope


class AccountViewSet(ScopedView, RowPages, mixins.ListModelMixin, GenericViewSet[Any]):
    """Accounts by key, as group calls made them."""

    scopes = {"GET": Scope.PROFILES_READ}
    queryset: Any = Account.objects.all()
    serializer_class: Any = serializers.AccountSerializer
    filterset_class: Any = filters.AccountFilter
    cursor_ordering: tuple[str, ...] = ("key",)
    lookup_field = "key"

    @extend_schema(parameters=[TRAIT_PARAMETER])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or ()
        sizes = sizes_of(page)
        rows = [{"account": account, "members": sizes[account.pk]} for account in page]
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    @extend_schema(responses=serializers.AccountDetailSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        """Return one account, and who gave each of its traits its value."""
        account = self._account()
        row = {
            "account": account,
            "members": sizes_of([account])[account.pk],
            "origins": origins_of(account),
        }
        return Response(serializers.AccountDetailSerializer(row).data)

    @extend_schema(responses=serializers.AccountMemberSerializer(many=True))
    @action(
        detail=True,
        queryset=AccountMember.objects.all(),
        serializer_class=serializers.AccountMemberSerializer,
        filterset_class=filters.AccountMemberFilter,
        cursor_ordering=("profile_id",),
    )
    def members(self, request: Request, key: str) -> Response:
        """List the people who count as members, without those whose processing is restricted."""
        rows = (
            counted_members(self._account())
            .values("profile_id", "profile__uuid")
            .annotate(joined_at=Min("first_at"), vouched=Count("pk", filter=Q(is_vouched=True)))
        )
        return self.page_of_rows(rows)

    def _account(self) -> Account:
        # The action on members has another queryset.
        account: Account = generics.get_object_or_404(Account, key=self.kwargs["key"])
        return account
