"""The admin's sidebar and its style: what Unfold is told by settings, as functions of the request."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


class Entry(NamedTuple):
    """One list in the sidebar: `app.model`, shown to who may view it."""

    title: str
    icon: str
    model: str
    query: str = ""

    @property
    def permission(self) -> str:
        app, _, model = self.model.partition(".")
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
    "Segments": (Entry("Segments", "pie_chart", "segments.segment"),),
    "Privacy": (
        Entry("Requests", "shield_person", "consent.privacyrequest"),
        Entry("Purposes", "flag", "consent.purpose"),
        Entry("Notices", "article", "consent.noticeversion"),
        Entry("Consent ledger", "history_edu", "consent.consentevent"),
        Entry("Suppressions", "person_off", "consent.suppression"),
    ),
    "Ingestion": (
        Entry("Sources", "input", "profiles.source"),
        Entry("Rejected messages", "report", "ingestion.rejectedmessage", "?state=open"),
        Entry("Inbox", "inbox", "ingestion.inboxrow"),
        Entry("Consent categories", "checklist", "ingestion.consentcategory"),
        Entry("Dropped messages", "block", "ingestion.droppedcount"),
    ),
    "Access": (
        Entry("API keys", "key", "profiles.apikey"),
        Entry("Staff", "person", "auth.user"),
        Entry("Roles", "badge", "auth.group"),
    ),
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with at least one list that this user may view."""
    dashboard = {
        "title": "Overview",
        "icon": "space_dashboard",
        "link": reverse_lazy("admin:index"),
    }
    groups = [{"title": None, "items": [dashboard]}]
    groups += [
        {"title": title, "separator": True, "items": [_item(entry) for entry in entries]}
        for title, entries in GROUPS.items()
        if any(request.user.has_perm(entry.permission) for entry in entries)
    ]
    return groups


def _item(entry: Entry) -> dict[str, Any]:
    url = str(reverse_lazy(entry.url_name))
    return {
        "title": entry.title,
        "icon": entry.icon,
        "link": f"{url}{entry.query}",
        "active": _begins_with(url),
        "permission": _may(entry.permission),
    }


def _begins_with(url: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.path.startswith(url)


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def stylesheet(request: HttpRequest) -> str:
    return static("tessera/admin.css")


def favicon(request: HttpRequest) -> str:
    return static("tessera/favicon.svg")
