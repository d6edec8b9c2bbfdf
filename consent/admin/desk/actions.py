"""What staff do on the page of a request: take a step, act at once, download the archive."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.desk.casework import CASEWORK
from consent.admin.desk.page import ACT
from consent.admin.desk.steps import STEPS
from consent.lib.downloads import download
from consent.models import RequestAttachment
from consent.services import ArchiveGone, WrongStatus, act_on_request, detach, take_archive
from profiles.admin.kit.base import MaskedAdmin, question_page, require, staff_actor
from profiles.admin.kit.masks import PERMISSION as SEE_CONTACTS
from profiles.lib.database import database_now


def take_step(admin: MaskedAdmin, request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
    """Ask for the fields of a step, then take it. What was typed stays where it is refused."""
    require(request, ACT)
    privacy_request = admin.found_or_404(request, str(pk))
    step = (STEPS | CASEWORK)[name]
    back = reverse("admin:consent_privacyrequest_change", args=[pk])
    # A form of only what may be left empty is sent all the same.
    is_sent = request.method == "POST"
    form = step.build(
        privacy_request, request.POST if is_sent else None, request.FILES if is_sent else None
    )
    if not form.is_valid():
        return question_page(admin, request, step.question(form, back))
    try:
        step.perform(privacy_request, form.cleaned_data, staff_actor(request))
    except (WrongStatus, ValueError) as error:
        # Somebody else may have moved the request since the page was shown.
        form.add_error(None, str(error))
        return question_page(admin, request, step.question(form, back))
    if name in STEPS:
        status = privacy_request.get_status_display()
        messages.success(request, gettext("The request is now: %s.") % status)
    return redirect(back)


def download_file(admin: MaskedAdmin, request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Hand out a file of a request, as a download that no browser opens by itself."""
    require(request, ACT)
    require(request, SEE_CONTACTS)
    privacy_request = admin.found_or_404(request, str(pk))
    file = get_object_or_404(RequestAttachment, pk=number, request=privacy_request)
    response = HttpResponse(bytes(file.content), content_type=file.content_type)
    response["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    response["Cache-Control"] = "no-store"
    return response


def delete_file(admin: MaskedAdmin, request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Delete a file of a request."""
    require(request, ACT)
    privacy_request = admin.found_or_404(request, str(pk))
    file = get_object_or_404(RequestAttachment, pk=number, request=privacy_request)
    if request.method == "POST":
        detach(file, actor=staff_actor(request))
    return redirect("admin:consent_privacyrequest_change", pk)


def act_now(admin: MaskedAdmin, request: HttpRequest, pk: UUID) -> HttpResponse:
    """Fulfil a request at once instead of waiting for a worker."""
    require(request, ACT)
    admin.found_or_404(request, str(pk))
    if request.method == "POST":
        if act_on_request(pk, actor=staff_actor(request)):
            messages.success(request, _("Done."))
        else:
            messages.info(request, _("Not done yet: messages are still on their way in."))
    return redirect("admin:consent_privacyrequest_change", pk)


def download_archive(admin: MaskedAdmin, request: HttpRequest, pk: UUID) -> HttpResponse:
    """Download the archive."""
    require(request, ACT)
    require(request, SEE_CONTACTS)
    privacy_request = admin.found_or_404(request, str(pk))
    page = redirect("admin:consent_privacyrequest_change", pk)
    # A GET, such as one of a prefetching browser, must not count.
    if request.method != "POST":
        return page
    try:
        content = take_archive(privacy_request, actor=staff_actor(request), now=database_now())
    except ArchiveGone as error:
        messages.error(request, str(error))
        return page
    return download(request, content, f"archive-{privacy_request.pk}.zip")
