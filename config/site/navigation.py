"""The admin's sidebar, stylesheet and icon. Unfold's settings name these functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


class Entry(NamedTuple):
    """A link to the list of one model, `app.model`. Users who may view the model see it."""

    title: str
    icon: str
    model: str
    query: str = ""
    # The model whose viewers see the list, where it is another one.
    seen_with: str = ""

    @property
    def permission(self) -> str:
        app, _, model = (self.seen_with or self.model).partition(".")
        return f"{app}.view_{model}"

    @property
    def url_name(self) -> str:
        return f"admin:{self.model.replace('.', '_')}_changelist"


GROUPS = {
    "People": (
        Entry("Profiles", "groups", "profiles.profile", "?known=yes"),
        Entry("Needs a look", "rule", "profiles.identityoutcome", "?doubt=yes"),
        Entry("Merges", "merge", "profiles.merge"),
        Entry("Identity rules", "fingerprint", "profiles.identityrule"),
        Entry("Traits", "label", "profiles.traitdefinition"),
        Entry("Event names", "bolt", "profiles.eventname"),
    ),
    "Segments": (
        Entry("Segments", "pie_chart", "segments.segment"),
        Entry("Lists", "list_alt", "segments.staticlist", seen_with="segments.segment"),
        Entry(
            "RFM and life-cycles",
            "grid_view",
            "segments.segmentfamily",
            seen_with="segments.segment",
        ),
    ),
    "Privacy": (
        Entry("Requests", "shield_person", "consent.privacyrequest"),
        Entry("Purposes", "flag", "consent.purpose"),
        Entry("Notices", "article", "consent.noticeversion"),
        Entry("Consent ledger", "history_edu", "consent.consentevent"),
        Entry("Suppressions", "person_off", "consent.suppression"),
    ),
    "Ingestion": (
        Entry("Sources", "input", "profiles.source"),
        Entry("Imports", "upload_file", "ingestion.fileimport"),
        Entry("Kept mappings", "table_rows", "ingestion.savedmapping"),
        Entry("Rejected messages", "report", "ingestion.rejectedmessage", "?state=open"),
        Entry("Inbox", "inbox", "ingestion.inboxrow"),
        Entry("Consent categories", "checklist", "ingestion.consentcategory"),
        Entry("Dropped messages", "block", "ingestion.droppedcount"),
    ),
    "Access": (
        Entry("API keys", "key", "profiles.apikey"),
        Entry("Staff", "person", "auth.user"),
        Entry("Roles", "badge", "auth.group"),
        Entry("Audit", "history", "profiles.auditentry"),
    ),
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups in which this user may view at least one list."""
    overview = {
        "title": "Overview",
        "icon": "space_dashboard",
        "link": reverse_lazy("admin:index"),
    }
    groups: list[dict[str, Any]] = [{"title": None, "items": [overview]}]
    groups += [
        {"title": title, "separator": True, "items": [_item(entry) for entry in entries]}
        for title, entries in GROUPS.items()
        if any(request.user.has_perm(entry.permission) for entry in entries)
    ]
    return groups


def _item(entry: Entry) -> dict[str, Any]:
    url = str(reverse_lazy(entry.url_name))
    # Unfold calls "active" and "permission" with the request.
    return {
        "title": entry.title,
        "icon": entry.icon,
        "link": f"{url}{entry.query}",
        "active": _is_below(url),
        "permission": _has_permission(entry.permission),
    }


def _is_below(url: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.path.startswith(url)


def _has_permission(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def stylesheet(request: HttpRequest) -> str:
    return static("tessera/admin.css")


def favicon(request: HttpRequest) -> str:
    return static("tessera/favicon.svg")
