"""The audit in the admin: who changed what, as one list and one page for each entry."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.base import BoundedList, ReadOnlyAdmin
from profiles.admin.kit.formatting import profile_link
from profiles.admin.kit.history import HistoryLine, history_lines
from profiles.admin.kit.unfold import ChangeList, display
from profiles.models import AuditEntry, StaffRead
from profiles.services import actor_names

SEE_AUDIT = "profiles.view_auditentry"


class AuditList(BoundedList):
    """A page of entries with their `line`, in two queries more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # A list, since a queryset would load the rows again and lose the lines.
        entries: list[Any] = list(self.result_list)
        for entry, line in zip(entries, history_lines(request, entries), strict=True):
            entry.line = line
        self.result_list = entries


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Changes, the latest first."""

    list_display = ("time", "who", "what", "about", "changes_in_words")
    list_filter = ("actor_kind", "object_type", "at")
    sortable_by = ()
    fields = ("time", "who", "what", "about", "changes_in_words", "reason")
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AuditList

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        entries: QuerySet[AuditEntry] = super().get_queryset(request)
        return entries.select_related("body")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        entry = super().get_object(request, object_id, from_field)
        if entry is not None:
            [entry.line] = history_lines(request, [entry])
        return entry

    @display(description=_("when"))
    def time(self, entry: AuditEntry) -> Any:
        return entry.at

    @display(description=_("who"))
    def who(self, entry: Any) -> str:
        line: HistoryLine = entry.line
        return line.who

    @display(description=_("what"))
    def what(self, entry: Any) -> str:
        line: HistoryLine = entry.line
        return line.verb

    @display(description=_("of"))
    def about(self, entry: Any) -> str:
        line: HistoryLine = entry.line
        return line.object

    @display(description=_("changes"), empty_value="–")
    def changes_in_words(self, entry: Any) -> str:
        line: HistoryLine = entry.line
        return format_html_join("", "<div>{}</div>", ((change,) for change in line.changes))

    @display(description=_("reason"), empty_value="–")
    def reason(self, entry: Any) -> str:
        line: HistoryLine = entry.line
        return line.reason


class ReadList(BoundedList):
    """A page of reads with the `name` of who it was, in two queries more."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # A list, since a queryset would load the rows again and lose the names.
        reads: list[Any] = list(self.result_list)
        names = actor_names(read.actor for read in reads)
        for read in reads:
            read.name = names[read.actor]
        self.result_list = reads


class ReaderFilter(admin.SimpleListFilter):
    """A filter of reads by who looked."""

    title = _("who")
    parameter_name = "reader"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        actors = StaffRead.objects.order_by("actor").values_list("actor", flat=True).distinct()
        return sorted(actor_names(actors).items(), key=lambda item: item[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffRead]) -> QuerySet[StaffRead]:
        return queryset.filter(actor=self.value()) if self.value() else queryset


@admin.register(StaffRead)
class StaffReadAdmin(ReadOnlyAdmin):
    """Who of the staff looked at whom, the latest first."""

    seen_with = SEE_AUDIT
    list_display = ("at", "who", "page", "depth", "whom")
    list_filter = (ReaderFilter, "page", "depth", "at")
    sortable_by = ()
    fields = ("at", "page", "depth", "people")
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ReadList

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffRead]:
        # Not joined: on a cluster identifiers are spread, and reads are not.
        reads: QuerySet[StaffRead] = super().get_queryset(request)
        return reads.prefetch_related("person")

    @display(description=_("who"))
    def who(self, read: Any) -> str:
        return str(read.name)

    @display(description=_("whom"))
    def whom(self, read: StaffRead) -> str:
        if read.person is None:
            return gettext("%(number)s people") % {"number": read.people}
        return profile_link(read.person.profile_id, f"…{read.person.value[-12:]}")
