"""Imported files in the admin: upload, mapping, dry run, progress and refused rows."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ingestion.admin.import_forms import (
    MappingForm,
    UploadForm,
    initial_of,
    reading_of,
    saved_mappings,
)
from ingestion.admin.mapping_forms import column_fields, mapping_of, suggested_targets
from ingestion.file_rows import cells_of
from ingestion.imports.inspect import Inspection
from ingestion.models import FileImport, RefusedRow, SavedMapping
from ingestion.services import (
    MAX_PART_BYTES,
    FileFault,
    MappingFaults,
    WrongStatus,
    add_part,
    begin_import,
    cancel_import,
    delete_mapping,
    inspect_import,
    known_purposes,
    proposed_mapping,
    refused_as_csv,
    save_mapping,
    start_import,
    try_import,
)
from profiles.admin.kit.base import ReadOnlyAdmin, require, staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.admin.kit.masks import mask_for
from profiles.admin.kit.unfold import display

MAY_IMPORT = "ingestion.add_fileimport"
LIST = "ingestion_fileimport_changelist"
MOST_REFUSED = 50
TRIED_ROWS = 20_000
STATUSES = {
    "uploading": "info",
    "uploaded": "warning",
    "reading": "info",
    "querying": "info",
    "applying": "info",
    "done": "success",
    "failed": "danger",
    "cancelled": "warning",
}
RUNNING = (
    FileImport.Status.READING,
    FileImport.Status.QUERYING,
    FileImport.Status.APPLYING,
)


@admin.register(FileImport)
class FileImportAdmin(ReadOnlyAdmin):
    """Imported files: the list, the upload, the mapping and the progress of each."""

    list_display = ("name", "source", "state", "rows", "refused", "created_at")
    list_filter = ("status", "source")
    list_select_related = ("source",)
    sortable_by = ()
    fields = ("source", "created_by", "created_at", "started_at", "finished_at", "mapping")
    readonly_fields = fields
    list_before_template = "admin/ingestion/imports/upload_link.html"
    change_form_outer_before_template = "admin/ingestion/imports/progress.html"
    audit_type = "import"

    def audit_key(self, row: FileImport) -> str:
        return str(row.uuid)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages = {
            "mapping": self.mapping_page,
            "cancel": self.cancel,
            "progress": self.progress,
            "refused": self.refused_file,
        }
        return [
            path("upload/", view(self.upload), name="ingestion_fileimport_upload"),
            *(
                path(f"<int:pk>/{name}/", view(page), name=f"ingestion_fileimport_{name}")
                for name, page in pages.items()
            ),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FileImport]:
        imports: QuerySet[FileImport] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == LIST:
            # The pages of SQL sources list their runs.
            imports = imports.filter(sql_run=None)
        return imports.select_related("source")

    @display(description=gettext_lazy("status"), label=STATUSES)
    def state(self, file_import: FileImport) -> tuple[str, str]:
        return file_import.status, file_import.get_status_display()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {**(extra_context or {}), "may_import": request.user.has_perm(MAY_IMPORT)}
        return super().changelist_view(request, extra)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        file_import = self.get_object(request, object_id) if object_id else None
        if file_import is not None:
            extra |= self._figures(request, file_import)
        return super().changeform_view(request, object_id, form_url, extra)

    def progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far an import has come, for the page to ask every few seconds."""
        file_import = self.found_or_404(request, str(pk))
        figures = self._figures(request, file_import)
        return self.page(request, "admin/ingestion/imports/figures.html", title="", **figures)

    def _figures(self, request: HttpRequest, file_import: FileImport) -> dict[str, Any]:
        refused = RefusedRow.objects.filter(file_import=file_import)[:MOST_REFUSED]
        mask = mask_for(request)
        ended = file_import.ended
        return {
            "file_import": file_import,
            "is_running": file_import.status in RUNNING,
            "percent": round(100 * ended / file_import.rows) if file_import.rows else 0,
            "waiting": file_import.rows - ended,
            "may_import": request.user.has_perm(MAY_IMPORT),
            "refused_rows": [
                (row, ", ".join(map(str, cells_of(row).values())) if mask.is_open else "•••")
                for row in refused
            ],
            "may_download": mask.is_open,
        }

    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file, and go on to what its columns mean."""
        require(request, MAY_IMPORT)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            if not file.size:
                form.add_error("file", _("The file is empty."))
            else:
                actor = staff_actor(request)
                begun = begin_import(form.cleaned_data["source"], file.name, file.size, actor=actor)
                offset = 0
                for piece in file.chunks(MAX_PART_BYTES):
                    add_part(begun, offset, piece, actor=actor)
                    offset += len(piece)
                return redirect("admin:ingestion_fileimport_mapping", begun.pk)
        title = _("Import a file")
        return self.page(request, "admin/ingestion/imports/upload.html", title=title, form=form)

    def mapping_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what was found out about a file; on POST try or start it with what is said."""
        require(request, MAY_IMPORT)
        # Whoever maps columns sees what is in them.
        require(request, SEE_CONTACTS)
        file_import = self.found_or_404(request, str(pk))
        try:
            return self._mapping_page(request, file_import)
        except FileFault as fault:
            messages.error(request, str(fault))
        except WrongStatus:
            messages.warning(request, _("This file was started before."))
        return redirect("admin:ingestion_fileimport_change", pk)

    def _mapping_page(self, request: HttpRequest, file_import: FileImport) -> HttpResponse:
        inspection = inspect_import(file_import, self._posted_reading(request, file_import))
        mapping = self._first_mapping(request, file_import, inspection)
        form = MappingForm(
            request.POST or None, initial=initial_of(mapping, inspection), inspection=inspection
        )
        context: dict[str, Any] = {}
        if request.method == "POST" and form.is_valid() and "reread" not in request.POST:
            names = [column.name for column in inspection.columns]
            mapping = mapping_of(form.cleaned_data, request.POST.dict(), names)
            try:
                if "start" in request.POST:
                    return self._start(request, file_import, mapping, form, inspection)
                context["report"] = try_import(
                    file_import, mapping, inspection.reading.as_stored(), most_rows=TRIED_ROWS
                )
            except MappingFaults as refused:
                context["faults"] = refused.faults
        purposes = sorted(known_purposes(file_import.source_id))
        return self.page(
            request,
            "admin/ingestion/imports/mapping.html",
            title=file_import.name,
            file_import=file_import,
            inspection=inspection,
            form=form,
            columns=column_fields(inspection.columns, mapping, mask_for(request)),
            targets=suggested_targets(purposes),
            saved=saved_mappings(),
            **context,
        )

    def _posted_reading(
        self, request: HttpRequest, file_import: FileImport
    ) -> Mapping[str, Any] | None:
        """Return how the page says that the file is read, None where it does not say."""
        if request.method != "POST":
            return None
        inspection = inspect_import(file_import)
        form = MappingForm(request.POST, inspection=inspection)
        return reading_of(form.cleaned_data, inspection) if form.is_valid() else None

    def _first_mapping(
        self, request: HttpRequest, file_import: FileImport, inspection: Inspection
    ) -> dict[str, Any]:
        """Return a saved mapping that was chosen, or the one that is proposed."""
        saved = SavedMapping.objects.filter(key=request.GET.get("saved", "")).first()
        mapping: dict[str, Any] = (
            saved.mapping if saved else proposed_mapping(file_import, inspection)
        )
        return mapping

    def _start(
        self,
        request: HttpRequest,
        file_import: FileImport,
        mapping: dict[str, Any],
        form: MappingForm,
        inspection: Inspection,
    ) -> HttpResponse:
        actor, reading = staff_actor(request), inspection.reading.as_stored()
        if key := form.cleaned_data["save_as"]:
            save_mapping(key, mapping, actor=actor, reading={"format": reading["format"]})
        start_import(file_import, mapping, actor=actor, reading=reading)
        messages.success(request, _("The rows are being read."))
        return redirect("admin:ingestion_fileimport_change", file_import.pk)

    @method_decorator(require_POST)
    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read no further, and delete the file."""
        require(request, MAY_IMPORT)
        try:
            cancel_import(self.found_or_404(request, str(pk)), actor=staff_actor(request))
            messages.success(request, _("Cancelled; the file is deleted."))
        except WrongStatus:
            messages.warning(request, _("It has ended already."))
        return redirect("admin:ingestion_fileimport_change", pk)

    def refused_file(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        """Send the refused rows as a CSV that can be mended and imported."""
        require(request, SEE_CONTACTS)
        file_import = self.found_or_404(request, str(pk))
        response = StreamingHttpResponse(refused_as_csv(file_import), content_type="text/csv")
        response["Content-Disposition"] = f'attachment; filename="refused-{file_import.uuid}.csv"'
        return response


@admin.register(SavedMapping)
class SavedMappingAdmin(ReadOnlyAdmin):
    """Mappings that were kept under a name."""

    list_display = ("key", "call", "columns")
    sortable_by = ()
    fields = ("key", "mapping", "reading")
    readonly_fields = fields
    actions = ("delete_chosen",)
    audit_type = "import_mapping"

    def has_delete_mapping_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY_IMPORT)

    @display(description=gettext_lazy("rows"))
    def call(self, saved: SavedMapping) -> str:
        return str(saved.mapping["call"])

    @display(description=gettext_lazy("columns"))
    def columns(self, saved: SavedMapping) -> str:
        return ", ".join(saved.mapping["columns"])

    @admin.action(description=gettext_lazy("Delete"), permissions=["delete_mapping"])
    def delete_chosen(self, request: HttpRequest, queryset: QuerySet[SavedMapping]) -> None:
        for saved in queryset:
            delete_mapping(saved, actor=staff_actor(request))
