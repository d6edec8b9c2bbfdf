"""Lists of people: `/api/v1/lists/`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeRangeFilter
from profiles.api.kit.problems import validated
from segments import services
from segments.api import list_serializers as serializers
from segments.api.exact import ExactJSONParser, ExactJSONRenderer
from segments.api.filters import ProfileFilter
from segments.api.refusals import problems_from_services
from segments.api.scopes import SCOPES
from segments.api.visibility import (
    BY_NAME,
    may_count_people,
    refuse_sensitive_definition,
    refuse_sensitive_list,
)
from segments.models import ListedPerson, StaticList


class ListFilter(StrictFilterSet):
    created = TimeRangeFilter(field_name="created_at")

    class Meta:
        model = StaticList
        fields = ["key", "name"]


class ListedPersonFilter(ProfileFilter):
    added = TimeRangeFilter(field_name="added_at")

    class Meta:
        model = ListedPerson
        fields: list[str] = []


class ListViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Lists of people, put together by hand or from a definition. Segments ask who is on them.

    A list that live segments ask for cannot be deleted.
    """

    scopes = SCOPES
    bodiless_actions = ("destroy",)
    refusals = {"destroy": (409,)}
    queryset: Any = StaticList.objects.all()
    serializer_class: Any = serializers.ListSerializer
    filterset_class: Any = ListFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"
    parser_classes = [ExactJSONParser]
    renderer_classes = [ExactJSONRenderer]

    @extend_schema(responses=serializers.CountedListSerializer)
    def retrieve(self, request: Request, key: str) -> Response:
        return Response(serializers.CountedListSerializer(self._visible_list(request)).data)

    @extend_schema(responses={201: serializers.ListSerializer})
    def create(self, request: Request) -> Response:
        fields = validated(self.get_serializer(data=request.data))
        with problems_from_services():
            row = services.create_list(actor=actor_of(request), **fields)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=serializers.ListChangeSerializer, responses=serializers.ListSerializer)
    def partial_update(self, request: Request, key: str) -> Response:
        changes = validated(serializers.ListChangeSerializer(data=request.data, partial=True))
        row = services.update_list(self.get_object(), actor=actor_of(request), changes=changes)
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        with problems_from_services(status=409):
            services.delete_list(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=serializers.ListedPersonSerializer(many=True))
    @action(
        detail=True,
        queryset=ListedPerson.objects.all(),
        serializer_class=serializers.ListedPersonSerializer,
        filterset_class=ListedPersonFilter,
        cursor_ordering=("profile_id", "identifier_id"),
    )
    def members(self, request: Request, key: str) -> Response:
        """List the people on the list, without those whose processing is restricted."""
        row = self._visible_list(request)
        people = ListedPerson.objects.filter(list=row, profile__is_restricted=False)
        return self.page_of_rows(people.select_related("profile"))

    @extend_schema(
        request=serializers.ReferencesSerializer, responses=serializers.PeopleChangeSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def add(self, request: Request, key: str) -> Response:
        """Put up to 1,000 people on the list. Who is on it already stays."""
        references, row = self._named_people(request)
        change = services.add_people(row, references, actor=actor_of(request))
        return Response(serializers.PeopleChangeSerializer(change).data)

    @extend_schema(
        request=serializers.ReferencesSerializer, responses=serializers.PeopleChangeSerializer
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def remove(self, request: Request, key: str) -> Response:
        """Take up to 1,000 people off the list."""
        references, row = self._named_people(request)
        change = services.remove_people(row, references, actor=actor_of(request))
        return Response(serializers.PeopleChangeSerializer(change).data)

    @extend_schema(request=serializers.FillSerializer, responses=serializers.PeopleChangeSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def fill(self, request: Request, key: str) -> Response:
        """Put everybody on the list for whom a definition holds now, such as a segment's members.

        A list that a question about contact or special data filled is as sensitive as it.
        """
        definition = validated(serializers.FillSerializer(data=request.data))["definition"]
        refuse_sensitive_definition(request, definition)
        with problems_from_services():
            row = self._visible_list(request)
            change = services.fill_list(row, definition, actor=actor_of(request))
        return Response(serializers.PeopleChangeSerializer(change).data)

    def _list(self) -> StaticList:
        # Actions on rows have another queryset.
        row: StaticList = generics.get_object_or_404(StaticList, key=self.kwargs["key"])
        return row

    def _visible_list(self, request: Request) -> StaticList:
        row = self._list()
        refuse_sensitive_list(request, row)
        return row

    def _named_people(self, request: Request) -> tuple[list[str], StaticList]:
        if not may_count_people(request):
            raise PermissionDenied(BY_NAME)
        fields = validated(serializers.ReferencesSerializer(data=request.data))
        return fields["identifiers"], self._list()
