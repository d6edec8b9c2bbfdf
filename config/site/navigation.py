"""The admin's sidebar, stylesheet and icon. Unfold's settings name these functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _

from config.site.badges import overdue_holds, urgent_requests


class Entry(NamedTuple):
    """A link to the list of one model, `app.model`. Users who may view the model see it."""

    title: Any
    icon: str
    model: str
    query: str = ""
    # The model whose viewers see the list, where it is another one.
    seen_with: str = ""
    # Another page of the model than its list, by the name of its URL.
    page: str = ""
    # The permission that it takes, where viewing the model is not enough.
    may: str = ""
    # What is shown beside the title, an empty text for nothing.
    badge: Callable[[HttpRequest], str] | None = None

    @property
    def permission(self) -> str:
        if self.may:
            return self.may
        app, _, model = (self.seen_with or self.model).partition(".")
        return f"{app}.view_{model}"

    @property
    def url_name(self) -> str:
        return self.page or f"admin:{self.model.replace('.', '_')}_changelist"


# Entries by job: what somebody wants to do, and the lists that it needs.
GROUPS: dict[Any, tuple[Entry, ...]] = {
    _("Customers"): (
        Entry(_("Profiles"), "groups", "profiles.profile", "?known=yes"),
        Entry(_("Accounts"), "domain", "profiles.account", seen_with="profiles.profile"),
    ),
    _("Segments"): (
        Entry(_("Segments"), "pie_chart", "segments.segment"),
        Entry(
            _("RFM and life-cycles"),
            "grid_view",
            "segments.segmentfamily",
            seen_with="segments.segment",
        ),
        Entry(
            _("Exclusive groups"),
            "low_priority",
            "segments.exclusivegroup",
            seen_with="segments.segment",
        ),
    ),
    _("Activate"): (
        Entry(_("Exports"), "download", "segments.memberexport", seen_with="segments.segment"),
        Entry(_("Automations"), "schema", "segments.automation", seen_with="segments.segment"),
        Entry(_("Codes"), "redeem", "segments.codepool", seen_with="segments.segment"),
        Entry(
            _("Bounced addresses"),
            "unsubscribe",
            "consent.bouncedaddress",
            seen_with="profiles.profile",
        ),
        Entry(_("Mail templates"), "mail", "segments.mailtemplate", seen_with="segments.segment"),
        Entry(
            _("Destinations"),
            "send",
            "segments.destination",
            seen_with="segments.segment",
        ),
        Entry(_("Receivers"), "webhook", "segments.webhook", seen_with="segments.segment"),
        Entry(_("Lists"), "list_alt", "segments.staticlist", seen_with="segments.segment"),
    ),
    _("Identity"): (
        Entry(
            _("Cases"),
            "rule",
            "profiles.identitycase",
            seen_with="profiles.identityoutcome",
        ),
        Entry(
            _("Proposals"),
            "join",
            "profiles.matchproposal",
            seen_with="profiles.merge",
        ),
        Entry(
            _("Health"),
            "monitor_heart",
            "profiles.healthmeasure",
            seen_with="profiles.identityoutcome",
        ),
        Entry(_("Merges"), "merge", "profiles.merge"),
        Entry(_("Verdicts"), "gavel", "profiles.identitydecision", seen_with="profiles.merge"),
        Entry(_("Identity rules"), "fingerprint", "profiles.identityrule"),
        Entry(
            _("Other rules"),
            "science",
            "profiles.rulesapplication",
            seen_with="profiles.identityrule",
        ),
        Entry(
            _("Sandbox of rules"),
            "toys",
            "profiles.rulesapplication",
            seen_with="profiles.identityrule",
            page="admin:profiles_rulesapplication_sandbox",
        ),
        Entry(
            _("Versions of rules"),
            "history",
            "profiles.identityrulesversion",
            seen_with="profiles.identityrule",
        ),
    ),
    _("Privacy"): (
        Entry(
            _("Requests"),
            "shield_person",
            "consent.privacyrequest",
            badge=urgent_requests,
        ),
        Entry(
            _("Many people"),
            "groups_2",
            "consent.bulkrequest",
            seen_with="consent.privacyrequest",
        ),
        Entry(
            _("Legal holds"),
            "gavel",
            "consent.legalhold",
            "?state=placed",
            seen_with="consent.privacyrequest",
            badge=overdue_holds,
        ),
        Entry(
            _("Register"),
            "menu_book",
            "consent.purpose",
            seen_with="consent.privacyrequest",
            page="admin:consent_purpose_register",
        ),
        Entry(
            _("Consent over time"),
            "monitoring",
            "consent.purpose",
            seen_with="consent.privacyrequest",
            page="admin:consent_purpose_consents",
        ),
        Entry(
            _("Scope of a breach"),
            "policy_alert",
            "consent.privacyrequest",
            may="consent.change_privacyrequest",
            page="admin:consent_privacyrequest_breach",
        ),
        Entry(_("Letters"), "mail", "consent.lettermodel", seen_with="consent.privacyrequest"),
        Entry(_("Purposes"), "flag", "consent.purpose"),
        Entry(
            _("Retention"),
            "auto_delete",
            "consent.retentionrule",
            seen_with="consent.purpose",
        ),
        Entry(_("Notices"), "article", "consent.noticeversion"),
        Entry(_("Consent ledger"), "history_edu", "consent.consentevent"),
        Entry(_("Suppressions"), "person_off", "consent.suppression"),
        Entry(_("Controllers"), "domain", "consent.controller", seen_with="consent.privacyrequest"),
    ),
    _("Data"): (
        Entry(_("Sources"), "input", "profiles.source"),
        Entry(_("Tracking plans"), "rule", "ingestion.trackingplan"),
        Entry(_("Plan breaches"), "flag", "ingestion.planbreach"),
        Entry(_("Forbidden names"), "do_not_disturb_on", "ingestion.forbiddenname"),
        Entry(_("Webhooks"), "webhook", "ingestion.hook"),
        Entry(_("Imports"), "upload_file", "ingestion.fileimport"),
        Entry(_("SQL sources"), "database", "ingestion.sqlsource"),
        Entry(_("Kept mappings"), "table_rows", "ingestion.savedmapping"),
        Entry(_("Products"), "sell", "ingestion.product"),
        Entry(_("Rejected messages"), "report", "ingestion.rejectedmessage", "?state=open"),
        Entry(_("Inbox"), "inbox", "ingestion.inboxrow"),
        Entry(_("Dropped messages"), "block", "ingestion.droppedcount"),
        Entry(_("Consent categories"), "checklist", "ingestion.consentcategory"),
        Entry(_("Traits"), "label", "profiles.traitdefinition"),
        Entry(
            _("Computed traits"),
            "function",
            "segments.computedtrait",
            seen_with="segments.segment",
        ),
        Entry(_("Events"), "bolt", "profiles.eventname"),
        Entry(_("Properties"), "data_object", "profiles.schemakey", "?is_reviewed__exact=0"),
    ),
    _("Settings"): (
        Entry(_("API keys"), "key", "profiles.apikey"),
        Entry(_("Staff"), "person", "auth.user"),
        Entry(_("Roles"), "badge", "auth.group"),
        Entry(_("Audit"), "history", "profiles.auditentry"),
        Entry(_("Reads"), "visibility", "profiles.staffread", seen_with="profiles.auditentry"),
    ),
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups in which this user may view at least one list."""
    overview = {
        "title": _("Home"),
        "icon": "home",
        "link": reverse_lazy("admin:index"),
    }
    groups: list[dict[str, Any]] = [{"title": None, "items": [overview]}]
    groups += [
        {
            "title": title,
            "separator": True,
            "collapsible": len(entries) > 3,
            "items": [_item(entry, request) for entry in entries],
        }
        for title, entries in GROUPS.items()
        if any(request.user.has_perm(entry.permission) for entry in entries)
    ]
    return groups


def _item(entry: Entry, request: HttpRequest) -> dict[str, Any]:
    url = str(reverse_lazy(entry.url_name))
    badge = entry.badge(request) if entry.badge else ""
    # Unfold calls "active" and "permission" with the request.
    return {
        "title": entry.title,
        "icon": entry.icon,
        "link": f"{url}{entry.query}",
        "active": _is_nearest(url),
        "permission": _has_permission(entry.permission),
        # Unfold would show an empty badge.
        **({"badge": badge, "badge_variant": "danger"} if badge else {}),
    }


def _is_nearest(url: str) -> Callable[[HttpRequest], bool]:
    """Return whether a page lies below this entry, and below no entry that lies below it."""

    def is_nearest(request: HttpRequest) -> bool:
        above = (each for each in _urls() if request.path.startswith(each))
        return url == max(above, key=len, default="")

    return is_nearest


def _urls() -> list[str]:
    return [str(reverse_lazy(entry.url_name)) for group in GROUPS.values() for entry in group]


def _has_permission(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def account(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the links of the menu of one's own account."""
    user = request.user
    links = [{"title": _("Second factor"), "link": reverse("second-factor-overview")}]
    if user.is_authenticated and user.has_usable_password():
        change = reverse("admin:password_change")
        links.insert(0, {"title": _("Change password"), "link": change})
    return links


def stylesheet(request: HttpRequest) -> str:
    return static("tessera/admin.css")


def favicon(request: HttpRequest) -> str:
    return static("tessera/favicon.svg")
