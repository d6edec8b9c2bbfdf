"""The pages of a session: what is held, what is permitted, requests, and deletion.

Invariant: a session reaches only what the proved identifier provably reaches.
"""

from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consent import services
from consent.lib.downloads import continues_download, download
from consent.models import (
    ConsentEvent,
    ConsentKind,
    MailedLink,
    Method,
    PrivacyRequest,
    PurposeVersion,
    State,
)
from consent.pages.door import forget, own_page, own_page_context
from consent.pages.kit import page
from consent.pages.own_data import own_data
from consent.requests.subjects import Subject
from profiles.identifiers.normalisers import InvalidIdentifier
from profiles.lib.database import database_now
from profiles.lib.throttles import Throttle, seconds_to_wait
from profiles.models import Identifier
from profiles.services import CUSTOMER, InvalidCorrection

Kind, Status = PrivacyRequest.Kind, PrivacyRequest.Status
# What the page of requests offers by a button. The others have pages of their own.
OFFERED = (Kind.ACCESS, Kind.PORTABILITY, Kind.RESTRICTION, Kind.OBJECTION)
NUMBER_FAULT = "not a number"


@require_http_methods(["GET", "HEAD"])
@own_page
def data(request: HttpRequest, link: MailedLink) -> HttpResponse:
    """Show all that is held."""
    subject = _subject(link)
    if not subject.people:
        return _nothing_held(request)
    return _page(
        request,
        link,
        "consent/pages/data.html",
        _("What we know"),
        "data",
        **_data_of(subject, link),
    )


@require_POST
@own_page
def correct(request: HttpRequest, link: MailedLink) -> HttpResponse:
    """Ask for a trait to be corrected."""
    subject = _subject(link)
    if not subject.people:
        return _nothing_held(request)
    context: dict[str, Any] = {}
    try:
        key, value = request.POST.get("key", ""), _typed_value(request)
        opened = _open_request(request, link, kind=Kind.RECTIFICATION, changes={key: value})
    except (InvalidCorrection, InvalidIdentifier):
        context["fault"] = _("This value cannot be stored. Please check it.")
    else:
        context["notice"] = _correction_words(opened)
    status = HTTPStatus.BAD_REQUEST if "fault" in context else HTTPStatus.OK
    context |= _data_of(_subject(link), link)
    return _page(
        request,
        link,
        "consent/pages/data.html",
        _("What we know"),
        "data",
        status=status,
        **context,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def permissions(request: HttpRequest, link: MailedLink) -> HttpResponse:
    """Show each purpose with its text, and keep a choice."""
    subject = _subject(link)
    if not subject.people:
        return _nothing_held(request)
    notice = _choice(request, link, subject) if request.method == "POST" else ""
    return _page(
        request,
        link,
        "consent/pages/permissions.html",
        _("What you allow"),
        "permissions",
        notice=notice,
        permissions=services.own_permissions(subject),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def requests(request: HttpRequest, link: MailedLink) -> HttpResponse:
    """List the customer's requests, and open another one."""
    notice = fault = ""
    status = HTTPStatus.OK
    if request.method == "POST":
        kind = request.POST.get("kind", "")
        if kind not in OFFERED:
            fault, status = _("This cannot be asked for here."), HTTPStatus.BAD_REQUEST
        elif _open_request(request, link, kind=kind):
            notice = _("We have your request.")
        else:
            fault = _("Please wait a while, then try again.")
            status = HTTPStatus.TOO_MANY_REQUESTS
    return _page(
        request,
        link,
        "consent/pages/requests.html",
        _("Your requests"),
        "requests",
        status=status,
        notice=notice,
        fault=fault,
        requests=_own_requests(link),
        offered=OFFERED,
    )


@require_http_methods(["GET", "POST"])
@own_page
def archive(request: HttpRequest, link: MailedLink, pk: UUID) -> HttpResponse:
    """Hand out the archive of a request; by POST, delete it, since the customer has it."""
    privacy_request = get_object_or_404(_requests_of(link), pk=pk)
    now = database_now()
    try:
        if request.method == "POST":
            services.confirm_archive(privacy_request, actor=CUSTOMER, now=now)
            return redirect("privacy-requests")
        content = services.take_archive(
            privacy_request, actor=CUSTOMER, now=now, is_rest=continues_download(request)
        )
    except services.ArchiveGone:
        return redirect("privacy-requests")
    return download(request, content, f"archive-{privacy_request.pk}.zip")


@require_POST
@own_page
def lift(request: HttpRequest, link: MailedLink, pk: UUID) -> HttpResponse:
    """End a restriction that the customer asked for."""
    privacy_request = get_object_or_404(_requests_of(link), pk=pk)
    if services.is_restriction_in_effect(privacy_request):
        now = database_now()
        services.lift_restriction(privacy_request, actor=CUSTOMER, reason="", now=now)
    return redirect("privacy-requests")


@require_http_methods(["GET", "HEAD"])
@own_page
def receipt(request: HttpRequest, link: MailedLink, pk: UUID) -> HttpResponse:
    """Hand out the signed receipt of a choice."""
    own_events = ConsentEvent.objects.filter(identifier__in=_subject(link).identifier_ids)
    made = services.make_receipt(get_object_or_404(own_events, pk=pk).pk)
    name = f'attachment; filename="receipt-{pk}.json"'
    return JsonResponse(
        {"receipt": made.content, "jws": made.jws}, headers={"Content-Disposition": name}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def deletion(request: HttpRequest, link: MailedLink) -> HttpResponse:
    """Say what goes and what stays; delete everything once that is confirmed."""
    title = _("Delete everything")
    if request.method != "POST":
        return _page(request, link, "consent/pages/deletion.html", title, "deletion")
    if request.POST.get("confirmed") != "yes":
        fault = _("Please tick the box: this cannot be undone.")
        status = HTTPStatus.BAD_REQUEST
        return _page(
            request,
            link,
            "consent/pages/deletion.html",
            title,
            "deletion",
            status=status,
            fault=fault,
        )
    if _open_request(request, link, kind=Kind.ERASURE) is None:
        fault, status = _("Please wait a while, then try again."), HTTPStatus.TOO_MANY_REQUESTS
        return _page(
            request,
            link,
            "consent/pages/deletion.html",
            title,
            "deletion",
            status=status,
            fault=fault,
        )
    return forget(
        page(request, "consent/pages/farewell.html", title=_("Your data are being deleted"))
    )


def _page(
    request: HttpRequest,
    link: MailedLink,
    template: str,
    title: str,
    current: str,
    **context: Any,
) -> HttpResponse:
    return page(request, template, title=title, **own_page_context(link, current), **context)


def _nothing_held(request: HttpRequest) -> HttpResponse:
    title = _("We hold nothing about this address any more")
    return forget(page(request, "consent/pages/farewell.html", title=title))


def _subject(link: MailedLink) -> Subject:
    return services.find_own_subject(_identifier_id(link))


def _identifier_id(link: MailedLink) -> int:
    # `own_page` lets nobody in whose link has none.
    return cast("int", link.identifier_id)


def _data_of(subject: Subject, link: MailedLink) -> dict[str, Any]:
    words, is_whole = own_data(subject, _identifier_id(link))
    return {"data": words, "is_whole": is_whole}


def _typed_value(request: HttpRequest) -> Any:
    """Return the value of the form in the type of the one that it corrects."""
    text = request.POST.get("value", "").strip()
    match request.POST.get("kind"):
        case "boolean":
            return text == "yes"
        case "number":
            try:
                number = Decimal(text.replace(",", "."))
            except InvalidOperation:
                raise InvalidCorrection(request.POST.get("key", ""), NUMBER_FAULT) from None
            if not number.is_finite():
                raise InvalidCorrection(request.POST.get("key", ""), NUMBER_FAULT)
            return int(number) if number == number.to_integral_value() else float(number)
        case _:
            return text


def _correction_words(opened: PrivacyRequest | None) -> str:
    if opened is None:
        return _("Please wait a while, then try again.")
    if opened.status == Status.AWAITING_VERIFICATION:
        return _("We will check this and correct it. See “Your requests”.")
    return _("It is being corrected.")


def _open_request(
    request: HttpRequest, link: MailedLink, *, kind: str, changes: dict[str, Any] | None = None
) -> PrivacyRequest | None:
    """Open a request; None where the customer has made too many. Raises InvalidCorrection."""
    if seconds_to_wait(Throttle.PRIVACY_REQUEST, kind, _identifier_id(link)):
        return None
    return services.open_own_request(
        services.NewRequest(kind=kind, changes=changes or {}, language=get_language() or ""),
        identifier_id=_identifier_id(link),
        actor=CUSTOMER,
    )


def _choice(request: HttpRequest, link: MailedLink, subject: Subject) -> str:
    """Keep a choice, or ask a guardian for it; return what to say."""
    if "guardian" in request.POST:
        return _ask_guardian(request, link)
    return _choose(request, link, subject)


def _ask_guardian(request: HttpRequest, link: MailedLink) -> str:
    if seconds_to_wait(Throttle.PRIVACY_REQUEST, "guardian", _identifier_id(link)):
        return _("Please wait a while, then try again.")
    opt_in = services.NewGuardianOptIn(
        email=request.POST["guardian"][:320],
        child=str(Identifier.objects.get(pk=_identifier_id(link))),
        purposes=[request.POST.get("purpose", "")],
        language=get_language() or "",
    )
    try:
        services.request_guardian(opt_in, actor=CUSTOMER)
    except (InvalidIdentifier, services.UnknownPurpose):
        return _("Please give the e-mail address of somebody who looks after you.")
    return _("We have written to them. Once they agree, this is allowed.")


def _choose(request: HttpRequest, link: MailedLink, subject: Subject) -> str:
    """Keep what the customer says to a purpose, with the very text that they read."""
    version = (
        PurposeVersion.objects.filter(purpose__key=request.POST.get("purpose", ""))
        .order_by("-number")
        .first()
    )
    if version is None:
        return ""
    choice = request.POST.get("allowed")
    services.record_own_statement(
        services.ConsentStatement(
            reference=str(Identifier.objects.get(pk=_identifier_id(link))),
            purpose=version.purpose.key,
            kind=ConsentKind.OBJECTION if choice == "objected" else ConsentKind.CONSENT,
            state=State.GIVEN if choice in ("yes", "objected") else State.WITHDRAWN,
            method=Method.BUTTON,
            evidence={
                "page": request.path,
                "title": version.title,
                "text": version.text,
                "version": version.number,
            },
        ),
        reached=subject.identifier_ids,
        actor=CUSTOMER,
    )
    return _("Your choice is kept.")


def _requests_of(link: MailedLink) -> Any:
    return PrivacyRequest.objects.filter(
        door=PrivacyRequest.Door.CUSTOMER, identifier_ids__contains=[_identifier_id(link)]
    )


def _own_requests(link: MailedLink) -> list[dict[str, Any]]:
    requests = list(_requests_of(link))
    waiting = services.waiting_archives(database_now()).filter(request__in=requests)
    archives = {archive.request_id: archive for archive in waiting.defer("content")}
    return [
        {
            "request": each,
            "archive": archives.get(each.pk) if each.status == Status.DONE else None,
            "can_be_lifted": services.is_restriction_in_effect(each),
        }
        for each in requests
    ]
