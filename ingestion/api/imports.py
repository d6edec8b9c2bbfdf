"""The views of imported files and saved mappings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_202_ACCEPTED
from rest_framework.viewsets import GenericViewSet

from ingestion.api import filters
from ingestion.api import import_serializers as serializers
from ingestion.imports.inspect import Column
from ingestion.imports.tables import Reading
from ingestion.models import FileImport, RefusedRow, SavedMapping
from ingestion.services import (
    FileFault,
    MappingFaults,
    WrongOffset,
    WrongStatus,
    add_part,
    begin_import,
    cancel_import,
    delete_mapping,
    inspect_import,
    proposed_mapping,
    save_mapping,
    start_import,
    try_import,
)
from profiles.api.kit.access import ScopedView, actor_of
from profiles.api.kit.lists import RowPages
from profiles.api.kit.problems import Problem, problem, validated
from profiles.models.access import Scope

# Rows are of people, and one that is uploaded speaks with the trust of a server.
ALL_METHODS = dict.fromkeys(("GET", "POST", "DELETE"), Scope.PRIVACY_ADMIN)
# As many rows as an answer can wait for.
TRIED_ROWS = 20_000


class InspectionAnswer(NamedTuple):
    """What was found out about a file, with the mapping that is proposed."""

    reading: Reading
    columns: Sequence[Column]
    mapping: Mapping[str, Any]


class NotNow(APIException):
    """The import has come too far, or not far enough."""

    status_code = 409
    default_detail = "The import is in another state than this needs."
    default_code = "wrong_status"


@contextmanager
def told_to_callers() -> Iterator[None]:
    """Answer with the path of what is wrong with a file or a mapping."""
    try:
        yield
    except MappingFaults as refused:
        raise Problem(
            [
                {"path": f"mapping.{path}".rstrip("."), "code": code, "detail": detail}
                for path, code, detail in refused.faults
            ]
        ) from None
    except FileFault as fault:
        raise problem("", "unreadable_file", str(fault)) from None
    except WrongOffset as wrong:
        detail = f"The next part begins at {wrong.received}."
        raise problem("offset", "wrong_offset", detail, 409) from None
    except WrongStatus:
        raise NotNow from None


class ImportViewSet(
    ScopedView,
    RowPages,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[FileImport],
):
    """Imported files, the latest first."""

    scopes = ALL_METHODS
    bodiless_actions = ("cancel",)
    refusals = dict.fromkeys(("parts", "inspection", "trial", "start", "cancel"), (409,))
    queryset = FileImport.objects.select_related("source")
    serializer_class: Any = serializers.ImportSerializer
    filterset_class = filters.ImportFilter
    cursor_ordering = ("-id",)
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> Any:
        """Leave out of the list what SQL sources list as their runs."""
        imports = super().get_queryset()
        return imports.filter(sql_run=None) if self.action == "list" else imports

    @extend_schema(
        request=serializers.NewImportSerializer,
        responses={HTTP_201_CREATED: serializers.ImportSerializer},
    )
    def create(self, request: Request) -> Response:
        """Announce a file, whose parts are then added."""
        fields = validated(serializers.NewImportSerializer(data=request.data))
        file_import = begin_import(**fields, actor=actor_of(request))
        file_import.refresh_from_db()
        return Response(self.get_serializer(file_import).data, HTTP_201_CREATED)

    @extend_schema(request=serializers.FilePartSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def parts(self, request: Request, uuid: str) -> Response:
        """Add the next bytes of a file.

        409 with the right offset if these are not the next: an upload goes on from there.
        """
        fields = validated(serializers.FilePartSerializer(data=request.data))
        with told_to_callers():
            whole = add_part(self.get_object(), **fields, actor=actor_of(request))
        return Response(self.get_serializer(whole).data)

    @extend_schema(responses=serializers.InspectionSerializer)
    @action(detail=True, filterset_class=None)
    def inspection(self, request: Request, uuid: str) -> Response:
        """Tell what the first rows of an uploaded file show, and propose a mapping."""
        file_import = self.get_object()
        with told_to_callers():
            inspection = inspect_import(file_import)
        answer = InspectionAnswer(
            inspection.reading, inspection.columns, proposed_mapping(file_import, inspection)
        )
        return Response(serializers.InspectionSerializer(answer).data)

    @extend_schema(request=serializers.StartSerializer, responses=serializers.TrialSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def trial(self, request: Request, uuid: str) -> Response:
        """Tell how the first 20,000 rows would end, and write nothing."""
        report = self._with_mapping(
            lambda file_import, mapping, reading: try_import(
                file_import, mapping, reading, most_rows=TRIED_ROWS
            )
        )
        return Response(serializers.TrialSerializer(report).data)

    @extend_schema(
        request=serializers.StartSerializer,
        responses={HTTP_202_ACCEPTED: serializers.ImportSerializer},
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def start(self, request: Request, uuid: str) -> Response:
        """Have the rows of an uploaded file read. `GET` of the import tells how far it is."""
        started = self._with_mapping(
            lambda file_import, mapping, reading: start_import(
                file_import, mapping, reading=reading, actor=actor_of(request)
            )
        )
        return Response(self.get_serializer(started).data, HTTP_202_ACCEPTED)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], filterset_class=None)
    def cancel(self, request: Request, uuid: str) -> Response:
        """Read no further, and delete the file. Rows that were read take effect all the same."""
        file_import = self.get_object()
        with told_to_callers():
            cancel_import(file_import, actor=actor_of(request))
        file_import.refresh_from_db()
        return Response(self.get_serializer(file_import).data)

    @extend_schema(responses=serializers.RefusedRowSerializer(many=True))
    @action(
        detail=True,
        queryset=RefusedRow.objects.all(),
        serializer_class=serializers.RefusedRowSerializer,
        filterset_class=filters.RefusedRowFilter,
        cursor_ordering=("number",),
    )
    def refused(self, request: Request, uuid: str) -> Response:
        """List the rows that were refused, each with the reason and its cells."""
        # Not by get_object, whose queryset and filters are those of the rows.
        file_import = get_object_or_404(FileImport, uuid=uuid)
        return self.page_of_rows(file_import.refused_rows.all())

    def _with_mapping(
        self, work: Callable[[FileImport, Mapping[str, Any], Mapping[str, Any] | None], Any]
    ) -> Any:
        fields = validated(serializers.StartSerializer(data=self.request.data))
        saved: SavedMapping | None = fields.get("saved_mapping")
        mapping = saved.mapping if saved else fields["mapping"]
        reading = fields.get("reading", saved.reading if saved else None)
        with told_to_callers():
            return work(self.get_object(), mapping, reading)


class SavedMappingViewSet(
    ScopedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[SavedMapping],
):
    """Mappings of columns under a name."""

    scopes = ALL_METHODS
    queryset = SavedMapping.objects.all()
    serializer_class: Any = serializers.SavedMappingSerializer
    filterset_class = filters.SavedMappingFilter
    cursor_ordering = ("key",)
    lookup_field = "key"
    lookup_value_converter = "slug"

    @extend_schema(responses={HTTP_201_CREATED: serializers.SavedMappingSerializer})
    def create(self, request: Request) -> Response:
        """Save a mapping under a name; one that has this name is replaced."""
        fields = validated(self.get_serializer(data=request.data))
        with told_to_callers():
            saved = save_mapping(**fields, actor=actor_of(request))
        return Response(self.get_serializer(saved).data, HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str) -> Response:
        """Delete a saved mapping. Imports that used it have it still."""
        delete_mapping(self.get_object(), actor=actor_of(request))
        return Response(status=204)
