"""Versions of the rules in the admin: who made each, what it changed, its file, the way back."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.admin.kit.base import BoundedList, ReadOnlyAdmin
from profiles.admin.kit.unfold import display
from profiles.admin.rules import CHANGE, STATES, VIEW
from profiles.models import IdentityRulesVersion
from profiles.services import (
    VersionView,
    actor_names,
    all_versions,
    view_versions,
    write_document,
)

MOST_SENTENCES = 3  # of a row of the list; the version's page has all


class VersionList(BoundedList):
    """A page of versions, each with its `view` and the name of its author."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        names = actor_names(row.actor for row in rows if row.actor)
        for row, view in zip(rows, view_versions(rows), strict=True):
            row.view, row.author = view, names.get(row.actor, "–")
        self.result_list = rows


@admin.register(IdentityRulesVersion)
class IdentityRulesVersionAdmin(ReadOnlyAdmin):
    """All versions of the rules, the latest first."""

    seen_with = VIEW
    list_display = ("number", "what", "why", "by", "created_at", "applied")
    list_filter = ("created_at",)
    sortable_by = ()
    ordering = ("-pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedList]:
        return VersionList

    def get_queryset(self, request: HttpRequest) -> Any:
        return all_versions()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        name = "profiles_identityrulesversion_download"
        return [path("<path:object_id>/download/", view, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what the version changed, and its file."""
        version = self.found_or_404(request, object_id)
        [view] = view_versions([version])
        back = f"{reverse('admin:profiles_rulesapplication_try')}?version={version.pk}"
        return self.page(
            request,
            "admin/profiles/rules_version.html",
            title=str(version),
            version=version,
            view=view,
            author=actor_names([version.actor])[version.actor] if version.actor else "–",
            text=write_document(view.document),
            download=reverse("admin:profiles_identityrulesversion_download", args=[version.pk]),
            back=back if request.user.has_perm(CHANGE) else "",
        )

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the file of a version."""
        version = self.found_or_404(request, object_id)
        [view] = view_versions([version])
        response = HttpResponse(write_document(view.document), content_type="application/yaml")
        response["Content-Disposition"] = f'attachment; filename="rules-{version.pk}.yaml"'
        return response

    @display(description=_("version"))
    def number(self, row: IdentityRulesVersion) -> int:
        return row.pk

    @display(description=_("what changed"))
    def what(self, row: Any) -> str:
        view: VersionView = row.view
        if not view.changes:
            return gettext("nothing") if row.former else gettext("the first rules")
        sentences = [(change.sentence,) for change in view.changes[:MOST_SENTENCES]]
        more = len(view.changes) - len(sentences)
        rest = format_html("<br>+ {}", more) if more else ""
        return format_html("{}{}", format_html_join(SafeString("<br>"), "{}", sentences), rest)

    @display(description=_("reason"))
    def why(self, row: IdentityRulesVersion) -> str:
        return row.reason or "–"

    @display(description=_("by"))
    def by(self, row: Any) -> str:
        author: str = row.author
        return author

    @display(description=_("judged what was before"), label=STATES)
    def applied(self, row: Any) -> tuple[str, str] | str:
        application = row.view.application
        return (application.state, application.get_state_display()) if application else "–"
