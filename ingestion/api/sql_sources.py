"""Scheduled queries of other databases: `/api/v1/sql-sources/`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_filters.rest_framework import BooleanFilter, CharFilter, ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_202_ACCEPTED
from rest_framework.viewsets import GenericViewSet

from ingestion import services
from ingestion.api import sql_serializers as serializers
from ingestion.api.imports import told_to_callers
from ingestion.models import SqlRun, SqlSource
from ingestion.services import SqlFault, SqlSourceDraft, WrongSqlSource
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages, StrictFilterSet, TimeFilter
from profiles.api.kit.problems import problem, validated
from profiles.lib.database import database_now
from profiles.models.access import Scope

# Rows are of people, and they speak with the trust of a server.
SCOPES = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), Scope.PRIVACY_ADMIN)


class SqlSourceFilter(StrictFilterSet):
    """Filters of SQL sources."""

    source = CharFilter("source__key", help_text="The key of the source.")
    state = ChoiceFilter(choices=SqlSource.State.choices)
    name = CharFilter("name", "icontains", help_text="A part of the name.")

    class Meta:
        model = SqlSource
        fields: list[str] = []


class SqlRunFilter(StrictFilterSet):
    """Filters of runs."""

    failed = BooleanFilter("fault", "exact", method="by_failure", help_text="With a fault.")
    after = TimeFilter("started_at", "gte", help_text="Begun at this time or later.")
    before = TimeFilter("started_at", "lt", help_text="Begun before this time.")

    class Meta:
        model = SqlRun
        fields: list[str] = []

    def by_failure(self, runs: Any, name: str, value: bool) -> Any:
        return runs.exclude(fault="") if value else runs.filter(fault="")


@contextmanager
def faults_as_problems() -> Iterator[None]:
    """Answer with the path of what is wrong, and with the word for what fails elsewhere."""
    try:
        with told_to_callers():
            yield
    except WrongSqlSource as wrong:
        raise problem(wrong.field, wrong.code, wrong.detail) from None
    except SqlFault as fault:
        raise problem("url", fault.word, "The other database did not answer the query.") from None


class SqlSourceViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Any],
):
    """Queries of other databases that are asked at intervals, for the rows that came since."""

    scopes = SCOPES
    bodiless_actions = ("destroy", "run", "pause", "resume")
    queryset: Any = SqlSource.objects.select_related("source")
    serializer_class: Any = serializers.SqlSourceSerializer
    filterset_class: Any = SqlSourceFilter
    cursor_ordering = ("name", "id")
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    @extend_schema(
        request=serializers.NewSqlSourceSerializer,
        responses={HTTP_201_CREATED: serializers.SqlSourceSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a SQL source, which is read at once. Try it with `preview/` before."""
        fields = validated(serializers.NewSqlSourceSerializer(data=request.data))
        with faults_as_problems():
            made = services.create_sql_source(SqlSourceDraft(**fields), actor=actor_of(request))
        made.refresh_from_db()
        return Response(self.get_serializer(made).data, HTTP_201_CREATED)

    @extend_schema(request=serializers.NewSqlSourceSerializer)
    def partial_update(self, request: Request, uuid: str) -> Response:
        """Change a SQL source. What is read otherwise from now on is read again from the start."""
        changes = validated(serializers.NewSqlSourceSerializer(data=request.data, partial=True))
        with faults_as_problems():
            changed = services.update_sql_source(
                self.get_object(), actor=actor_of(request), changes=changes, now=database_now()
            )
        return Response(self.get_serializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, uuid: str) -> Response:
        """Delete a SQL source. What was read takes effect all the same, and stays."""
        services.delete_sql_source(self.get_object(), actor=actor_of(request), now=database_now())
        return Response(status=204)

    @extend_schema(responses=serializers.SqlPreviewSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def preview(self, request: Request, uuid: str) -> Response:
        """Return the first 20 rows with their messages, and what the query costs."""
        with faults_as_problems():
            draft = services.draft_of(self.get_object())
            preview = services.preview_sql_source(draft, now=database_now())
        return Response(serializers.SqlPreviewSerializer(preview).data)

    @extend_schema(
        request=serializers.NewSqlSourceSerializer, responses=serializers.SqlPreviewSerializer
    )
    @action(detail=False, methods=["post"], url_path="preview", filterset_class=None)
    def try_out(self, request: Request) -> Response:
        """Return the same of a SQL source that is not made yet. Nothing is kept."""
        fields = validated(serializers.NewSqlSourceSerializer(data=request.data))
        with faults_as_problems():
            preview = services.preview_sql_source(SqlSourceDraft(**fields), now=database_now())
        return Response(serializers.SqlPreviewSerializer(preview).data)

    @extend_schema(request=None, responses={HTTP_202_ACCEPTED: serializers.SqlSourceSerializer})
    @action(detail=True, methods=["post"], filterset_class=None)
    def run(self, request: Request, uuid: str) -> Response:
        """Let a worker read it now. A paused source stays paused."""
        services.run_sql_source(self.get_object(), actor=actor_of(request), now=database_now())
        return Response(self.get_serializer(self.get_object()).data, HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=serializers.SqlSourceSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, uuid: str) -> Response:
        """Read no more. Nothing is lost meanwhile."""
        services.pause_sql_source(self.get_object(), actor=actor_of(request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=serializers.SqlSourceSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, uuid: str) -> Response:
        """Read again, at once and from where it was left."""
        services.resume_sql_source(self.get_object(), actor=actor_of(request), now=database_now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses=serializers.SqlRunSerializer(many=True))
    @action(
        detail=True,
        queryset=SqlRun.objects.select_related("file_import"),
        serializer_class=serializers.SqlRunSerializer,
        filterset_class=SqlRunFilter,
        cursor_ordering=("-id",),
    )
    def runs(self, request: Request, uuid: str) -> Response:
        """List the runs, the newest first, each with how its rows ended."""
        # Not by get_object, whose queryset and filters are those of the runs.
        sql_source = get_object_or_404(SqlSource, uuid=uuid)
        return self.page_of_rows(sql_source.runs.select_related("file_import"))
